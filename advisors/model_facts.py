"""What a model is, in numbers: the answer of `llmtune model`."""

from collections.abc import Iterable, Sequence

from ..probe.model.tensor_class import TENSOR_CLASSES, TensorClass, tensor_class
from ..probe.model.types import Layer, Model, Shape, SwaKind, Tensor
from ..probe.reading import Reading
from .memory.cache import bytes_per_token

SCHEMA_VERSION = 1
Value = str | int | float | bool | tuple[str | int | float | bool, ...]
_STATE_BYTES = 4
"""Recurrent state is kept as 32-bit floats (llama-memory-recurrent.cpp)."""


class ClassFacts(Reading):
    """The tensors of one class together."""

    name: TensorClass
    tensors: int
    parameters: int
    size_bytes: int
    bits_per_weight: float
    types: dict[str, int]
    """Type -> bytes, the largest first."""


class LayerFacts(Reading):
    """The layers that run for every token, counted by kind, and the numbers that are the same for all of a kind."""

    count: int
    attention: int
    """With a key/value cache of their own."""
    sliding: int
    recurrent: int
    with_experts: int
    prediction: int
    """Further blocks that predict more tokens at once."""
    query_heads: tuple[int, ...]
    """Of layers that attend; more than one number where they differ."""
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    key_length_sliding: int
    ffn_length: tuple[int, ...]
    sliding_window: int | None
    sliding_kind: SwaKind
    latent_attention: bool
    """Keys and values are one compressed vector (MLA)."""


class ExpertFacts(Reading):
    """The mixture of experts."""

    count: int
    used: int
    shared: int
    length: int


class CacheFacts(Reading):
    """What a token adds to the cache, and what a sequence takes whatever its length."""

    f16_bytes_per_token: int
    """Of layers that see the whole context; the others stop growing at the window."""
    q8_0_bytes_per_token: int
    sliding_f16_bytes_per_token: int
    sliding_q8_0_bytes_per_token: int
    state_bytes_per_sequence: int
    """Recurrent state."""


class FileFacts(Reading):
    """One file."""

    path: str
    size_bytes: int
    header_bytes: int


class TensorFacts(Reading):
    """One tensor."""

    name: str
    shape: tuple[int, ...]
    """The row length first."""
    type: str
    size_bytes: int
    file: int


class ModelFacts(Reading):
    """Everything about one model; `llmtune model --format json` prints it as it is."""

    schema_version: int = SCHEMA_VERSION
    name: str
    title: str | None
    path: str
    kind: str
    architecture: str
    quantization: str
    parameters: int
    active_parameters: int
    weights_bytes: int
    files_bytes: int
    bits_per_weight: float
    classes: tuple[ClassFacts, ...]
    embedding_length: int
    vocabulary: int
    context_trained: int | None
    layers: LayerFacts
    experts: ExpertFacts | None
    cache: CacheFacts
    chat_template: bool
    oddities: tuple[str, ...]
    files: tuple[FileFacts, ...]
    metadata: dict[str, str | int | float | bool | tuple[str | int | float | bool, ...]] | None
    tensors: tuple[TensorFacts, ...] | None
    """Only where asked for."""


def model_facts(model: Model, *, everything: bool = False) -> ModelFacts:
    """The facts of a model; `everything` lists its metadata and tensors too."""
    shape = model.shape
    return ModelFacts(
        name=_text(model.name),
        title=_text(model.title) if model.title else None,
        path=_text(model.path),
        kind=model.kind,
        architecture=_text(shape.architecture),
        quantization=_text(model.quantization),
        parameters=model.parameters,
        active_parameters=model.active_parameters,
        weights_bytes=model.weights_bytes,
        files_bytes=sum(file.size_bytes for file in model.files),
        bits_per_weight=_bits(model.weights_bytes, model.parameters),
        classes=_classes(model.tensors),
        embedding_length=shape.embedding,
        vocabulary=shape.vocabulary,
        context_trained=shape.context_trained,
        layers=_layers(shape),
        experts=_experts(shape),
        cache=_cache(shape),
        chat_template=model.chat_template,
        oddities=tuple(map(_text, model.oddities)),
        files=tuple(
            FileFacts(path=_text(file.path), size_bytes=file.size_bytes, header_bytes=file.header_bytes)
            for file in model.files
        ),
        metadata={_text(key): _value(value) for key, value in model.metadata.items()} if everything else None,
        tensors=tuple(
            TensorFacts(name=_text(t.name), shape=t.shape, type=t.type, size_bytes=t.size_bytes, file=t.file)
            for t in model.tensors
        )
        if everything
        else None,
    )


