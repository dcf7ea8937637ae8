"""`read_engine`: what a server tells, whichever engine it is."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ...loopback import Get
from ..engine import EngineMoment
from .generic import read_generic
from .llama_cpp import read_llama_cpp
from .ollama import read_ollama
from .sglang import read_sglang
from .tgi import read_tgi
from .vllm import read_vllm

Reader: TypeAlias = Callable[[Get, EngineMoment | None], EngineMoment]
READERS: Mapping[str, Reader] = {
    "vLLM": read_vllm,
    "SGLang": read_sglang,
    "Ollama": read_ollama,
    "TGI": read_tgi,
}
"""By the names of `probe/servers.py`; those that are not here are asked for what most tell."""
LLAMA_CPP = frozenset({"llama.cpp", "llamafile"})


def read_engine(
    get: Get, engine: str, before: EngineMoment | None = None, shared_context: bool | None = None
) -> EngineMoment:
    """One moment of a server; `before` is the one before it, so that what does not change is not asked again."""
    if engine in LLAMA_CPP:
        return read_llama_cpp(get, before, shared_context)
    return READERS.get(engine, read_generic)(get, before)
