"""Quantizations by quality per byte.

The loss is the median Kullback-Leibler divergence from the 16-bit model, of Mistral-7B with importance matrices, as
published at https://gist.github.com/Artefact2/b5f810600771265fc1e39442288e8ec9 (llama.cpp's own README ranks them
alike). Bits per weight are those of that model; mixes vary a little with the architecture.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ..probe.model.types import Model


class Quality(NamedTuple):
    """What a quantization keeps and takes."""

    bits: float
    divergence: float
    """Median KL divergence; 0 is the 16-bit model."""


QUALITIES = {
    "F32": Quality(32.0, 0.0),
    "F16": Quality(16.0, 0.0),
    "BF16": Quality(16.0, 0.0),
    "Q8_0": Quality(8.5, 0.0010),
    "Q6_K": Quality(6.57, 0.0032),
    "Q5_K_M": Quality(5.67, 0.0043),
    "Q5_K_S": Quality(5.52, 0.0045),
    "Q4_K_M": Quality(4.83, 0.0075),
    "Q4_K_S": Quality(4.57, 0.0083),
    "IQ4_NL": Quality(4.56, 0.0085),
    "IQ4_XS": Quality(4.32, 0.0088),
    "Q3_K_L": Quality(4.22, 0.0152),
    "Q3_K_M": Quality(3.89, 0.0171),
    "IQ3_M": Quality(3.63, 0.0186),
    "IQ3_S": Quality(3.52, 0.0205),
    "Q3_K_S": Quality(3.50, 0.0304),
    "IQ3_XS": Quality(3.32, 0.0296),
    "IQ3_XXS": Quality(3.21, 0.0330),
    "Q2_K": Quality(3.00, 0.0588),
    "Q2_K_S": Quality(2.79, 0.0829),
    "IQ2_M": Quality(2.76, 0.0702),
    "IQ2_S": Quality(2.55, 0.0949),
    "IQ2_XS": Quality(2.43, 0.1146),
    "IQ2_XXS": Quality(2.20, 0.1751),
    "IQ1_S": Quality(1.78, 0.5495),
}
LEAST_FOR_SPEED = "IQ4_XS"
"""Nothing coarser is chosen for speed, only to fit: from here on the loss grows faster than the file shrinks."""
_LEAST = "IQ2_XS"
"""Below it a smaller model is the better choice at the same size."""
_CLASSES = (0.6, 1.7, 4, 8, 14, 24, 32, 49, 70, 123, 235, 405, 671)
"""Sizes in which models are published, in billions of parameters."""


def divergence(model: Model) -> float:
    """The published loss of a model's quantization; from its bits where the name is not in the table."""
    known = QUALITIES.get(model.quantization.upper())
    if known:
        return known.divergence
    bits = 8 * model.weights_bytes / max(model.parameters, 1)
    return min(
        (quality for quality in QUALITIES.values() if quality.bits <= bits),
        key=lambda q: q.divergence,
        default=QUALITIES["IQ1_S"],
    ).divergence


def fitting_quantization(model: Model, most_bytes: int) -> str | None:
    """The best quantization whose weights would take at most so many bytes; None: none that is worth it."""
    bits = 8 * most_bytes / max(model.parameters, 1)
    fitting = [(name, q) for name, q in QUALITIES.items() if q.bits <= bits and q.bits >= QUALITIES[_LEAST].bits]
    if not fitting:
        return None
    name, quality = min(fitting, key=lambda item: item[1].divergence)
    return f"{name} ({quality.bits} bits a weight, {quality.bits * model.parameters / 8 / 2**30:.1f} GiB)"


def fitting_size(most_bytes: int) -> str:
    """The largest usual size of model that fits at 4.8 bits a weight."""
    most = 8 * max(most_bytes, 0) / QUALITIES["Q4_K_M"].bits / 1e9
    fitting = [size for size in _CLASSES if size <= most]
    return f"up to {fitting[-1]:g} billion parameters at Q4_K_M" if fitting else "none of the usual sizes fits"


def best_at_hand(models: Sequence[Model], most_bytes: int) -> Model | None:
    """Of several quantizations of one model the best that fits, or None."""
    fitting = [model for model in models if model.weights_bytes <= most_bytes]
    return min(fitting, key=lambda model: (divergence(model), model.weights_bytes), default=None)
