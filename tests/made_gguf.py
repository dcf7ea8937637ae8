"""GGUF files of our own making: real headers over a hole, so that a model of any size takes a few KB of disk."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from llmtune.probe.model.ggml_types import GGML_TYPES

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
NUMBERS = {kind.name: number for number, kind in GGML_TYPES.items()}
_CODES = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}


class Typed(NamedTuple):
    """A value with its GGUF type; plain Python values take the usual one."""

    kind: int
    value: object


Value = int | float | bool | str | Sequence[int] | Sequence[bool] | Sequence[str] | Typed
Entry = tuple[str, Sequence[int], str]
"""Name, shape (row length first), type."""


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def pair(key: str, value: Value) -> bytes:
    kind, plain = value if isinstance(value, Typed) else (_kind(value), value)
    if isinstance(plain, list | tuple):
        inner = kind if isinstance(value, Typed) else _kind(plain[0]) if plain else U32
        return text(key) + struct.pack("<IIQ", ARR, inner, len(plain)) + b"".join(_item(inner, item) for item in plain)
    return text(key) + struct.pack("<I", kind) + _item(kind, plain)


def _kind(value: object) -> int:
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return U32
    return F32 if isinstance(value, float) else STR


def _item(kind: int, value: object) -> bytes:
    if kind == STR:
        assert isinstance(value, str)
        return text(value)
    return struct.pack("<" + _CODES[kind], value)


def header(
    metadata: Mapping[str, Value], tensors: Sequence[Entry], version: int = 3, align: int = 32
) -> tuple[bytes, int]:
    """The bytes of a header, and how many bytes of data follow it."""
    offset, infos = 0, []
    for name, shape, kind in tensors:
        infos.append(
            text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", NUMBERS[kind], offset)
        )
        elements = 1
        for length in shape:
            elements *= length
        entry = GGML_TYPES[NUMBERS[kind]]
        offset += -(-(elements // entry.block * entry.block_bytes) // align) * align
    pairs = [pair(key, value) for key, value in metadata.items()]
    data = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(infos)
    return data + bytes(-len(data) % align), offset


def write_gguf(path: Path, metadata: Mapping[str, Value], tensors: Sequence[Entry], version: int = 3) -> Path:
    """A sparse file."""
    data, size = header(metadata, tensors, version)
    with path.open("wb") as file:
        file.write(data)
        file.truncate(len(data) + size)
    return path


def dense_metadata(
    architecture: str = "llama",
    *,
    layers: int = 4,
    embedding: int = 256,
    ffn: int = 1024,
    heads: int = 8,
    kv_heads: int = 2,
    vocabulary: int = 1000,
    context: int = 32768,
    **more: Value,
) -> dict[str, Value]:
    """The keys of a plain transformer; `more` are keys below the architecture, with __ for dots."""
    return {
        "general.architecture": architecture,
        "general.name": "Made of holes",
        "general.file_type": 15,
        "tokenizer.ggml.model": "no_vocab",
        "tokenizer.chat_template": "{{ messages }}",
        f"{architecture}.vocab_size": vocabulary,
        f"{architecture}.context_length": context,
        f"{architecture}.embedding_length": embedding,
        f"{architecture}.block_count": layers,
        f"{architecture}.feed_forward_length": ffn,
        f"{architecture}.attention.head_count": heads,
        f"{architecture}.attention.head_count_kv": kv_heads,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
        **{f"{architecture}.{key.replace('__', '.')}": value for key, value in more.items()},
    }


def dense_tensors(
    *,
    layers: int = 4,
    embedding: int = 256,
    ffn: int = 1024,
    heads: int = 8,
    kv_heads: int = 2,
    vocabulary: int = 1000,
    kind: str = "q4_K",
    tied: bool = False,
    experts: int = 0,
) -> list[Entry]:
    """The tensors of a plain transformer; with `experts`, each layer's feed-forward part is a mixture."""
    head = embedding // heads
    tensors: list[Entry] = [
        ("token_embd.weight", (embedding, vocabulary), kind),
        ("output_norm.weight", (embedding,), "f32"),
    ]
    if not tied:
        tensors.append(("output.weight", (embedding, vocabulary), "q6_K"))
    for layer in range(layers):
        block = f"blk.{layer}."
        tensors += [
            (block + "attn_norm.weight", (embedding,), "f32"),
            (block + "attn_q.weight", (embedding, heads * head), kind),
            (block + "attn_k.weight", (embedding, kv_heads * head), kind),
            (block + "attn_v.weight", (embedding, kv_heads * head), kind),
            (block + "attn_output.weight", (heads * head, embedding), kind),
            (block + "ffn_norm.weight", (embedding,), "f32"),
        ]
        if experts:
            tensors += [
                (block + "ffn_gate_inp.weight", (embedding, experts), "f32"),
                (block + "ffn_gate_exps.weight", (embedding, ffn, experts), kind),
                (block + "ffn_up_exps.weight", (embedding, ffn, experts), kind),
                (block + "ffn_down_exps.weight", (ffn, embedding, experts), kind),
            ]
        else:
            tensors += [
                (block + "ffn_gate.weight", (embedding, ffn), kind),
                (block + "ffn_up.weight", (embedding, ffn), kind),
                (block + "ffn_down.weight", (ffn, embedding), kind),
            ]
    return tensors


def write_dense(path: Path, metadata: Mapping[str, Value] | None = None, **sizes: int) -> Path:
    """A small dense model, or a large one: it is all holes."""
    keys = dict(dense_metadata(**sizes))  # type: ignore[arg-type]
    return write_gguf(path, {**keys, **(metadata or {})}, dense_tensors(**sizes))  # type: ignore[arg-type]
