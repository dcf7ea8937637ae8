"""llama-server's command: spelled as the program takes it, and never what it cannot run."""

from typing import Any, get_args

import pytest
from engine_helps import FORK, NEW, OLD
from hypothesis import given
from hypothesis import strategies as st
from made_machines import gpu, machine
from made_plans import CPU_ONLY, PLAIN, THREADS, Chosen, model, options_of, shape

from llmtune.advisors.backends.base import CannotRun
from llmtune.advisors.backends.llama_cpp import launch, refusal
from llmtune.advisors.plan import Binding, Launch
from llmtune.advisors.request import Request
from llmtune.advisors.resources import Resources
from llmtune.advisors.settings import HOST, CacheType, Override, Placement, Settings
from llmtune.probe.engine_help import EngineOptions
from llmtune.probe.model.types import Model, ModelPart

ONE = Placement(devices=("CUDA0",), gpu_layers=5, layers_per_device=(5,))
TWO = Placement(devices=("CUDA1", "CUDA0"), gpu_layers=5, layers_per_device=(3, 2))
QUANTIZED = PLAIN.model_copy(update={"type_k": "q8_0", "type_v": "q8_0"})


def start(
    text: str | None = NEW,
    placement: Placement = CPU_ONLY,
    settings: Settings = PLAIN,
    resources: Resources | None = None,
    a_model: Model | None = None,
    **request: Any,
) -> Launch:
    options: EngineOptions | None = None if text is None else options_of(text)
    return launch(a_model or model(), Chosen(placement, settings), Request(**request), options, resources or machine())


def value(made: Launch, *names: str) -> str | None:
    """What follows the option."""
    at = [place for place, word in enumerate(made.argv) if word in names]
    assert len(at) <= 1, made.argv
    return made.argv[at[0] + 1] if at else None


def test_everything_that_changes_memory_is_said() -> None:
    made = start(settings=PLAIN.model_copy(update={"context": 16384, "slots": 4, "unified_kv": True, "ubatch": 1024}))
    told = ("-m", "-c", "-np", "-fa", "-b", "-ub", "-t", "-tb", "-cram", "-fit", "--host", "--port")
    assert [value(made, name) for name in told] == [
        "/models/small.gguf", "16384", "4", "on", "2048", "1024", "6", "8", "1024", "off", "127.0.0.1", "8080",
    ]  # fmt: skip
    assert "-kvu" in made.argv
    assert "-no-kvu" not in made.argv
    assert not made.warnings
    assert made.checked == "llama-server 1 --help"


def test_split_slots_are_said_too() -> None:
    assert "-no-kvu" in start(settings=PLAIN.model_copy(update={"slots": 4})).argv


def test_layers_by_exact_counts_and_devices_in_their_order() -> None:
    made = start(placement=TWO, resources=machine(gpu("CUDA0"), gpu("CUDA1")))
    assert (value(made, "-ngl"), value(made, "-ts"), value(made, "-dev"), value(made, "-sm")) == (
        "5", "3,2", "CUDA1,CUDA0", "layer",
    )  # fmt: skip
    alone = start(placement=ONE, resources=machine(gpu("CUDA0")))
    assert value(alone, "-dev") is None
    assert value(alone, "-ts") is None
    assert value(start(placement=ONE, resources=machine(gpu("CUDA0"), gpu("CUDA1"))), "-dev") == "CUDA0"


def test_cards_are_numbered_by_the_bus_where_there_are_several() -> None:
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert start(placement=ONE, resources=machine(gpu("CUDA0"), gpu("CUDA1"))).env == order
    assert start(placement=ONE, resources=machine(gpu("CUDA0"))).env == {}
    assert start(resources=machine(gpu("CUDA0"), gpu("CUDA1"))).env == {}


def test_an_idle_gpu_is_kept_out() -> None:
    assert value(start(resources=machine(gpu())), "-dev") == "none"
    assert value(start(resources=machine(gpu())), "-ngl") == "0"
    assert value(start(), "-ngl") is None


