"""Architecture name to graph."""

from collections.abc import Callable

from ....probe.model.types import Model
from ..graph import Graph
from .gemma import gemma3n, gemma4
from .hybrids import falcon_h1, granite_hybrid, jamba, lfm2, mamba, nemotron_h, qwen_next
from .indexed import indexed
from .latent import deepseek2, minicpm3, plm
from .rwkv import rwkv7
from .style import STYLES, Style
from .transformer import transformer

_OWN: dict[str, Callable[[Graph], None]] = {
    "qwen3next": qwen_next, "qwen35": qwen_next, "qwen35moe": qwen_next, "lfm2": lfm2, "lfm2moe": lfm2,
    "mamba": mamba, "mamba2": mamba, "jamba": jamba, "granitehybrid": granite_hybrid, "nemotron_h": nemotron_h,
    "nemotron_h_moe": nemotron_h, "falcon-h1": falcon_h1,
    "deepseek2": deepseek2, "deepseek2-ocr": deepseek2, "mistral4": deepseek2,
    "deepseek32": indexed, "glm-dsa": indexed,
    "minicpm3": minicpm3, "plm": plm, "gemma4": gemma4, "gemma3n": gemma3n, "rwkv7": rwkv7,
}  # fmt: skip


def is_known(model: Model) -> bool:
    """Whether the architecture's graph is known, not guessed."""
    return model.shape.architecture in STYLES or model.shape.architecture in _OWN


def build(graph: Graph) -> None:
    """The nodes of one run."""
    own = _OWN.get(graph.arch)
    if own is None and graph.arch not in STYLES and graph.has(graph.last, "attn_kv_a_mqa.weight"):
        own = deepseek2
    if own is not None:
        own(graph)
    else:
        transformer(graph, STYLES.get(graph.arch, Style()))
