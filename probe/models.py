"""Models that lie on this machine's disks. Names and sizes only; no file is opened but Ollama's small manifests."""

import json
import re
from collections.abc import Iterator
from typing import Literal

from .host import Host
from .model_dirs import model_directories
from .reading import Reading

MAX_DEPTH = 4
MAX_NAMES = 2000
MAX_MODELS = 500
_SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.gguf")
_OLLAMA_MODEL = "application/vnd.ollama.image.model"


class ModelFile(Reading):
    """One model."""

    name: str
    kind: Literal["gguf", "hub", "ollama"]
    path: str
    """Its first file, or the directory of its snapshot."""
    size_bytes: int | None
    """All its files together."""
    files: int


def probe_models(host: Host) -> tuple[ModelFile, ...]:
    """The models in the usual directories, each once."""
    found: dict[str, ModelFile] = {}
    for directory in model_directories(host):
        for model in _models_in(host, directory, MAX_DEPTH):
            if len(found) >= MAX_MODELS:
                return tuple(found.values())
            found.setdefault(model.path, model)
    return tuple(found.values())


def _models_in(host: Host, directory: str, depth: int) -> Iterator[ModelFile]:
    names = host.names(directory)[:MAX_NAMES]
    if "manifests" in names and "blobs" in names:
        yield from _ollama(host, directory)
        return
    yield from _gguf(host, directory, [name for name in names if name.endswith(".gguf")])
    for name in names:
        if name.startswith("models--"):
            yield from _hub(host, f"{directory}/{name}")
        elif (
            depth > 1
            and "." not in name[:1]
            and not name.endswith(".gguf")
            and _is_directory(host, f"{directory}/{name}")
        ):
            yield from _models_in(host, f"{directory}/{name}", depth - 1)


def _gguf(host: Host, directory: str, names: list[str]) -> Iterator[ModelFile]:
    groups: dict[str, list[str]] = {}
    for name in names:
        shard = _SHARD.fullmatch(name)
        groups.setdefault(f"{shard[1]}.gguf" if shard else name, []).append(name)
    for title, files in groups.items():
        yield _model(host, title, "gguf", [f"{directory}/{name}" for name in sorted(files)])


def _hub(host: Host, directory: str) -> Iterator[ModelFile]:
    title = directory.rpartition("/")[2].removeprefix("models--").replace("--", "/")
    snapshots = [f"{directory}/snapshots/{name}" for name in host.names(f"{directory}/snapshots")]
    for snapshot in snapshots[-1:]:
        files = [f"{snapshot}/{name}" for name in host.names(snapshot)[:MAX_NAMES]]
        weights = [path for path in files if path.endswith((".safetensors", ".gguf", ".bin", ".pt"))]
        if weights:
            yield _model(host, title, "hub", weights).model_copy(update={"path": snapshot})


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


def _model(host: Host, name: str, kind: Literal["gguf", "hub", "ollama"], paths: list[str]) -> ModelFile:
    sizes = [(host.stat(path) or {}).get("size") for path in paths]
    known = [size for size in sizes if isinstance(size, int)]
    return ModelFile(
        name=name,
        kind=kind,
        path=paths[0],
        size_bytes=sum(known) if len(known) == len(paths) else None,
        files=len(paths),
    )


def _is_directory(host: Host, path: str) -> bool:
    return (host.stat(path) or {}).get("kind") == "directory"
