"""The engines a plan can be made for, by the names of `--backend`."""

from collections.abc import Mapping

from . import llama_cpp, ollama, vllm
from .base import Backend

BACKENDS: Mapping[str, Backend] = {backend.NAME: backend for backend in (llama_cpp, ollama, vllm)}
