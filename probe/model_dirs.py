"""The directories where models usually lie: caches of Hugging Face, llama.cpp, Ollama, LM Studio and others.

Looks at the variables that move these caches, at $HOME (and the home of the user behind sudo), and at the places
that packages and people choose for whole machines. Only directories that exist are told.
"""

from collections.abc import Iterator

from .host import Host

MAX_DIRECTORIES = 64

SHARED = (
    "/usr/share/ollama/.ollama/models",
    "/var/lib/ollama/models",
    "/var/lib/ollama/.ollama/models",
    "/var/snap/ollama/common/models",
    "/var/lib/lmstudio/models",
    "/var/lib/ramalama/store",
    "/models",
    "/srv/models",
    "/opt/models",
    "/data/models",
    "/mnt/models",
    "/var/lib/models",
)
"""System services' stores, and the names people give a directory of models."""

IN_HOME = (
    ".ollama/models",
    ".lmstudio/models",
    ".cache/lm-studio/models",
    ".local/share/ramalama/store",
    ".local/share/nomic.ai/GPT4All",
    ".local/share/Jan/data/llamacpp/models",
    ".docker/models",
    "models",
)
IN_CACHE = ("huggingface/hub", "llama.cpp", "modelscope/hub", "gpt4all")
"""Below $XDG_CACHE_HOME, or ~/.cache."""

VARIABLES = (
    ("OLLAMA_MODELS", ""),
    ("HF_HUB_CACHE", ""),
    ("HUGGINGFACE_HUB_CACHE", ""),
    ("HF_HOME", "/hub"),
    ("TRANSFORMERS_CACHE", ""),
    ("LLAMA_CACHE", ""),
    ("MODELSCOPE_CACHE", "/hub"),
)
"""Variable -> what its engine appends to it."""


def model_directories(host: Host) -> tuple[str, ...]:
    """The existing directories that usually hold models, the ones named by variables first, each once."""
    found: dict[str, str] = {}
    for path in _candidates(host):
        status = host.stat(path) if len(found) < MAX_DIRECTORIES else None
        if status is not None and status.get("kind") == "directory":
            found.setdefault(host.resolve(path) or path, path)
    return tuple(found.values())


def _candidates(host: Host) -> Iterator[str]:
    home = (host.environment("HOME") or "").rstrip("/")
    if home.startswith("/"):
        # Without $HOME there is no environment worth asking: a service's, or a directory tree.
        yield from _personal(host, home)
    yield from SHARED


def _personal(host: Host, home: str) -> Iterator[str]:
    for name, below in VARIABLES:
        value = host.environment(name)
        if value and value.startswith("/"):
            yield value.rstrip("/") + below
    cache = host.environment("XDG_CACHE_HOME")
    yield from _below_home(home, cache if cache and cache.startswith("/") else f"{home}/.cache")
    # Under sudo $HOME is root's; the models are the caller's.
    caller = host.environment("SUDO_USER")
    for line in (host.text("/etc/passwd", optional=True) or "").splitlines() if caller else ():
        fields = line.split(":")
        if len(fields) >= 7 and fields[0] == caller and fields[5].startswith("/") and fields[5] != home:
            other = fields[5].rstrip("/")
            yield from _below_home(other, f"{other}/.cache")


def _below_home(home: str, cache: str) -> Iterator[str]:
    yield from (f"{cache}/{name}" for name in IN_CACHE)
    yield from (f"{home}/{name}" for name in IN_HOME)