def test_experts_and_overrides() -> None:
    placement = ONE.model_copy(
        update={"cpu_expert_layers": 3, "overrides": (Override(r"blk\.7\.", HOST), Override("output", "CUDA0"))}
    )
    made = start(placement=placement, resources=machine(gpu()))
    assert value(made, "-ncmoe") == "3"
    assert value(made, "-ot") == r"blk\.7\.=CPU,output=CUDA0"
    older = start(OLD, placement=placement, resources=machine(gpu()))
    pattern = r"blk\.7\.=CPU,output=CUDA0,blk\.(0|1|2)\.ffn_(up|down|gate|gate_up)_(ch|)exps=CPU"
    assert value(older, "-ot", "--override-tensor") == pattern
    with pytest.raises(CannotRun, match="comma"):
        start(placement=ONE.model_copy(update={"overrides": (Override("a{1,2}", HOST),)}))


@pytest.mark.parametrize(
    ("mapped", "locked", "new", "old"),
    [
        (True, False, None, set()),
        (False, False, "none", {"--no-mmap"}),
        (True, True, "mmap+mlock", {"--mlock"}),
        (False, True, "mlock", {"--no-mmap", "--mlock"}),
    ],
)
def test_loading_in_words_old_and_new(mapped: bool, locked: bool, new: str | None, old: set[str]) -> None:
    settings = PLAIN.model_copy(update={"mapped": mapped, "locked": locked})
    made = start(settings=settings)
    assert value(made, "-lm") == new
    assert made.locks_memory is locked
    assert {word for word in start(OLD, settings=settings).argv if word in ("--mlock", "--no-mmap")} == old
    assert not set(made.argv) & {"--mlock", "--no-mmap"}


def test_an_older_build_gets_its_own_words() -> None:
    made = start(OLD)
    at = made.argv.index("-fa")
    assert made.argv[at + 1].startswith("-")
    assert "--jinja" in made.argv
    assert not set(made.argv) & {"-no-kvu", "-fit", "--fit", "-cram", "-lm"}
    assert "-fa" not in start(OLD, settings=PLAIN.model_copy(update={"flash_attention": False})).argv


def test_what_an_older_build_lacks_is_told() -> None:
    settings = PLAIN.model_copy(update={"slots": 2, "unified_kv": True, "repack": False, "op_offload": False})
    warnings = " ".join(start(OLD, settings=settings).warnings)
    assert "--kv-unified" in warnings
    assert "--no-repack" in warnings
    assert "op-offload" in warnings or "-nopo" in warnings


def test_the_fork_gets_no_fit_value() -> None:
    made = start(FORK)
    assert value(made, "-fa") == "on"
    assert not set(made.argv) & {"--fit", "-fit", "-dev", "--device"}


def test_without_a_program_todays_words() -> None:
    made = start(None)
    assert made.argv[0] == "llama-server"
    assert "no llama-server was found" in made.checked


def test_a_value_that_is_not_taken_is_left_out() -> None:
    text = NEW.replace("f32, f16, bf16, q8_0,", "f32, f16, bf16,")
    made = start(text, settings=QUANTIZED)
    assert value(made, "-ctk") is None
    assert any("q8_0" in warning for warning in made.warnings)


@pytest.mark.parametrize("path", ["-m.gguf", "--help", "a b\n$(id)\x1b[31m'\".gguf"])
def test_odd_names_are_one_argument(path: str) -> None:
    made = start(a_model=model(path))
    assert value(made, "-m") == (f"./{path}" if path.startswith("-") else path)


def test_shards_are_opened_at_the_first() -> None:
    parts = tuple(ModelPart(path=f"/m/x-0000{n}-of-00002.gguf", size_bytes=1, header_bytes=1) for n in (1, 2))
    assert value(start(a_model=model("/m", files=parts)), "-m") == "/m/x-00001-of-00002.gguf"


def test_binding_and_priorities_are_passed_on() -> None:
    threads = THREADS.model_copy(
        update={"cpus": (0, 1), "memory_nodes": (0,), "memory_policy": "bind", "numa": "numactl"}
    )
    made = launch(model(), Chosen(threads=threads), Request(nice=5, io_class="idle"), options_of(NEW), machine())
    assert made.binding == Binding(cpus=(0, 1), memory_nodes=(0,), memory_policy="bind")
    assert (made.nice, made.io_class, value(made, "--numa")) == (5, "idle", "numactl")


