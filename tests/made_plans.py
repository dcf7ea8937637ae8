"""Plans and their parts, without a search."""

from typing import Any, NamedTuple

from llmtune.advisors.plan import Launch, MemoryPlan, ModelSummary, PlaceMemory, Plan, Speed, SpeedPlan, Threads
from llmtune.advisors.settings import Placement, Settings
from llmtune.probe.engine_help import EngineOptions
from llmtune.probe.model.types import Layer, Model, ModelPart, Shape
from llmtune.probe.parse_help import parse_help

CPU_ONLY = Placement(devices=(), gpu_layers=0, layers_per_device=())
PLAIN = Settings(context=8192, slots=1, unified_kv=False)
THREADS = Threads(
    decode=6, batch=8, cpus=(), memory_nodes=(), memory_policy="default", numa="none", why=("made for a test",)
)


class Chosen(NamedTuple):
    """What a planner decided."""

    placement: Placement = CPU_ONLY
    settings: Settings = PLAIN
    threads: Threads = THREADS
    prompt_cache_bytes: int = 1 << 30


def options_of(text: str, path: str = "/opt/llama/llama-server") -> EngineOptions:
    """A program with this help."""
    options, values = parse_help(text)
    return EngineOptions(
        path=path,
        argv=(path,),
        program="llama.cpp",
        version="1",
        build=None,
        options=options,
        values=values,
        source="--help",
        why_not_run=None,
    )


def shape(architecture: str = "llama", layers: int = 4, head: int = 128, **more: Any) -> Shape:
    """A small dense model's."""
    layer = Layer(
        heads=8,
        kv_heads=2,
        ffn=4096,
        sliding=False,
        recurrent=False,
        has_kv=True,
        experts_used=0,
        expert_ffn=0,
    )
    values: dict[str, Any] = {
        "architecture": architecture,
        "embedding": 1024,
        "vocabulary": 32000,
        "context_trained": 8192,
        "layers": (layer,) * layers,
        "predict_layers": 0,
        "key_length": head,
        "value_length": head,
        "key_length_swa": head,
        "value_length_swa": head,
        "rope_dimensions": head,
        "sliding_window": 0,
        "sliding_kind": "none",
        "mla": False,
        "key_length_mla": 0,
        "value_length_mla": 0,
        "kv_lora_rank": 0,
        "q_lora_rank": 0,
        "experts": 0,
        "experts_shared": 0,
        "shared_expert_ffn": 0,
        "state_conv_elements": 0,
        "state_elements": 0,
        "indexer_head": 0,
    }
    return Shape(**(values | more))


def model(path: str = "/models/small.gguf", kind: str = "gguf", **more: Any) -> Model:
    """A model without tensors."""
    values: dict[str, Any] = {
        "name": path.rpartition("/")[2],
        "path": path,
        "kind": kind,
        "shape": shape(),
        "tensors": (),
        "files": (ModelPart(path=path, size_bytes=1 << 30, header_bytes=4096),),
        "quantization": "Q4_K_M",
        "title": None,
        "chat_template": True,
        "metadata": {},
        "oddities": (),
        "active_parameters": 10,
    }
    return Model(**(values | more))


def plan_of(launch: Launch, path: str = "/models/small.gguf", backend: str = "llama.cpp", **more: Any) -> Plan:
    """A plan around a launch."""
    place: dict[str, Any] = dict.fromkeys(
        ("weights_bytes", "kv_bytes", "state_bytes", "compute_bytes", "other_bytes", "total_bytes", "margin_bytes"), 0
    )
    speed = Speed(low=1, expected=2, high=3, bound_by="the test", basis="assumed")
    values: dict[str, Any] = {
        "machine": "a made machine",
        "goal": "latency",
        "backend": backend,
        "model": ModelSummary(
            name=path.rpartition("/")[2],
            path=path,
            architecture="llama",
            quantization="Q4_K_M",
            parameters=10,
            active_parameters=10,
            weights_bytes=5,
            context_trained=8192,
        ),
        "placement": CPU_ONLY,
        "run": PLAIN,
        "threads": THREADS,
        "memory": MemoryPlan(
            devices=(),
            host=PlaceMemory(name="host", kind="host", capacity_bytes=None, free_bytes=None, **place),
            terms=(),
            fits=None,
        ),
        "speed": SpeedPlan(decode_tokens_per_s=speed, prefill_tokens_per_s=speed),
        "launch": launch,
        "settings": (),
        "given_up": (),
        "alternatives": (),
    }
    return Plan(**(values | more))
