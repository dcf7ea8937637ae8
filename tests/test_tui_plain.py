"""Plain mode: only what has changed for good is told, in whole sentences."""

from collections.abc import Sequence
from typing import Any

from situations import CLOCK_S, NOW_S, blank, did, endpoint, engine, gpu, server, stalls, verdict

from llmtune.advisors.activity.activity import Activity, MemoryActivity
from llmtune.advisors.bottleneck.observer import Observation
from llmtune.advisors.bottleneck.verdict import Bottleneck
from llmtune.probe.sample.sample import PressureMoment, Sample
from llmtune.tui.plain import Plain

BUSY = verdict("compute", "Compute bound: 8 of 8 CPUs busy", helps="a smaller model")


def seen(
    second: int,
    rate: float | None = 0.0,
    state: str | None = "ready",
    verdicts: tuple[Bottleneck, ...] = (BUSY,),
    **more: Any,
) -> Observation:
    """A moment of one server; without a state there is none."""
    one = server(endpoint=endpoint(state=state, running=0.0 if not rate else 1.0))
    sample = blank(
        Sample,
        clock_s=CLOCK_S + second,
        time_s=NOW_S + second,
        pressure=PressureMoment(cpu=None, memory=None, io=None),
        servers=(one,) if state is not None else (),
        **more,
    )
    done = Activity(
        seconds=1.0,
        cpu=None,
        memory=MemoryActivity(None, None, None, None),
        stalls=stalls(),
        drives={},
        servers={one.pid: did(one.pid, 1.0, engine(rate))},
        nvlink_bytes_per_s={},
    )
    return Observation(sample, done, verdicts, (), ())


def told(moments: Sequence[Observation]) -> dict[int, str]:
    """Second -> what was told in it, without the time."""
    plain = Plain()
    return {round(one.sample.clock_s - CLOCK_S): text.partition(". ")[2] for one in moments for text in plain.tell(one)}


def speeds(rates: Sequence[float]) -> dict[int, str]:
    found = told([seen(second, rate) for second, rate in enumerate(rates)])
    return {second: text.rpartition(", ")[2] for second, text in found.items()}


def test_sentences_end_with_full_stops() -> None:
    [text] = told([seen(0, 40.0, verdicts=(BUSY, verdict("memory pressure", "Little memory.")))]).values()
    assert text == (
        "Compute bound: 8 of 8 CPUs busy. Confidence high. What would help: a smaller model. Also: Little memory. "
        "Server 4711, llama-server with /srv/models/Qwen3-8B-Q4_K_M.gguf: ready, 40 tokens per second."
    )


def test_speeds_that_jitter_are_told_once() -> None:
    assert speeds([40, 45, 36, 44, 33, 41, 48] * 20) == {0: "40 tokens per second."}


def test_idle_between_two_tokens_is_not_idle() -> None:
    assert list(speeds([1, 0, 0] * 40).values())[1:] in ([], ["0.40 tokens per second."])
    assert "idle." not in list(speeds([0, 0, 1] * 40).values())[1:]


def test_a_speed_that_has_changed_is_told_with_its_mean() -> None:
    assert speeds([0] * 12 + [40] * 30 + [0] * 30) == {0: "idle.", 16: "40 tokens per second.", 47: "idle."}
    # The first second of a request is only a part of one.
    assert speeds([0] * 12 + [10] + [40] * 30) == {0: "idle.", 16: "34 tokens per second."}


def test_a_change_of_less_than_a_quarter_is_none_and_more_is_told_after_ten_seconds() -> None:
    assert speeds([40] * 10 + [48] * 60) == {0: "40 tokens per second."}
    assert speeds([40] + [80] * 60) == {0: "40 tokens per second.", 10: "80 tokens per second."}


def test_a_server_that_comes_stumbles_hangs_and_goes() -> None:
    states = [None] * 3 + ["ready"] * 5 + ["timed out"] * 2 + ["ready"] * 5 + ["timed out"] * 6 + [None] * 9
    found = told([seen(second, state=state) for second, state in enumerate(states)])
    found[0] = found[0].partition("Server")[1]
    assert {second: text.rpartition(": ")[2] for second, text in found.items()} == {
        0: "",
        3: "ready, idle.",
        18: "timed out, idle.",
        24: "Server 4711 has gone.",
    }


def test_a_verdict_is_told_when_it_is_another_and_not_for_its_numbers() -> None:
    other = verdict("memory pressure", "Little memory")
    moments = [seen(second, verdicts=(verdict("compute", f"{second} % busy"),)) for second in range(9)]
    moments += [seen(second, verdicts=(other, BUSY)) for second in range(9, 15)]
    found = told(moments)
    assert list(found) == [0, 9]
    assert found[9].startswith("Little memory. ")


def test_a_gpu_that_is_slowed_for_a_moment_is_no_news() -> None:
    slow, fine = gpu(throttle_harmful=("heat",)), gpu(throttle_harmful=())
    moments = [seen(second, gpus=(slow if second % 3 == 1 else fine,)) for second in range(30)]
    assert list(told(moments)) == [0]
    moments += [seen(second, gpus=(slow,)) for second in range(30, 40)]
    assert told(moments)[33] == "GPU 0: slowed by heat."
