"""One way to run the model, with its memory and speed; and what makes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..probe.model.types import Model
from ..probe.snapshot import Snapshot
from .flash_attention import flash_attention_works
from .graph.compute import ComputeBuffers, compute_buffers
from .layout import Layout
from .memory.compute import quick_compute_buffers
from .memory.host import PROMPT_CACHE_BYTES, prompt_bytes
from .memory.places import layer_places, weight_places
from .memory.table import memory_plan, memory_terms, prompt_cache_term, shortfall_bytes
from .memory.weights import weights_bytes
from .plan import MemoryPlan, SpeedPlan, Threads
from .request import Request
from .resources import Gpu, Resources, leaving_free
from .settings import HOST, CacheType, Placement, Settings, padded
from .speed.estimate import estimate
from .threads import choose_threads

PROMPT_TOKENS, ANSWER_TOKENS = 1024, 256
"""A usual request, by which speeds of prompts and answers are weighed: a page or two, and half a page."""
_PROMPTS_KEPT = 16
"""Full contexts worth of earlier prompts: more than one user comes back to."""
_CACHE_STEP = 64 << 20
COMFORTABLE = 8.0
"""Tokens/s that keep up with a reader (250 words a minute are 5 to 6): a coarser quantization may be taken for it."""
_QUALITY = {"f16": 1.0, "bf16": 1.0, "f32": 1.0, "q8_0": 0.95, "q5_1": 0.93, "q5_0": 0.92, "q4_1": 0.88, "q4_0": 0.85}
"""How much speed a cache type must gain to be worth its loss: our judgement, from llama.cpp's own perplexity runs with
rotated caches, where q8_0 is within noise of f16 and q4_0 is not."""


@dataclass(frozen=True)
class Candidate:
    """One placement with its settings, judged."""

    layout: Layout
    placement: Placement
    settings: Settings
    places: Mapping[str, str]
    memory: MemoryPlan
    threads: Threads
    speed: SpeedPlan
    prompt_cache_bytes: int
    layers_on_host: int
    """Whole layers, the output counted as one, that no GPU holds."""

    @property
    def decode(self) -> float:
        """Tokens/s of one sequence."""
        return self.speed.decode_tokens_per_s.expected

    @property
    def prefill(self) -> float:
        """Prompt tokens/s."""
        return self.speed.prefill_tokens_per_s.expected

    @property
    def devices_fit(self) -> bool:
        """Whether every GPU holds its part."""
        return all((shortfall_bytes(device) or 0) <= 0 for device in self.memory.devices)

    @property
    def fits(self) -> bool:
        """Whether everything fits, as far as is known."""
        return self.memory.fits is not False

    @property
    def shortfall_bytes(self) -> int:
        """What is missing, over all places."""
        places = (*self.memory.devices, self.memory.host)
        return sum(max(shortfall_bytes(place) or 0, 0) for place in places)

    @property
    def gains_from_large_batches(self) -> bool:
        """Host weights are copied to a GPU once a batch, so a larger batch copies less often."""
        return bool(self.placement.devices) and bool(self.layers_on_host or self.layout.cpu_expert_layers)

    def everything_on(self, gpus: tuple[Gpu, ...]) -> bool:
        """Whether all layers with all their experts are on exactly these GPUs."""
        return bool(gpus) and self.layout.gpus == gpus and not self.layers_on_host and not self.layout.cpu_expert_layers

    def acceptable(self, request: Request) -> bool:
        """Fast enough for the request."""
        return request.min_tokens_per_s is None or self.decode >= request.min_tokens_per_s

    def score(self, request: Request) -> float:
        """What the goal values; only for comparing candidates of one request."""
        quality = _QUALITY.get(self.settings.type_k, 0.9)
        if request.goal == "context":
            # Context that nobody can wait for is worth less.
            bearable = min(1.0, self.decode / COMFORTABLE)
            return self.settings.context * quality * bearable + min(self.decode, 1000) / 1000
        # Requests a second: prompts wait for each other, answers are written at once.
        slots = self.settings.slots
        return quality * slots / (slots * PROMPT_TOKENS / self.prefill + ANSWER_TOKENS / self.decode)


@dataclass
class Evaluator:
    """Judges placements of one model on one machine for one request."""

    model: Model
    snapshot: Snapshot | None
    """None: a machine that is only imagined."""
    resources: Resources
    request: Request
    quick: bool = False
    """For ranking many models: compute buffers by formula, the usual cache and batch only."""
    seen: dict[tuple[object, ...], Candidate] = field(default_factory=dict)
    laid_out: dict[tuple[Layout, bool], tuple[Mapping[str, str], Mapping[str, int]]] = field(default_factory=dict)
    """Places and sizes of the weights: they depend on the layout and on repacking only."""
    compute_bytes: dict[tuple[tuple[Gpu, ...], int], dict[str, int]] = field(default_factory=dict)
    """What each device's compute buffers took when a batch size was last placed on a set of GPUs."""

    def __post_init__(self) -> None:
        """What is to stay free is not there for anything."""
        self.resources = leaving_free(self.resources, self.request.keep_free_bytes, self.request.keep_free_host_bytes)

    def settings(self, context: int, cache: CacheType, gpus: tuple[Gpu, ...], ubatch: int = 512) -> Settings:
        """The settings for a context of each user."""
        request = self.request
        attention = flash_attention_works(self.model.shape, gpus)
        return Settings(
            context=padded(context) * request.users,
            slots=request.users,
            unified_kv=request.users > 1,
            type_k=cache,
            # A quantized V cache is read by flash attention only.
            type_v=cache if attention else "f16",
            flash_attention=attention,
            ubatch=ubatch,
        )

    def evaluate(self, layout: Layout, settings: Settings) -> Candidate:
        """Memory, threads and speed of one layout."""
        key = (layout, settings.context, settings.type_k, settings.ubatch, settings.repack)
        if key not in self.seen:
            self.seen[key] = self._evaluate(layout, settings)
        return self.seen[key]

    def _evaluate(self, layout: Layout, settings: Settings) -> Candidate:
        model, resources = self.model, self.resources
        placement = layout.placement()
        key = (layout, settings.repack)
        if key not in self.laid_out:
            found = weight_places(model, placement, settings, resources.processor.features)
            self.laid_out[key] = (found, weights_bytes(model, placement, found))
        places, weights = self.laid_out[key]
        compute = self._compute(placement, settings, places)
        terms = memory_terms(model, placement, settings, resources, weights, compute)
        memory = memory_plan(placement, resources, terms)
        cache_bytes = self._prompt_cache(memory, settings)
        if cache_bytes:
            memory = memory_plan(placement, resources, [*terms, prompt_cache_term(cache_bytes)])
        on_host = layer_places(model.shape, placement).count(HOST)
        threads = choose_threads(
            self.snapshot,
            resources.processor,
            all_on_gpu=not on_host and not layout.cpu_expert_layers,
            host_bytes=memory.host.total_bytes,
            gpu_node=layout.gpus[0].numa_node if layout.gpus else None,
        )
        depth = min(self.request.depth, settings.context // settings.slots)
        speed = estimate(model, placement, settings, places, resources, threads, depth, settings.slots)
        return Candidate(layout, placement, settings, places, memory, threads, speed, cache_bytes, on_host)

    def _compute(self, placement: Placement, settings: Settings, places: Mapping[str, str]) -> ComputeBuffers:
        if self.quick:
            return quick_compute_buffers(self.model, placement, settings, places)
        try:
            return compute_buffers(self.model, placement, settings, places)
        except KeyError:
            # A tensor that the graph of this architecture needs has another name: an estimate with its margin.
            return quick_compute_buffers(self.model, placement, settings, places)

    def _prompt_cache(self, memory: MemoryPlan, settings: Settings) -> int:
        """A quarter of what is left in host memory, at most the server's own default; 0 where not even a part fits."""
        if memory.host.free_bytes is None:
            return PROMPT_CACHE_BYTES
        left = memory.host.free_bytes - memory.host.total_bytes - memory.host.margin_bytes
        one = prompt_bytes(self.model.shape, settings)
        most = min(left // 4, PROMPT_CACHE_BYTES, _PROMPTS_KEPT * one)
        return -(-most // _CACHE_STEP) * _CACHE_STEP if most >= one // 4 else 0