PHI = model(shape=shape("phi3", layers=40))
SPLIT = QUANTIZED.model_copy(update={"slots": 2})


@pytest.mark.parametrize(
    ("a_model", "placement", "settings", "word"),
    [
        (model(), ONE, {"type_v": "q8_0", "type_k": "q8_0", "flash_attention": False}, "flash attention"),
        (model(), ONE, {"type_v": "q4_0", "type_k": "q8_0"}, "different types"),
        (model(), ONE, {"type_v": "iq4_nl", "type_k": "iq4_nl"}, "iq4_nl"),
        (model(shape=shape(head=80)), CPU_ONLY, {"type_v": "q8_0", "type_k": "q8_0"}, "80"),
        (model(shape=shape(mla=True)), CPU_ONLY, {"type_k": "q8_0"}, "one type"),
        (PHI, ONE, {"type_v": "q8_0", "type_k": "q8_0", "slots": 2}, "aborts"),
    ],
)
def test_what_cannot_run_is_refused(a_model: Model, placement: Placement, settings: dict[str, Any], word: str) -> None:
    with pytest.raises(CannotRun, match=word):
        start(a_model=a_model, placement=placement, settings=PLAIN.model_copy(update=settings))


@pytest.mark.parametrize(
    ("a_model", "placement", "settings"),
    [
        (model(), CPU_ONLY, {"type_v": "q4_0", "type_k": "q8_0"}),
        (model(), CPU_ONLY, {"type_v": "iq4_nl", "type_k": "iq4_nl"}),
        (model(), ONE, {"type_k": "q8_0", "flash_attention": False}),
        (model(shape=shape(head=80)), CPU_ONLY, {}),
        (PHI, ONE, {"type_v": "q8_0", "type_k": "q8_0", "slots": 2, "unified_kv": True}),
        (PHI, ONE, {"type_v": "q8_0", "type_k": "q8_0", "slots": 1}),
        (PHI, ONE, {"type_k": "q8_0", "type_v": "f16", "slots": 2, "kv_offload": False}),
        (model(shape=shape("phi3", layers=32)), ONE, {"type_v": "q8_0", "type_k": "q8_0", "slots": 2}),
    ],
)
def test_what_runs_is_not_refused(a_model: Model, placement: Placement, settings: dict[str, Any]) -> None:
    assert refusal(a_model, placement, PLAIN.model_copy(update=settings)) is None


def test_other_files_are_refused() -> None:
    with pytest.raises(CannotRun, match="safetensors"):
        start(a_model=model(kind="safetensors"))


TYPES = st.sampled_from(get_args(CacheType))
SETTINGS = st.builds(
    Settings,
    context=st.integers(1, 1 << 20),
    slots=st.integers(1, 64),
    unified_kv=st.booleans(),
    type_k=TYPES,
    type_v=TYPES,
    flash_attention=st.booleans(),
    batch=st.integers(1, 4096),
    ubatch=st.integers(1, 4096),
    kv_offload=st.booleans(),
    op_offload=st.booleans(),
    repack=st.booleans(),
    mapped=st.booleans(),
    locked=st.booleans(),
    pinned_host=st.booleans(),
    full_swa=st.booleans(),
)
SOME = st.sets(st.sampled_from(sorted(options_of(NEW).options | options_of(OLD).options)))


@given(SETTINGS, SOME, st.sampled_from([CPU_ONLY, ONE, TWO]), st.sampled_from([NEW, OLD, FORK]))
def test_never_a_word_that_the_program_does_not_take(
    settings: Settings, removed: set[str], placement: Placement, text: str
) -> None:
    known = options_of(text)
    some = known.model_copy(update={"options": known.options - removed})
    try:
        made = launch(model(), Chosen(placement, settings), Request(), some, machine(gpu("CUDA0"), gpu("CUDA1")))
    except CannotRun:
        assert refusal(model(), placement, settings) or {"-m", "--model"} <= removed
        return
    words = [word for word in made.argv[1:] if word.startswith("-")]
    assert set(words) <= some.options
    assert len(words) == len(set(words))
