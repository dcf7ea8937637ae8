"""Models of our own making: GGUF headers over a hole, of many architectures, a few KB on disk each.

Small in layers and width, so that a table of hundreds of cases takes a minute; like the real ones in what they are made of.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

U32, F32, BOOL, STR, ARRAY = 4, 6, 7, 8, 9
TYPES = {
    "f32": (0, 1, 4), "f16": (1, 1, 2), "q4_0": (2, 32, 18), "q8_0": (8, 32, 34), "q4_K": (12, 256, 144),
    "q6_K": (14, 256, 210), "mxfp4": (39, 32, 17), "bf16": (30, 1, 2),
}  # fmt: skip

Entry = tuple[str, tuple[int, ...], str]


class Made(NamedTuple):
    """What goes into a file."""

    architecture: str
    metadata: dict[str, object]
    tensors: list[Entry]
    vocabulary: int


def write(made: Made, path: Path) -> None:
    """The header, and a hole where the weights would be."""
    pairs: dict[str, object] = {
        "general.architecture": made.architecture,
        "general.name": path.stem,
        "tokenizer.ggml.model": "no_vocab",
        f"{made.architecture}.vocab_size": made.vocabulary,
    }
    pairs |= {f"{made.architecture}.{key}": value for key, value in made.metadata.items()}
    offset, infos = 0, b""
    for name, shape, kind in made.tensors:
        number, block, block_bytes = TYPES[kind]
        if shape[0] % block:
            raise ValueError(f"{path.stem}: {name} {shape} is no {kind}")
        infos += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        infos += struct.pack("<IQ", number, offset)
        size = block_bytes
        for length in shape:
            size *= length
        offset += -(-size // block // 32) * 32
    body = b"GGUF" + struct.pack("<IQQ", 3, len(made.tensors), len(pairs))
    body += b"".join(_text(key) + _value(value) for key, value in pairs.items()) + infos
    with path.open("wb") as file:
        file.write(body)
        file.truncate(-(-len(body) // 32) * 32 + offset)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: object) -> bytes:
    if isinstance(value, list):
        kind, _ = _scalar(value[0])
        return struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(_scalar(item)[1] for item in value)
    kind, data = _scalar(value)
    return struct.pack("<I", kind) + data


def _scalar(value: object) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return BOOL, struct.pack("<?", value)
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    return STR, _text(str(value))


def metadata(
    layers: int,
    width: int,
    ffn: int | list[int],
    heads: int | list[int],
    kv: int | list[int],
    head: int,
    *,
    rms: bool = True,
    **more: object,
) -> dict[str, object]:
    """The hyperparameters that nearly all have; names with dots are given with two underscores."""
    eps = "attention.layer_norm_rms_epsilon" if rms else "attention.layer_norm_epsilon"
    base: dict[str, object] = {
        "context_length": 131072, "embedding_length": width, "block_count": layers, "feed_forward_length": ffn,
        "attention.head_count": heads, "attention.head_count_kv": kv, eps: 1e-5, "rope.freq_base": 10000.0,
        "attention.key_length": head, "attention.value_length": head, "rope.dimension_count": head,
    }  # fmt: skip
    return base | {key.replace("__", "."): value for key, value in more.items()}


W, S = "q4_K", "q6_K"


def ends(width: int, vocabulary: int, *, tied: bool = False, bias: bool = False) -> list[Entry]:
    """Embedding, last norm, output."""
    found: list[Entry] = [
        ("token_embd.weight", (width, vocabulary), S if tied and not width % 256 else fitting(width)),
        ("output_norm.weight", (width,), "f32"),
    ]
    if bias:
        found.append(("output_norm.bias", (width,), "f32"))
    if not tied:
        found.append(("output.weight", (width, vocabulary), "q8_0" if width % 256 else S))
    return found


def named(layer: int, *entries: Entry) -> list[Entry]:
    """Entries of a layer; names without an ending are weights, names with an exclamation mark are whole."""
    return [(f"blk.{layer}.{_whole_name(name)}", shape, kind) for name, shape, kind in entries]


def _whole_name(name: str) -> str:
    if name.endswith("!"):
        return name[:-1]
    return name if name.endswith((".weight", ".bias", ".scale", "ssm_a", "ssm_d")) else f"{name}.weight"


def vector(name: str, length: int, *, bias: bool = False) -> list[Entry]:
    """A norm."""
    found: list[Entry] = [(name, (length,), "f32")]
    if bias:
        found.append((f"{name}.bias", (length,), "f32"))
    return found


def matrix(name: str, inner: int, outer: int, kind: str = "", *, bias: bool = False) -> list[Entry]:
    """A weight, of a type that its rows allow."""
    found: list[Entry] = [(name, (inner, outer), kind or fitting(inner))]
    if bias:
        found.append((f"{name}.bias", (outer,), "f32"))
    return found


def fitting(inner: int) -> str:
    """The quantization that rows of this length allow."""
    return W if inner % 256 == 0 else "q8_0" if inner % 32 == 0 else "f16"


def attention(
    width: int, heads: int, kv: int, head: int, *, fused: bool = False, bias: bool = False, out_bias: bool = False,
    norm: int | tuple[int, int] = 0, value: int = 0,
) -> list[Entry]:  # fmt: skip
    """Projections; `norm`: length of the query and key norms."""
    q, k, v = heads * head, kv * head, kv * (value or head)
    found: list[Entry] = []
    if fused:
        found += matrix("attn_qkv", width, q + k + v, bias=bias)
    else:
        for name, outer in (("attn_q", q), ("attn_k", k), ("attn_v", v)):
            found += matrix(name, width, outer, bias=bias)
    if norm:
        lengths = norm if isinstance(norm, tuple) else (norm, norm)
        found += vector("attn_q_norm", lengths[0]) + vector("attn_k_norm", lengths[1])
    return found + matrix("attn_output", heads * (value or head), width, bias=out_bias)


def gated(width: int, ffn: int, suffix: str = "", *, bias: bool = False) -> list[Entry]:
    """Gate, up, down."""
    return [
        *matrix(f"ffn_gate{suffix}", width, ffn, bias=bias),
        *matrix(f"ffn_up{suffix}", width, ffn, bias=bias),
        *matrix(f"ffn_down{suffix}", ffn, width, bias=bias),
    ]


def ungated(width: int, ffn: int, suffix: str = "", *, bias: bool = False, double: bool = False) -> list[Entry]:
    """Up, down; `double`: the gate is in up."""
    return [
        *matrix(f"ffn_up{suffix}", width, ffn * (2 if double else 1), bias=bias),
        *matrix(f"ffn_down{suffix}", ffn, width, bias=bias),
    ]


def experts(
    width: int, ffn: int, count: int, kind: str = "", *, bias: bool = False, gate: bool = True, select: bool = False,
    joined: bool = False, route_bias: bool = False,
) -> list[Entry]:  # fmt: skip
    """Router and experts."""
    kind_in, kind_out = kind or fitting(width), kind or fitting(ffn)
    found: list[Entry] = [("ffn_gate_inp", (width, count), "f32")]
    if route_bias:
        found.append(("ffn_gate_inp.bias", (count,), "f32"))
    if select:
        found.append(("exp_probs_b.bias", (count,), "f32"))
    names = ["ffn_up_exps", "ffn_gate_exps"] if gate else ["ffn_up_exps"]
    if joined:
        found.append(("ffn_gate_up_exps", (width, 2 * ffn, count), kind_in))
        names = []
    for name in names:
        found.append((name, (width, ffn, count), kind_in))
        if bias:
            found.append((f"{name}.bias", (ffn, count), "f32"))
    found.append(("ffn_down_exps", (ffn, width, count), kind_out))
    if bias:
        found.append(("ffn_down_exps.bias", (width, count), "f32"))
    return found


def stack(layers: int, entries: Callable[[int], Iterable[Entry]]) -> list[Entry]:
    """All layers."""
    return [entry for layer in range(layers) for entry in named(layer, *entries(layer))]


def norms(width: int, *names: str, bias: bool = False) -> list[Entry]:
    """Norms as long as the model is wide."""
    return [entry for name in names for entry in vector(name, width, bias=bias)]


USUAL: Sequence[str] = ("attn_norm", "ffn_norm")
