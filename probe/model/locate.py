"""From what a person calls a model to the model: a path, a name of Ollama's, or an id of the Hugging Face Hub."""

from ..host import Host
from .choose_gguf import main_files, one_of
from .fault import BadModel
from .gguf_model import read_gguf
from .hf_model import read_directory, read_file
from .hub import open_hub
from .ollama import open_ollama
from .types import Model

MAX_REFERENCE = 4096
_CONFIGS = ("config.json", "model.safetensors.index.json")
_KINDS = {"block": "block device", "char": "character device"}


def open_model(host: Host, reference: str) -> Model:
    """The model that `reference` names; raises `BadModel`, which for a name that is not found tells the nearest."""
    if not reference or len(reference) > MAX_REFERENCE or "\0" in reference:
        raise BadModel(reference[:80] or "''", "is no name of a model")
    stat = host.stat(reference) if reference.startswith("/") else None
    if stat is None:
        return _open_named(host, reference)
    path = reference.rstrip("/") or "/"
    if stat["kind"] == "directory":
        return _open_directory(host, path)
    if stat["kind"] != "file":
        raise BadModel(path, f"is no file but a {_KINDS.get(str(stat['kind']), 'pipe or socket')}")
    return _open_file(host, path)


def _open_file(host: Host, path: str) -> Model:
    directory, _, name = path.rpartition("/")
    if name.endswith(".safetensors"):
        return read_file(host, path)
    if name in _CONFIGS:
        return _open_directory(host, directory or "/")
    return read_gguf(host, path)


def _open_directory(host: Host, path: str) -> Model:
    names = host.names(path, natural=False)
    files = main_files([f"{path}/{name}" for name in names])
    if any(name.endswith(".safetensors") for name in names) or "model.safetensors.index.json" in names:
        return read_directory(host, path)
    if files:
        return read_gguf(host, one_of(path, files))
    if "snapshots" in names and "refs" in names:
        title = path.rpartition("/")[2].removeprefix("models--").replace("--", "/")
        found = open_hub(host, title)
        if found is not None:
            return found
    if "config.json" in names:
        return read_directory(host, path)  # It says what is missing.
    raise BadModel(path, "holds no model: neither GGUF nor safetensors files")


def _open_named(host: Host, reference: str) -> Model:
    if not reference.startswith(("/", ".", "~")):
        found = open_ollama(host, reference) or open_hub(host, reference)
        if found is not None:
            return found
    return _open_listed(host, reference)


def _open_listed(host: Host, reference: str) -> Model:
    """A model in a usual directory by its file's name; else the fault."""
    from ..models import probe_models

    listed = probe_models(host)
    wanted = reference.removesuffix(".gguf").lower()
    for model in listed:
        if model.name.removesuffix(".gguf").lower() == wanted:
            return open_model(host, model.path)
    raise BadModel(reference, _not_found(reference, [model.name for model in listed]))


def _not_found(reference: str, names: list[str]) -> str:
    import difflib

    if reference.startswith("/"):
        what = "no such file or directory, or it may not be read"
    else:
        what = "is no file here, no model of Ollama's, and in no cache of the Hugging Face Hub on this machine"
    if not names:
        return what
    by_short = {name.rpartition("/")[2].lower(): name for name in reversed(names)}
    short = reference.rstrip("/").rpartition("/")[2].lower()[:200]
    near = [by_short[name] for name in difflib.get_close_matches(short, list(by_short), 3, 0.5)]
    if near:
        return f"{what}; did you mean {' or '.join(near)}?"
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"{what}; this machine has {', '.join(names[:4])}{more}"
