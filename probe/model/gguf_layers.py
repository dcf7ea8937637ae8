"""Which layers slide, recur and keep keys, by architecture: what llama.cpp's loaders decide in code, not in the file.

Source: load_arch_hparams of src/models/*.cpp and create_memory of src/llama-model.cpp, llama.cpp b11434.
"""

from typing import NamedTuple

from .gguf_keys import Keys
from .types import SwaKind

RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
"""No attention at all."""

NO_CACHE = frozenset(
    {"bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert", "modern-bert"}
    | {"gemma-embedding", "dream", "llada", "llada-moe", "rnd1", "wavtokenizer-dec", "clef"}
)
"""Encoders and diffusion models: the whole text goes through at once."""

_RECURRENT_WITHOUT_KV_HEADS = frozenset(
    {"jamba", "plamo2", "granitehybrid", "lfm2", "lfm2moe", "kimi-linear", "kimi-k3", "bailingmoe3", "glm5-next"}
)
_INTERVAL = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "qwen4exp": 4, "minimax-01": 8}
"""Every n-th layer attends, the others are linear."""


class _Sliding(NamedTuple):
    period: int | None
    """Every n-th layer is full; None: the file must list the layers."""
    dense_first: bool = False
    window: int | None = None
    """Where the file need not say."""
    optional: bool = False
    """Slides only where the file gives a window."""
    kind: SwaKind = "standard"
    fixed: bool = False
    """The file's window counts for nothing but whether it is there."""


_SLIDING = {
    "afmoe": _Sliding(4, optional=True),
    "cohere2": _Sliding(4),
    "cohere2moe": _Sliding(4, dense_first=True),
    "dots3note": _Sliding(None),
    "exaone-moe": _Sliding(4, window=128),
    "gemma2": _Sliding(2, window=4096),
    "gemma3": _Sliding(6, optional=True),
    "gemma3n": _Sliding(5),
    "gemma4": _Sliding(None),
    "gpt-oss": _Sliding(2),
    "granite_swa": _Sliding(None),
    "laguna": _Sliding(4, dense_first=True, optional=True),
    "llama4": _Sliding(4, window=8192, kind="chunked", fixed=True),
    "maple": _Sliding(None),
    "mellum": _Sliding(4, optional=True),
    "mimo2": _Sliding(None),
    "muse-glimmer": _Sliding(4),
    "olmo2": _Sliding(4, optional=True),
    "plamo3": _Sliding(8, optional=True),
    "smallthinker": _Sliding(4, dense_first=True, window=4096, optional=True, fixed=True),
    "spark2-5": _Sliding(None),
    "step35": _Sliding(None),
}


def recurrent_layers(
    keys: Keys, architecture: str, kv_heads: tuple[int, ...], ffn: tuple[int, ...], run: int
) -> list[bool]:
    """For each layer whether it keeps a recurrent state; `run` layers are no prediction blocks."""
    count = len(kv_heads)
    if architecture in RECURRENT or architecture == "falcon-h1":
        return [True] * count
    if architecture in _RECURRENT_WITHOUT_KV_HEADS:
        return [layer < run and kv_heads[layer] == 0 for layer in range(count)]
    if architecture in ("nemotron_h", "nemotron_h_moe"):
        return [layer < run and kv_heads[layer] == 0 and ffn[layer] == 0 for layer in range(count)]
    if architecture in _INTERVAL:
        listed = keys.flags("attention.recurrent_layers", count)
        if listed:
            return list(listed)
        interval = keys.integer("full_attention_interval", _INTERVAL[architecture], 1, 1024)
        return [layer < run and (layer + 1) % interval != 0 for layer in range(count)]
    return [False] * count


def cached_layers(
    keys: Keys, architecture: str, recurrent: list[bool], kv_heads: tuple[int, ...], ffn: tuple[int, ...], run: int
) -> list[bool]:
    """For each layer whether the main context keeps keys and values of it."""
    count = len(kv_heads)
    if architecture in NO_CACHE or architecture in RECURRENT:
        return [False] * count
    if architecture == "falcon-h1":
        return [True] * count
    if architecture in ("nemotron_h", "nemotron_h_moe"):
        return [not recurrent[layer] and ffn[layer] == 0 for layer in range(count)]
    if any(recurrent):
        limit = run if architecture in _INTERVAL else count
        return [layer < limit and not recurrent[layer] for layer in range(count)]
    kept = run
    if architecture == "gemma3n":
        kept = min(run, 20)
    elif architecture == "gemma4":
        kept = min(run, count - keys.integer("attention.shared_kv_layers", 0, 0, count))
    return [layer < kept for layer in range(count)]


def sliding_layers(keys: Keys, architecture: str, recurrent: list[bool], run: int) -> tuple[list[bool], int, SwaKind]:
    """For each layer whether it slides; the window in tokens and its kind."""
    count = len(recurrent)
    none: tuple[list[bool], int, SwaKind] = [False] * count, 0, "none"
    given = keys.integer("attention.sliding_window", 0, 0, 1 << 31)
    if architecture == "lfm2":
        return ([not state for state in recurrent], given, "standard") if given else none
    if architecture == "exaone4" and run == 64:
        rule = _Sliding(4, window=4096)
    elif architecture in _SLIDING:
        rule = _SLIDING[architecture]
    else:
        return none
    if (rule.optional and not given) or (rule.fixed and keys.has("attention.sliding_window") and not given):
        return none
    window = (rule.window if rule.fixed else given or rule.window) or 0
    flags = keys.flags("attention.sliding_window_pattern", count)
    if flags is None:
        period = keys.integer("attention.sliding_window_pattern", rule.period, 0, 1024)
        flags = tuple(layer < run and _slides(layer, period, rule.dense_first) for layer in range(count))
    return (list(flags), window, rule.kind) if any(flags) else none


def _slides(layer: int, period: int, dense_first: bool) -> bool:
    if period == 0:
        return True
    return layer % period != 0 if dense_first else layer % period < period - 1
