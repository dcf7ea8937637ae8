"""vLLM's budget against start-up lines of vLLM 0.11, and what it is launched with."""

from typing import Any

import pytest
from made_machines import GIB, gpu, machine
from made_plans import THREADS, Chosen, model, shape

from llmtune.advisors.backends import vllm
from llmtune.advisors.backends.base import CannotRun
from llmtune.advisors.backends.vllm_memory import activation_bytes, memory
from llmtune.advisors.plan import Plan
from llmtune.advisors.planner import NoPlan
from llmtune.advisors.request import Request
from llmtune.advisors.resources import Gpu
from llmtune.advisors.settings import Placement, Settings
from llmtune.advisors.vllm_planner import make_vllm_plan
from llmtune.probe.model.types import Model, Shape, Tensor

H100 = 79.18 * GIB


def like(layers: int, kv_heads: int, vocabulary: int, embedding: int = 4096, ffn: int = 14336) -> Shape:
    made = shape(layers=layers, vocabulary=vocabulary, embedding=embedding)
    layer = made.layers[0]._replace(kv_heads=kv_heads, heads=32, ffn=ffn)
    return made.model_copy(update={"layers": (layer,) * layers, "context_trained": 131072})


@pytest.mark.parametrize(
    ("vocabulary", "reported_gib"), [(128256, 4.76), (151936, 5.56), (151936, 5.64), (201088, 7.38), (128256, 4.84)]
)
def test_the_peak_of_sampling_is_as_reported(vocabulary: int, reported_gib: float) -> None:
    assert activation_bytes(like(32, 8, vocabulary), 1, 1024, 8192) == pytest.approx(reported_gib * GIB, rel=0.03)


@pytest.mark.parametrize(
    ("made", "weights_gib", "parallel", "reported_gib"),
    [
        (like(32, 8, 128256), 14.96, 1, 51.38),
        (like(64, 8, 151936, 5120, 25600), 61.0, 1, 4.45),
        (like(64, 8, 151936, 5120, 25600), 61.0, 2, 34.49),
        (like(80, 8, 128256, 8192, 28672), 67.7, 2, 32.0),
    ],
)
def test_what_is_left_for_the_cache_is_as_reported(
    made: Shape, weights_gib: float, parallel: int, reported_gib: float
) -> None:
    # These ran with a fraction of 0.9.
    usable = int(0.9 * H100) + GIB + (1 << 20)
    found = memory(
        made,
        int(weights_gib * GIB),
        total_bytes=int(H100),
        usable_bytes=usable,
        parallel=parallel,
        sequences=1024,
        context=1,
        cache_element_bytes=2,
    )
    assert found.utilization == 0.9
    assert found.available_bytes == pytest.approx(reported_gib * GIB, abs=0.75 * GIB)


def test_blocks_hold_sixteen_tokens() -> None:
    made = like(32, 8, 128256)
    sizes = [
        memory(
            made,
            0,
            total_bytes=80 * GIB,
            usable_bytes=80 * GIB,
            parallel=1,
            sequences=2,
            context=context,
            cache_element_bytes=2,
        ).cache_bytes
        for context in (1, 16, 17)
    ]
    assert sizes == [2 * 16 * 131072, 2 * 16 * 131072, 2 * 32 * 131072]


def safetensors(weights_gib: float = 15.0, **more: Any) -> Model:
    tensor = Tensor("model.layers.0.x", (int(weights_gib * GIB / 2),), "bf16", int(weights_gib * GIB))
    values: dict[str, Any] = {
        "kind": "safetensors",
        "shape": like(32, 8, 128256),
        "tensors": (tensor,),
        "active_parameters": 8 * 10**9,
    }
    return model("/models/llama", **(values | more))


def plan(a_model: Model, *gpus: Gpu, **request: Any) -> Plan | NoPlan:
    return make_vllm_plan(a_model, None, machine(*gpus), Request(**request))


def made_plan(a_model: Model, *gpus: Gpu, **request: Any) -> Plan:
    found = plan(a_model, *gpus, **request)
    assert isinstance(found, Plan), found
    return found


def value(found: Plan, name: str) -> str | None:
    argv = found.launch.argv
    return argv[argv.index(name) + 1] if name in argv else None


def test_one_card_is_enough() -> None:
    found = made_plan(safetensors(), gpu(total_gib=24))
    assert found.launch.argv[:3] == ("vllm", "serve", "/models/llama")
    assert value(found, "--gpu-memory-utilization") == "0.92"
    assert value(found, "--tensor-parallel-size") is None
    assert value(found, "--kv-cache-dtype") is None
    assert int(value(found, "--max-model-len") or 0) >= 8192
    assert found.memory.fits
    assert found.launch.env == {}


def test_more_cards_where_one_does_not_do() -> None:
    found = made_plan(safetensors(40), gpu("CUDA0"), gpu("CUDA1"), gpu("CUDA2"))
    assert value(found, "--tensor-parallel-size") == "2"
    assert len(found.memory.devices) == 2
    numbers = [name.removeprefix("CUDA") for name in found.placement.devices]
    assert found.launch.env["CUDA_VISIBLE_DEVICES"] == ",".join(numbers)
    assert found.launch.env["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert isinstance(plan(safetensors(40), gpu("CUDA0")), NoPlan)


def test_an_eight_bit_cache_where_sixteen_do_not_fit() -> None:
    found = made_plan(safetensors(), gpu(total_gib=24), context=65536)
    assert value(found, "--kv-cache-dtype") == "fp8"
    assert found.given_up


def test_less_of_a_card_that_others_use() -> None:
    found = made_plan(safetensors(), gpu(total_gib=80, free_gib=40))
    assert float(value(found, "--gpu-memory-utilization") or 1) * 80 <= 40 - 1


def test_an_older_card_gets_16_bit_floats() -> None:
    old = gpu(total_gib=24).model_copy(update={"compute_capability": (7, 5)})
    assert value(made_plan(safetensors(), old), "--dtype") == "float16"


@pytest.mark.parametrize(
    ("a_model", "gpus", "word"),
    [
        (model(), (gpu(),), "GGUF"),
        (safetensors(), (), "GPU"),
        (safetensors(), (gpu().model_copy(update={"compute_capability": (6, 1)}),), "7.5"),
        (safetensors(300), (gpu(),), "fit"),
    ],
)
def test_what_cannot_run_says_why(a_model: Model, gpus: tuple[Gpu, ...], word: str) -> None:
    found = plan(a_model, *gpus)
    assert isinstance(found, NoPlan)
    assert any(word in way for way in found.ways_out)


def test_heads_that_cannot_be_divided() -> None:
    odd = like(32, 3, 128256)
    odd = odd.model_copy(update={"layers": (odd.layers[0]._replace(heads=15),) * 32})
    settings = Settings(context=4096, slots=1, unified_kv=True)
    two = Placement(devices=("CUDA0", "CUDA1"), gpu_layers=33, layers_per_device=(17, 16))
    resources = machine(gpu("CUDA0"), gpu("CUDA1"))
    with pytest.raises(CannotRun, match="15 heads"):
        vllm.launch(safetensors(shape=odd), Chosen(two, settings, THREADS), Request(), None, resources)
