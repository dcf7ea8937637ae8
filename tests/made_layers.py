"""What layers are made of: entries of GGUF headers for models of many architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from made_gguf import Entry, Value


class Made(NamedTuple):
    """What goes into a file."""

    architecture: str
    metadata: dict[str, Value]
    tensors: list[Entry]
    vocabulary: int


def metadata(
    layers: int,
    width: int,
    ffn: int | list[int],
    heads: int | list[int],
    kv: int | list[int],
    head: int,
    more: Mapping[str, Value] | None = None,
    *,
    rms: bool = True,
) -> dict[str, Value]:
    """The hyperparameters that nearly all have; names with dots are given with two underscores."""
    eps = "attention.layer_norm_rms_epsilon" if rms else "attention.layer_norm_epsilon"
    base: dict[str, Value] = {
        "context_length": 131072, "embedding_length": width, "block_count": layers, "feed_forward_length": ffn,
        "attention.head_count": heads, "attention.head_count_kv": kv, eps: 1e-5, "rope.freq_base": 10000.0,
        "attention.key_length": head, "attention.value_length": head, "rope.dimension_count": head,
    }  # fmt: skip
    return base | {key.replace("__", "."): value for key, value in (more or {}).items()}


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
