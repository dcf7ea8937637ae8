"""Models in Ollama's store: a name's manifest tells the blobs with weights, template and parameters.

Layout: manifests/REGISTRY/NAMESPACE/MODEL/TAG and blobs/sha256-DIGEST (https://github.com/ollama/ollama).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..host import Host
from ..model_dirs import model_directories
from .fault import BadModel
from .gguf_model import read_gguf
from .json_file import read_object
from .types import Model

_MAX_JSON_BYTES = 1 << 20
_KIND = "application/vnd.ollama.image."
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_NO_TEMPLATE = b"{{ .Prompt }}"
"""What Ollama writes where it knows of none."""


class OllamaName(NamedTuple):
    """A name as Ollama understands it."""

    registry: str
    namespace: str
    model: str
    tag: str


def parse_name(reference: str) -> OllamaName | None:
    """`model`, `model:tag`, `user/model:tag` or `registry/user/model:tag`; None where it can be none."""
    name, colon, tag = reference.rpartition(":") if ":" in reference.rpartition("/")[2] else (reference, "", "")
    parts = name.split("/")
    if not 1 <= len(parts) <= 3 or (colon and not _PART.fullmatch(tag)):
        return None
    plain = [parts[0].replace(":", "-", 1), *parts[1:]] if len(parts) == 3 else parts  # A registry may have a port.
    if not all(_PART.fullmatch(part) for part in plain):
        return None
    registry, namespace, model = [*("registry.ollama.ai", "library")[: 3 - len(parts)], *parts]
    if registry in ("huggingface.co", "hf.co"):
        registry = "hf.co"
    return OllamaName(registry, namespace, model, tag or "latest")


def ollama_stores(host: Host) -> Iterator[str]:
    """The directories that are stores of Ollama."""
    for directory in model_directories(host):
        names = host.names(directory, natural=False)
        if "manifests" in names and "blobs" in names:
            yield directory


def open_ollama(host: Host, reference: str) -> Model | None:
    """The model that Ollama calls `reference`; None where no store has it; raises `BadModel`."""
    name = parse_name(reference)
    for store in ollama_stores(host) if name else ():
        manifest = _manifest(host, store, name) if name else None
        if manifest is not None:
            return _read(host, store, manifest, reference)
    return None


def _manifest(host: Host, store: str, name: OllamaName) -> str | None:
    """The manifest's path; capitals do not matter to Ollama."""
    path = f"{store}/manifests"
    for part in name:
        names = host.names(path, natural=False)
        found = part if part in names else next((n for n in names if n.lower() == part.lower()), None)
        if found is None:
            return None
        path = f"{path}/{found}"
    return path


def _read(host: Host, store: str, manifest: str, reference: str) -> Model:
    layers = _layers(read_object(host, manifest, _MAX_JSON_BYTES), manifest)
    if "model" not in layers:
        what = "as single tensors, not as a GGUF file" if "tensor" in layers else "nowhere"
        raise BadModel(manifest, f"keeps the weights {what}")
    weights = layers["model"][0]
    path = f"{store}/blobs/{weights}"
    if host.stat(path) is None:
        raise BadModel(path, f"the weights of {reference} are missing; 'ollama pull {reference}' gets them")
    model = read_gguf(host, path)
    template = _template(host, store, layers) or model.chat_template
    odd = [text for text in model.oddities if not (template and "chat template" in text)]
    if "adapter" in layers:
        odd.append("Ollama adds a LoRA adapter to it, which is not counted here")
    if "projector" in layers:
        odd.append("Ollama loads a multimodal projector beside it, which is not counted here")
    parameters = _parameters(host, store, layers)
    if "num_ctx" in parameters:
        odd.append(f"Ollama runs it with a context of {parameters['num_ctx']} tokens (num_ctx) unless told otherwise")
    return model.model_copy(
        update={
            "name": reference,
            "title": model.title,
            "chat_template": template,
            "oddities": tuple(odd),
            "metadata": model.metadata | {f"ollama.{key}": value for key, value in parameters.items()},
        }
    )


def _layers(manifest: Mapping[str, Any], path: str) -> dict[str, list[str]]:
    """Kind of layer -> names of its blobs."""
    layers = manifest.get("layers")
    if not isinstance(layers, list) or len(layers) > 100_000:
        raise BadModel(path, "is no manifest: it has no layers")
    found: dict[str, list[str]] = {}
    for layer in layers:
        media, digest = (layer.get("mediaType"), layer.get("digest")) if isinstance(layer, dict) else (None, None)
        match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
        if not isinstance(media, str) or match is None:
            raise BadModel(path, "is no manifest: a layer lacks its mediaType or a sha256 digest")
        found.setdefault(media.removeprefix(_KIND), []).append(f"sha256-{match[1]}")
    return found


def _template(host: Host, store: str, layers: Mapping[str, list[str]]) -> bool:
    for blob in layers.get("template", ()):
        text = host.span(f"{store}/blobs/{blob}", 0, 4096, optional=True)
        if text and text.strip() != _NO_TEMPLATE:
            return True
    return False


def _parameters(host: Host, store: str, layers: Mapping[str, list[str]]) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    for blob in layers.get("params", ())[:1]:
        try:
            given = read_object(host, f"{store}/blobs/{blob}", _MAX_JSON_BYTES)
        except BadModel:
            continue  # It can be run without.
        found |= {key[:60]: value for key, value in _items(given) if isinstance(value, str | int | float | bool)}
    return found


def _items(given: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return list(given.items())[:100]
