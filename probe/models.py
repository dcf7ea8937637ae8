"""Models that lie on this machine's disks. Names and sizes only; no file is opened but Ollama's small manifests."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from .host import Host
from .model_dirs import model_directories
from .reading import Reading

MAX_DEPTH = 4
MAX_NAMES = 2000
MAX_MODELS = 500
MAX_DIRECTORIES = 400
"""Looked into, all together: a link in a directory of models may lead to a whole disk."""
_SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.gguf")
_OLLAMA_MODEL = "application/vnd.ollama.image.model"
_WEIGHTS = (".safetensors", ".bin", ".pt")
"""In the order in which engines choose; the same weights often lie there twice."""
_FILES = (*_WEIGHTS, ".gguf", ".json", ".txt", ".md", ".py")
"""Names that are not worth asking whether they are directories."""


class ModelFile(Reading):
    """One model."""

    name: str
    kind: Literal["gguf", "safetensors", "hub", "ollama"]
    path: str
    """Its first file, or the directory of its snapshot."""
    size_bytes: int | None
    """All its files together."""
    files: int


def probe_models(host: Host) -> tuple[ModelFile, ...]:
    """The models in the usual directories, each once."""
    found: dict[str, ModelFile] = {}
    visited: set[str] = set()
    for directory in model_directories(host):
        for model in _models_in(host, directory, MAX_DEPTH, visited):
            if len(found) >= MAX_MODELS:
                return tuple(found.values())
            found.setdefault(model.path, model)
    return tuple(found.values())


def _models_in(host: Host, directory: str, depth: int, visited: set[str]) -> Iterator[ModelFile]:
    real = host.resolve(directory) or directory
    if real in visited or len(visited) >= MAX_DIRECTORIES:
        return
    visited.add(real)
    names = host.names(directory)[:MAX_NAMES]
    if "manifests" in names and "blobs" in names:
        yield from _ollama(host, directory)
        return
    yield from _gguf(host, directory, names)
    if "config.json" in names:
        title = directory.rpartition("/")[2]
        yield from _weights(host, title, "safetensors", directory, names, (".safetensors",))
    for name in names:
        if name.startswith("models--"):
            yield from _hub(host, f"{directory}/{name}")
        elif depth > 1 and _may_be_directory(name) and _is_directory(host, f"{directory}/{name}"):
            yield from _models_in(host, f"{directory}/{name}", depth - 1, visited)


def _gguf(host: Host, directory: str, names: Iterable[str], prefix: str = "") -> Iterator[ModelFile]:
    groups: dict[str, list[str]] = {}
    for name in names:
        if name.endswith(".gguf"):
            shard = _SHARD.fullmatch(name)
            groups.setdefault(f"{shard[1]}.gguf" if shard else name, []).append(name)
    for title, files in groups.items():
        kind: Literal["gguf", "hub"] = "hub" if prefix else "gguf"
        yield _model(host, prefix + title, kind, [f"{directory}/{name}" for name in sorted(files)])


def _weights(
    host: Host,
    title: str,
    kind: Literal["safetensors", "hub"],
    directory: str,
    names: Iterable[str],
    endings: tuple[str, ...],
) -> Iterator[ModelFile]:
    """The directory as one model, of the files of the first ending that is there."""
    for ending in endings:
        files = [f"{directory}/{name}" for name in names if name.endswith(ending)]
        if files:
            yield _model(host, title, kind, files).model_copy(update={"path": directory})
            return


def _hub(host: Host, directory: str) -> Iterator[ModelFile]:
    title = directory.rpartition("/")[2].removeprefix("models--").replace("--", "/")
    snapshots = host.names(f"{directory}/snapshots")
    main = host.text(f"{directory}/refs/main", optional=True)
    for snapshot in [main] if main in snapshots else snapshots[-1:]:
        place = f"{directory}/snapshots/{snapshot}"
        names = host.names(place)[:MAX_NAMES]
        yield from _weights(host, title, "hub", place, names, _WEIGHTS)
        # Each quantization is a model of its own, and large ones lie in directories of their own.
        yield from _gguf(host, place, names, f"{title}/")
        for name in [name for name in names if _may_be_directory(name)][:64]:
            yield from _gguf(host, f"{place}/{name}", host.names(f"{place}/{name}")[:MAX_NAMES], f"{title}/")


def _ollama(host: Host, directory: str) -> Iterator[ModelFile]:
    for registry in host.names(f"{directory}/manifests")[:16]:
        for owner in host.names(f"{directory}/manifests/{registry}")[:MAX_NAMES]:
            for model in host.names(f"{directory}/manifests/{registry}/{owner}")[:MAX_NAMES]:
                base = f"{directory}/manifests/{registry}/{owner}/{model}"
                for tag in host.names(base)[:64]:
                    digest = _weights_digest(host.text(f"{base}/{tag}", optional=True) or "")
                    if digest:
                        yield _model(host, f"{model}:{tag}", "ollama", [f"{directory}/blobs/{digest}"])


def _weights_digest(manifest: str) -> str | None:
    """The blob that holds the weights, from an Ollama manifest."""
    try:
        layers = json.loads(manifest)["layers"]
        digests = [layer["digest"] for layer in layers if layer["mediaType"] == _OLLAMA_MODEL]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    found = re.fullmatch(r"sha256:([0-9a-f]{64})", digests[0]) if digests and isinstance(digests[0], str) else None
    return f"sha256-{found[1]}" if found else None


def _model(host: Host, name: str, kind: Literal["gguf", "safetensors", "hub", "ollama"], paths: list[str]) -> ModelFile:
    sizes = [(host.stat(path) or {}).get("size") for path in paths]
    known = [size for size in sizes if isinstance(size, int)]
    return ModelFile(
        name=name,
        kind=kind,
        path=paths[0],
        size_bytes=sum(known) if len(known) == len(paths) else None,
        files=len(paths),
    )


def _may_be_directory(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(_FILES)


def _is_directory(host: Host, path: str) -> bool:
    return (host.stat(path) or {}).get("kind") == "directory"
