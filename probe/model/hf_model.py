"""A model as Hugging Face keeps it: a directory with safetensors files, config.json and the tokenizer's files."""

from collections.abc import Sequence

from ..host import Host
from .fault import BadModel
from .hf_config import Config, config_shape, read_config
from .hf_keys import HfKeys
from .hf_packing import unpacked
from .hf_quantization import Quantization, read_quantization
from .json_file import read_object
from .safetensors_files import INDEX, Weights, read_weights
from .tensor_class import is_router, layer_number, predicts, tensor_class
from .types import Model, ModelPart, Shape, Tensor

_MAX_SMALL_BYTES = 16 << 20
_LABELS = {"bf16": "BF16", "f16": "F16", "f32": "F32", "f8_e4m3": "FP8", "f8_e5m2": "FP8", "f64": "F64"}


def read_directory(host: Host, directory: str, name: str | None = None) -> Model:
    """The model in a directory of safetensors; raises `BadModel`."""
    names = host.names(directory, natural=False)
    path = f"{directory}/config.json"
    if "config.json" not in names:
        raise BadModel(path, "is missing; weights in safetensors files cannot be understood without it")
    config = read_config(host, path)
    quantization = read_quantization(config.keys, _quantization_beside(host, directory, names))
    weights = read_weights(host, directory)
    return _model(host, directory, name or directory.rpartition("/")[2], names, config, quantization, weights)


def read_file(host: Host, path: str) -> Model:
    """The model that the safetensors file at `path` is, or is a part of; raises `BadModel`."""
    directory, _, name = path.rpartition("/")
    names = host.names(directory or "/", natural=False)
    whole = INDEX in names or "-of-" in name or [n for n in names if n.endswith(".safetensors")] == [name]
    if whole or name == "model.safetensors":
        return read_directory(host, directory or "/")
    raise BadModel(path, f"is one of several safetensors files; name its directory, {directory or '/'}")


def _quantization_beside(host: Host, directory: str, names: Sequence[str]) -> HfKeys | None:
    if "hf_quant_config.json" not in names:
        return None
    path = f"{directory}/hf_quant_config.json"
    return HfKeys(path, read_object(host, path, _MAX_SMALL_BYTES))


def _model(
    host: Host,
    directory: str,
    name: str,
    names: Sequence[str],
    config: Config,
    quantization: Quantization | None,
    weights: Weights,
) -> Model:
    tensors = unpacked(weights.tensors, quantization)
    run = config_shape(config, predicts=False)
    predicting = any(_is_prediction(tensor.name, run) for tensor in tensors)
    shape = config_shape(config, predicts=True) if predicting else run
    template = _chat_template(host, directory, names)
    return Model(
        name=name,
        path=directory,
        kind="safetensors",
        shape=shape,
        tensors=tensors,
        files=tuple(
            ModelPart(path=file.path, size_bytes=file.size_bytes, header_bytes=file.header_bytes)
            for file in weights.files
        ),
        quantization=quantization.name if quantization else _label(tensors),
        title=config.keys.text("_name_or_path"),
        chat_template=template,
        metadata=_kept(config),
        oddities=(*weights.oddities, *_oddities(config, shape, tensors, quantization, template, names)),
        active_parameters=active_parameters(config, shape, tensors),
    )


def _is_prediction(name: str, run: Shape) -> bool:
    number = layer_number(name)
    return predicts(name) or (number is not None and number == len(run.layers))


def _kept(config: Config) -> dict[str, str | int | float | bool | tuple[str | int | float | bool, ...]]:
    kept: dict[str, str | int | float | bool | tuple[str | int | float | bool, ...]] = {}
    for key, value in config.keys.config.items():
        if isinstance(value, str | int | float | bool):
            kept[key] = value[:4096] if isinstance(value, str) else value
    return kept


def _chat_template(host: Host, directory: str, names: Sequence[str]) -> bool:
    if "chat_template.jinja" in names or "chat_template.json" in names or "additional_chat_templates" in names:
        return True
    if "tokenizer_config.json" not in names:
        return False
    try:
        return bool(read_object(host, f"{directory}/tokenizer_config.json", _MAX_SMALL_BYTES).get("chat_template"))
    except BadModel:
        return False


def dominant_type(tensors: Sequence[Tensor]) -> str:
    """The type that most bytes have."""
    bytes_of: dict[str, int] = {}
    for tensor in tensors:
        bytes_of[tensor.type] = bytes_of.get(tensor.type, 0) + tensor.size_bytes
    return max(bytes_of, key=lambda kind: bytes_of[kind])


def _label(tensors: Sequence[Tensor]) -> str:
    kind = dominant_type(tensors)
    return _LABELS.get(kind, kind.upper())


def active_parameters(config: Config, shape: Shape, tensors: Sequence[Tensor]) -> int:
    """Weights that one token of text multiplies with: as for GGUF, of the experts those used."""
    classes = [tensor_class(tensor.name) for tensor in tensors]
    tied = config.tied or "output" not in classes
    run = len(shape.run_layers)
    total = 0.0
    for tensor, kind in zip(tensors, classes, strict=True):
        number = layer_number(tensor.name)
        if predicts(tensor.name) or kind == "vision and audio" or (number is not None and number >= run):
            continue
        if kind == "embedding" and not (tied and tensor.elements >= shape.vocabulary * shape.embedding):
            continue
        if kind == "output" and tied:
            continue
        share = 1.0
        if kind == "experts" and shape.experts and number is not None and not is_router(tensor.name):
            share = shape.layers[number].experts_used / shape.experts
        total += tensor.elements * share
    return round(total)


def _oddities(
    config: Config,
    shape: Shape,
    tensors: Sequence[Tensor],
    quantization: Quantization | None,
    template: bool,
    names: Sequence[str],
) -> list[str]:
    odd = []
    if not config.known:
        odd.append(f"llmtune does not know the architecture {config.architecture}; it is read as a usual transformer")
    if not template:
        odd.append("it has no chat template: a base model, or chat requests will be put together by guess")
    if config.keys.find("auto_map"):
        odd.append("it brings its own code (auto_map), which engines run only with --trust-remote-code")
    if not any(name.startswith(("tokenizer", "tekken", "vocab", "spiece", "merges")) for name in names):
        odd.append("its directory holds no tokenizer; most engines need one")
    if shape.predict_layers:
        count = shape.predict_layers
        odd.append(f"it has {count} block{'s' if count > 1 else ''} to predict further tokens, run only if asked for")
    main = dominant_type(tensors)
    if quantization is not None and quantization.bits and {t.type for t in tensors} <= {"bf16", "f16", "f32"}:
        odd.append(f"it is said to be quantized ({quantization.name}), but all its weights are {main}")
    if main == "f32":
        odd.append("most of its weights are 32-bit floats, which no engine needs")
    rows = max((t.shape[1] for t in tensors if tensor_class(t.name) == "embedding" and len(t.shape) == 2), default=0)
    if rows and shape.vocabulary and rows < shape.vocabulary:
        odd.append(f"its embedding has {rows} rows for a vocabulary of {shape.vocabulary}")
    return odd
