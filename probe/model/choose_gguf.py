"""Which GGUF file of a directory is meant."""

import re
from collections.abc import Sequence

from .fault import BadModel

_SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.gguf", re.DOTALL)
_SHOWN = 8


def main_files(paths: Sequence[str]) -> list[str]:
    """One path a model: the first shard of each, without projectors, which are no language models."""
    found: dict[str, str] = {}
    for path in sorted(paths):
        name = path.rpartition("/")[2]
        if name.endswith(".gguf") and not name.lower().startswith("mmproj"):
            shard = _SHARD.fullmatch(path)
            found.setdefault(shard[1] if shard else path, path)
    return list(found.values())


def one_of(directory: str, paths: Sequence[str], wanted: str | None = None) -> str:
    """The one GGUF file among `paths`, or the one that is called or quantized as `wanted`; raises `BadModel`."""
    files = main_files(paths)
    chosen = _matching(files, wanted) if wanted else files
    if len(chosen) == 1:
        return chosen[0]
    if not files:
        raise BadModel(directory, "holds no GGUF model")
    names = [path.removeprefix(directory + "/") for path in (chosen or files)]
    told = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    if wanted and not chosen:
        raise BadModel(directory, f"holds no GGUF file {wanted!r}, but {told}")
    raise BadModel(directory, f"holds {len(names)} models; name one: {told}")


def _matching(files: Sequence[str], wanted: str) -> list[str]:
    """By name, else by quantization as the last part of a name or as a directory."""
    low = wanted.lower()
    same = [path for path in files if path.lower() == low or path.lower().endswith("/" + low)]
    if same:
        return same
    stem = re.compile(rf"[-._]{re.escape(low)}(-[0-9]{{5}}-of-[0-9]{{5}})?\.gguf")
    found = [path for path in files if stem.search(path.lower().rpartition("/")[2])]
    if len(found) > 1:  # `Q4_K_M` also ends UD-Q4_K_M: the shortest name is the plain one.
        found.sort(key=len)
        found = found[:1] if len(found[0]) < len(found[1]) else found
    return found or [path for path in files if low in path.lower().split("/")[:-1]]
