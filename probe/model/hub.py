"""Models in the local cache of the Hugging Face Hub; nothing is ever downloaded.

Layout: models--USER--REPO/refs/main names the directory in snapshots/ (huggingface_hub, "Understand caching").
"""

import re
from collections.abc import Iterator

from ..host import Host
from ..model_dirs import model_directories
from .choose_gguf import main_files, one_of
from .fault import BadModel
from .gguf_model import read_gguf
from .hf_model import read_directory
from .types import Model

_ID = re.compile(
    r"(?:(?:https://)?(?:hf\.co|huggingface\.co)/)?([\w.-]+(?:/[\w.-]+)?)(?:/([\w./-]+\.gguf)|:([\w.-]+))?"
)
_MAX_NAMES = 2000
_MAX_DIRECTORIES = 32


def open_hub(host: Host, reference: str) -> Model | None:
    """The model that the Hub calls `reference`, from a cache; None where none has it; raises `BadModel`."""
    match = _ID.fullmatch(reference)
    if match is None or ".." in reference:
        return None
    repository, wanted = match[1], match[2] or match[3]
    if wanted == "latest":
        wanted = None
    for directory in _snapshots(host, repository):
        return _open(host, directory, reference, wanted)
    return None


def _snapshots(host: Host, repository: str) -> Iterator[str]:
    folder = "models--" + repository.replace("/", "--")
    for cache in model_directories(host):
        names = host.names(cache, natural=False)
        found = folder if folder in names else next((n for n in names if n.lower() == folder.lower()), None)
        if found is None:
            continue
        snapshots = host.names(f"{cache}/{found}/snapshots", natural=False)
        main = host.text(f"{cache}/{found}/refs/main", optional=True)
        for snapshot in [main] if main in snapshots else snapshots[-1:]:
            yield f"{cache}/{found}/snapshots/{snapshot}"


def _open(host: Host, directory: str, reference: str, wanted: str | None) -> Model:
    names = host.names(directory, natural=False)[:_MAX_NAMES]
    paths = [f"{directory}/{name}" for name in names]
    for name in [name for name in names if "." not in name][:_MAX_DIRECTORIES]:
        paths += [
            f"{directory}/{name}/{below}" for below in host.names(f"{directory}/{name}", natural=False)[:_MAX_NAMES]
        ]
    files = main_files(paths)
    if wanted is None and (not files or any(name.endswith(".safetensors") for name in names)):
        if not any(name.endswith((".safetensors", ".json")) for name in names):
            raise BadModel(directory, "holds no model; its download did not finish")
        return read_directory(host, directory, reference)
    return read_gguf(host, one_of(directory, files, wanted)).model_copy(update={"name": reference})
