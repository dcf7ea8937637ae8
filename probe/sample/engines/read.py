"""`read_engine`: what a server tells, whichever engine it is."""

from ..engine import EngineMoment
from .http import Get
from .llama_cpp import read_llama_cpp

LLAMA_CPP = ("llama.cpp", "llamafile")


def read_engine(
    get: Get, engine: str, before: EngineMoment | None = None, shared_context: bool | None = None
) -> EngineMoment:
    """One moment of a server; `engine` as in `probe/servers.py`."""
    return read_llama_cpp(get, before, shared_context)
