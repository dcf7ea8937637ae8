"""vLLM's arithmetic for one GPU: its budget, and what is left of it for the key/value cache.

The budget is a fraction of the whole card (`--gpu-memory-utilization`, 0.92 unless told). Weights, what libraries take
and the peak of a trial run are subtracted, the rest becomes blocks of 16 tokens (vllm/v1/worker/gpu_worker.py). The
peak was fitted to start-up lines of vLLM 0.11 on H100 cards, seven models, one and two GPUs: sampling sorts the logits
of all sequences, 9.65 times their 32-bit size within 3 % for six models, and twice too much for the seventh. CUDA
graphs lie outside the budget: 0.1 to 1.4 GiB in a dozen reports.
"""

from typing import NamedTuple

from ...probe.model.types import Shape

GIB = 1 << 30
UTILIZATION = 0.92
BLOCK_TOKENS = 16
LOGITS_COPIES = 9.65
GRAPHS_BYTES = GIB
_LIBRARY_BYTES = 140 << 20
_LIBRARY_BYTES_PARALLEL = 560 << 20
"""With NCCL: 0.54 and 0.55 GiB were reported."""
_WEIGHTS_SLACK = 1.01
"""Of dense models the reports differ from the files by less."""
_LARGE_CARD_BYTES = 70 * GIB


class VllmMemory(NamedTuple):
    """One GPU's budget, in bytes."""

    utilization: float
    budget_bytes: int
    weights_bytes: int
    library_bytes: int
    activation_bytes: int
    cache_bytes: int
    """Needed for all sequences at the full context."""
    available_bytes: int
    """For the cache; negative where the rest does not fit."""

    @property
    def fits(self) -> bool:
        """Whether every sequence has its whole context."""
        return self.cache_bytes <= self.available_bytes


def batched_tokens(total_bytes: int) -> int:
    """Tokens of prompts in one step (`--max-num-batched-tokens` as `vllm serve` chooses it)."""
    return 8192 if total_bytes >= _LARGE_CARD_BYTES else 2048


def memory(
    shape: Shape,
    weights_bytes: int,
    *,
    total_bytes: int,
    usable_bytes: int,
    parallel: int,
    sequences: int,
    context: int,
    cache_element_bytes: int,
) -> VllmMemory:
    """The budget of a card of which `usable_bytes` can be taken."""
    fraction = min(UTILIZATION, int((usable_bytes - GRAPHS_BYTES) / total_bytes * 100) / 100)
    budget = int(total_bytes * fraction)
    weights = int(weights_bytes / parallel * _WEIGHTS_SLACK)
    library = _LIBRARY_BYTES if parallel == 1 else _LIBRARY_BYTES_PARALLEL
    activation = activation_bytes(shape, parallel, sequences, batched_tokens(total_bytes))
    return VllmMemory(
        utilization=fraction,
        budget_bytes=budget,
        weights_bytes=weights,
        library_bytes=library,
        activation_bytes=activation,
        cache_bytes=sequences
        * sequence_bytes(shape, parallel, context, cache_element_bytes, batched_tokens(total_bytes)),
        available_bytes=budget - weights - library - activation,
    )


def activation_bytes(shape: Shape, parallel: int, sequences: int, tokens: int) -> int:
    """The peak of the trial run: sampling for all sequences, or one layer's intermediate results for all tokens."""
    logits = int(LOGITS_COPIES * shape.vocabulary * sequences * 4)
    widest = max((layer.ffn or layer.experts_used * layer.expert_ffn for layer in shape.layers), default=0)
    return max(logits, tokens * 2 * (6 * shape.embedding + 3 * widest // parallel))


def sequence_bytes(shape: Shape, parallel: int, context: int, element_bytes: int, tokens: int) -> int:
    """The cache of one sequence on one of `parallel` GPUs: whole blocks, sliding layers for their window only."""
    total = 0
    for layer in shape.run_layers:
        if not layer.has_kv:
            # Recurrent states are of 32 bits and do not grow.
            total += (shape.state_conv_elements + shape.state_elements) * 4 // parallel if layer.recurrent else 0
            continue
        length = min(context, shape.sliding_window + tokens) if layer.sliding else context
        rows = -(-length // BLOCK_TOKENS) * BLOCK_TOKENS
        if shape.mla:
            total += rows * shape.key_length * element_bytes  # each GPU has the whole compressed vector
        else:
            key, value = shape.key_length, shape.value_length
            if layer.sliding:
                key, value = shape.key_length_swa, shape.value_length_swa
            total += rows * max(layer.kv_heads // parallel, 1) * (key + value) * element_bytes
    return total
