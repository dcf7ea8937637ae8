"""A GGUF model of one file or many: shards joined, names and sizes checked."""

import re
from collections.abc import Mapping, Sequence

from ..host import Host
from .fault import BadModel
from .ggml_types import FILE_TYPES
from .gguf import Counted, Header, Value, read_header
from .gguf_shape import read_shape
from .types import Model, ModelPart, Shape, Tensor

MAX_SHARDS = 512
_SHARD = re.compile(r"(.*)-([0-9]{5})-of-([0-9]{5})\.gguf", re.DOTALL)
_GUESSED = 1024
"""llama_ftype's flag for a label that was not in the file."""
_EXPERTS = re.compile(r"_(ch)?exps\.")


def read_gguf(host: Host, path: str) -> Model:
    """The model whose file, or any shard, lies at `path`; raises `BadModel`."""
    first = _SHARD.fullmatch(path)
    if first and first[2] != "00001":
        path = f"{first[1]}-00001-of-{first[3]}.gguf"
    header = read_header(host, path)
    headers = [header, *_further_shards(host, header)]
    tensors = _joined(headers)
    rows = next(
        (tensor.shape[1] for tensor in tensors if tensor.name == "token_embd.weight" and len(tensor.shape) > 1), None
    )
    shape = read_shape(path, header.metadata, rows)
    title = header.metadata.get("general.name")
    name = path.rpartition("/")[2].removesuffix(".gguf")
    return Model(
        name=name,
        path=path,
        kind="gguf",
        shape=shape,
        tensors=tensors,
        files=tuple(
            ModelPart(path=part.path, size_bytes=part.size_bytes, header_bytes=part.data_start) for part in headers
        ),
        quantization=_quantization(header.metadata, tensors),
        title=title if isinstance(title, str) else None,
        chat_template="tokenizer.chat_template" in header.metadata,
        metadata={key: value for key, value in header.metadata.items() if _kept(key, value)},
        oddities=tuple(_oddities(header.metadata, shape, tensors, headers)),
        active_parameters=active_parameters(shape, tensors),
    )


def _kept(key: str, value: Value) -> bool:
    return not isinstance(value, Counted) and not key.startswith("tokenizer.")


def _further_shards(host: Host, header: Header) -> list[Header]:
    count = header.metadata.get("split.count", 0)
    if not isinstance(count, int) or not 0 <= count <= MAX_SHARDS:
        raise BadModel(header.path, f"split.count is {count!r}, outside 0 to {MAX_SHARDS}")
    if count <= 1:
        return []
    named = _SHARD.fullmatch(header.path)
    if named is None or int(named[3]) != count or header.metadata.get("split.no", 0) != 0:
        expected = f"...-00001-of-{count:05}.gguf"
        raise BadModel(
            header.path,
            f"is the first of {count} shards, but is not called {expected}; engines will not find the others",
        )
    shards = []
    for number in range(1, count):
        path = f"{named[1]}-{number + 1:05}-of-{count:05}.gguf"
        if host.stat(path) is None:
            raise BadModel(path, f"shard {number + 1} of {count} is missing; download it")
        shard = read_header(host, path)
        if shard.metadata.get("split.no") != number or shard.metadata.get("split.count") != count:
            told = f"{shard.metadata.get('split.no')!r} of {shard.metadata.get('split.count')!r}"
            raise BadModel(path, f"calls itself shard {told}, not {number} of {count} (counted from 0)")
        shards.append(shard)
    return shards


def _joined(headers: Sequence[Header]) -> tuple[Tensor, ...]:
    tensors: list[Tensor] = []
    seen: set[str] = set()
    for number, header in enumerate(headers):
        for tensor in header.tensors:
            if tensor.name in seen:
                raise BadModel(header.path, f"tensor {tensor.name!r} is in an earlier shard already")
            seen.add(tensor.name)
            tensors.append(tensor._replace(file=number) if number else tensor)
    expected = headers[0].metadata.get("split.tensors.count")
    if len(headers) > 1 and isinstance(expected, int) and expected != len(tensors):
        raise BadModel(headers[0].path, f"its shards hold {len(tensors)} tensors, but {expected} are announced")
    if not tensors:
        raise BadModel(headers[0].path, "holds no tensors (a vocabulary only?); it is no model that engines can run")
    return tuple(tensors)


def dominant_type(tensors: Sequence[Tensor]) -> str:
    """The type that most bytes have, in capitals."""
    bytes_of: dict[str, int] = {}
    for tensor in tensors:
        bytes_of[tensor.type] = bytes_of.get(tensor.type, 0) + tensor.size_bytes
    return max(bytes_of, key=lambda kind: bytes_of[kind]).upper()


def _quantization(metadata: Mapping[str, Value], tensors: Sequence[Tensor]) -> str:
    label = metadata.get("general.file_type")
    known = FILE_TYPES.get(label & ~_GUESSED) if isinstance(label, int) else None
    return known or dominant_type(tensors)


def active_parameters(shape: Shape, tensors: Sequence[Tensor]) -> int:
    """Weights that one token multiplies with: of the experts those used, no embedding table unless it is the output."""
    tied = not any(tensor.name == "output.weight" for tensor in tensors)
    layers = shape.layers
    total = 0.0
    for tensor in tensors:
        if tensor.name.startswith("blk."):
            digits = tensor.name[4:].partition(".")[0]
            number = int(digits) if digits.isascii() and digits.isdigit() else 0
            if number >= len(shape.run_layers):
                continue
            used = layers[number].experts_used if number < len(layers) else 0
            share = used / shape.experts if shape.experts and _EXPERTS.search(tensor.name) else 1.0
            total += tensor.elements * share
        elif not tensor.name.startswith(("token_embd.", "per_layer_token_embd.")) or (
            tied and tensor.name == "token_embd.weight"
        ):
            total += tensor.elements
    return round(total)


def _oddities(
    metadata: Mapping[str, Value], shape: Shape, tensors: Sequence[Tensor], headers: Sequence[Header]
) -> list[str]:
    odd = []
    if "tokenizer.chat_template" not in metadata:
        odd.append("it has no chat template: a base model, or chat requests will be put together by guess")
    label = metadata.get("general.file_type")
    named = FILE_TYPES.get(label & ~_GUESSED) if isinstance(label, int) else None
    main = dominant_type(tensors)
    if named and not named.startswith(main.partition("_")[0]) and main not in named:
        odd.append(f"it is labelled {named}, but most of its bytes are {main}")
    if shape.predict_layers:
        odd.append(
            f"its last {shape.predict_layers} of {len(shape.layers)} blocks predict further tokens;"
            " they are run only with --spec-type draft-mtp"
        )
    rows = next((t.shape[1] for t in tensors if t.name == "token_embd.weight" and len(t.shape) > 1), None)
    if rows is not None and shape.vocabulary and rows != shape.vocabulary:
        odd.append(f"its embedding has {rows} rows for a vocabulary of {shape.vocabulary}")
    wide = sum(t.size_bytes for t in tensors if t.type == "f32" and len(t.shape) > 1 and "norm" not in t.name)
    if wide > sum(t.size_bytes for t in tensors) // 4:
        odd.append(f"{wide / 2**30:.1f} GiB of its matrices are 32-bit floats, which no engine needs")
    spare = sum(h.size_bytes - max((t.offset + t.size_bytes for t in h.tensors), default=h.data_start) for h in headers)
    if spare > 1 << 20:
        odd.append(f"its files hold {spare} bytes after the tensors, which nothing reads")
    return odd