def _text(text: str) -> str:
    """Without halves of characters: a name on disk may be no text, and JSON may hold half a pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _value(value: Value) -> Value:
    return _text(value) if isinstance(value, str) else value


def _bits(size_bytes: int, parameters: int) -> float:
    return round(8 * size_bytes / parameters, 3) if parameters else 0.0


def _classes(tensors: Sequence[Tensor]) -> tuple[ClassFacts, ...]:
    groups: dict[TensorClass, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor_class(tensor.name), []).append(tensor)
    return tuple(_class(name, groups[name]) for name in TENSOR_CLASSES if name in groups)


def _class(name: TensorClass, tensors: Sequence[Tensor]) -> ClassFacts:
    types: dict[str, int] = {}
    parameters = size_bytes = 0
    for tensor in tensors:
        types[tensor.type] = types.get(tensor.type, 0) + tensor.size_bytes
        parameters += tensor.elements
        size_bytes += tensor.size_bytes
    return ClassFacts(
        name=name,
        tensors=len(tensors),
        parameters=parameters,
        size_bytes=size_bytes,
        bits_per_weight=_bits(size_bytes, parameters),
        types=dict(sorted(types.items(), key=lambda item: -item[1])),
    )


def _layers(shape: Shape) -> LayerFacts:
    run = shape.run_layers
    attending = [layer for layer in run if layer.heads and not _only_recurrent(layer)]
    sliding = [layer for layer in run if layer.sliding]
    return LayerFacts(
        count=len(run),
        attention=sum(layer.has_kv for layer in run),
        sliding=len(sliding),
        recurrent=sum(layer.recurrent for layer in run),
        with_experts=sum(layer.experts_used > 0 for layer in run),
        prediction=shape.predict_layers,
        query_heads=_distinct(layer.heads for layer in attending),
        kv_heads=_distinct(layer.kv_heads for layer in attending if layer.kv_heads),
        key_length=shape.key_length,
        value_length=shape.value_length,
        key_length_sliding=shape.key_length_swa,
        ffn_length=_distinct(layer.ffn for layer in run if layer.ffn and not layer.experts_used)
        or _distinct(layer.ffn for layer in run if layer.ffn and not shape.experts),
        sliding_window=shape.sliding_window if sliding else None,
        sliding_kind=shape.sliding_kind,
        latent_attention=shape.mla,
    )


def _only_recurrent(layer: Layer) -> bool:
    return layer.recurrent and not layer.has_kv


def _distinct(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(numbers)))


def _experts(shape: Shape) -> ExpertFacts | None:
    if not shape.experts:
        return None
    return ExpertFacts(
        count=shape.experts,
        used=max(layer.experts_used for layer in shape.layers),
        shared=shape.experts_shared,
        length=max(layer.expert_ffn for layer in shape.layers),
    )


def _cache(shape: Shape) -> CacheFacts:
    recurrent = sum(layer.recurrent for layer in shape.run_layers)
    return CacheFacts(
        f16_bytes_per_token=bytes_per_token(shape, "f16", "f16", sliding=False),
        q8_0_bytes_per_token=bytes_per_token(shape, "q8_0", "q8_0", sliding=False),
        sliding_f16_bytes_per_token=bytes_per_token(shape, "f16", "f16", sliding=True),
        sliding_q8_0_bytes_per_token=bytes_per_token(shape, "q8_0", "q8_0", sliding=True),
        state_bytes_per_sequence=recurrent * _STATE_BYTES * (shape.state_conv_elements + shape.state_elements),
    )
