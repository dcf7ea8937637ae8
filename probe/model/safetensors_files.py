"""The safetensors files that together are one model: by the index, or by their names."""

import re
from typing import Any, NamedTuple

from ..host import Host
from .fault import BadModel
from .json_file import read_object
from .safetensors import SafetensorsFile, read_safetensors
from .types import Tensor

INDEX = "model.safetensors.index.json"
MAX_INDEX_BYTES = 40 << 20
"""That of a model with 384 experts in each of 60 layers takes 30 MB."""
MAX_SHARDS = 1024
_SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.safetensors", re.DOTALL)


class Weights(NamedTuple):
    """All files of a model and their tensors."""

    files: tuple[SafetensorsFile, ...]
    tensors: tuple[Tensor, ...]
    oddities: tuple[str, ...]


def read_weights(host: Host, directory: str) -> Weights:
    """The weights in a directory; raises `BadModel`."""
    names = host.names(directory, natural=False)
    index = _index_name(names)
    if index is not None:
        return _by_index(host, directory, index)
    return _read(host, directory, _unindexed(directory, names), None, ())


def _index_name(names: tuple[str, ...]) -> str | None:
    if INDEX in names:
        return INDEX
    return next((name for name in names if name.endswith(".safetensors.index.json")), None)


def _by_index(host: Host, directory: str, index: str) -> Weights:
    path = f"{directory}/{index}"
    content = read_object(host, path, MAX_INDEX_BYTES, strict=True)
    placed = content.get("weight_map")
    if not isinstance(placed, dict) or not placed:
        raise BadModel(path, "has no weight_map")
    shards: dict[str, None] = {}
    for tensor, name in placed.items():
        if not isinstance(name, str):
            raise BadModel(path, f"puts tensor {tensor[:80]!r} into no file but {str(name)[:40]!r}")
        if name not in shards:
            _check_name(path, name)
            shards[name] = None
    if len(shards) > MAX_SHARDS:
        raise BadModel(path, f"names {len(shards)} files, more than {MAX_SHARDS}")
    for number, name in enumerate(sorted(shards), 1):
        if host.stat(f"{directory}/{name}") is None:
            raise BadModel(f"{directory}/{name}", f"shard {number} of {len(shards)} is missing; download it")
    return _read(host, directory, sorted(shards), placed, _odd_size(content))


def _check_name(path: str, name: str) -> None:
    if "/" in name or "\0" in name or name in ("", ".", ".."):
        raise BadModel(path, f"names the file {name[:80]!r}, which lies outside its directory")
    if not name.endswith(".safetensors"):
        raise BadModel(path, f"names the file {name[:80]!r}, which is no safetensors file")


def _odd_size(content: dict[str, Any]) -> tuple[str, ...]:
    metadata = content.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    return () if total is None or (type(total) is int and 0 < total < 1 << 60) else ("its index claims an absurd size",)


def _unindexed(directory: str, names: tuple[str, ...]) -> list[str]:
    files = [name for name in names if name.endswith(".safetensors")]
    if not files:
        pickled = [name for name in names if name.endswith((".bin", ".pt", ".pth"))]
        hint = f"; {pickled[0]} is in an older format that may run code when loaded" if pickled else ""
        raise BadModel(directory, f"holds no GGUF and no safetensors files{hint}")
    if all(name.startswith("adapter_") for name in files):
        raise BadModel(f"{directory}/{files[0]}", "is a LoRA adapter, not a model; name the base model's directory")
    if "model.safetensors" in files:
        return ["model.safetensors"]
    chosen = [name for name in files if name.startswith("model")]
    chosen = chosen or [name for name in files if not name.startswith(("adapter_", "consolidated"))] or files
    _check_complete(directory, chosen)
    return chosen


def _check_complete(directory: str, files: list[str]) -> None:
    parts = [part for part in map(_SHARD.fullmatch, files) if part]
    for part in parts[:1]:
        count = int(part[3])
        if count > MAX_SHARDS:
            raise BadModel(f"{directory}/{part[0]}", f"is one of {count} shards, more than {MAX_SHARDS}")
        for number in range(1, count + 1):
            name = f"{part[1]}-{number:05}-of-{count:05}.safetensors"
            if name not in files:
                raise BadModel(f"{directory}/{name}", f"shard {number} of {count} is missing; download it")


def _read(
    host: Host, directory: str, names: list[str], placed: dict[str, str] | None, oddities: tuple[str, ...]
) -> Weights:
    files: list[SafetensorsFile] = []
    tensors: list[Tensor] = []
    holder: dict[str, str] = {}
    for number, name in enumerate(names):
        file = read_safetensors(host, f"{directory}/{name}", number)
        files.append(file)
        for tensor in file.tensors:
            first = holder.setdefault(tensor.name, name)
            if first != name:
                raise BadModel(file.path, f"tensor {tensor.name!r} is in {first} already")
        tensors += file.tensors
    if placed is not None:
        for tensor_name, name in placed.items():
            if holder.get(tensor_name) != name:
                raise BadModel(f"{directory}/{name}", f"lacks tensor {tensor_name!r}, which the index puts there")
        extra = len(holder) - len(placed)
        if extra:
            oddities += (f"its files hold {extra} tensors that its index does not name",)
    if not tensors:
        raise BadModel(files[0].path, "holds no tensors")
    return Weights(tuple(files), tuple(tensors), oddities)
