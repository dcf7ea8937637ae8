"""Each rule speaks where it must and is silent where it must not."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from bottleneck_samples import (
    GB,
    PID,
    drive,
    endpoint,
    facts,
    gpu,
    group,
    memory,
    model,
    nodes,
    over,
    sample,
    server,
    slot,
    untold,
    verdicts,
)

from llmtune.advisors.activity.between import activity
from llmtune.advisors.bottleneck.facts import Facts, ServerFacts
from llmtune.advisors.bottleneck.judge import ORDER, judge
from llmtune.probe.sample.engine import BUSY
from llmtune.probe.sample.sample import Sample

Make = Callable[[float], Sample]


def answering(clock: float, **changes: Any) -> Sample:
    """5.2 tokens/s on eight busy CPUs."""
    told = endpoint(clock, decode=5.2)
    values: dict[str, Any] = {"cpus": 7.8, "endpoint": told}
    return sample(clock, server(clock, **values | changes), busy=7.9)


def on_gpu(clock: float, decode: float = 60.0, **changes: Any) -> Sample:
    one = server(clock, cpus=1.0, endpoint=endpoint(clock, decode=decode))
    return sample(clock, one, busy=1.0, gpus=(gpu(clock, **{"utilization_percent": 97} | changes),))


GPU_MODEL = facts(servers=(ServerFacts(pid=PID, model=model(gpu_share=1.0)),))
LARGE = facts(servers=(ServerFacts(pid=PID, model=model(total_bytes=81 * GB)),))


def test_decoding_at_the_measured_peak_is_bound_by_memory() -> None:
    found = judge(over(answering), facts())[0]
    assert found.kind == "memory bandwidth"
    assert found.what == ("Memory-bandwidth bound (CPU): 41 of 46 GB/s measured, 7.9 GB a token x 5.2 tokens/s")
    assert (found.confidence, found.badness, found.subject) == ("high", "good", str(PID))
    assert any("46 GB/s: streamed" in evidence.raw for evidence in found.evidence)


@pytest.mark.parametrize(("basis", "confidence"), [("measured", "high"), ("rated", "medium"), ("assumed", "low")])
def test_a_peak_that_was_not_measured_makes_less_sure(basis: str, confidence: str) -> None:
    assert verdicts(answering, facts(basis))["memory bandwidth"].confidence == confidence


def test_of_several_servers_each_is_named_early() -> None:
    def two(clock: float) -> Sample:
        one = answering(clock).servers[0]
        return sample(clock, one, one.model_copy(update={"pid": PID + 1, "port": None}), busy=7.9)

    known = facts(servers=(ServerFacts(pid=PID, model=model()), ServerFacts(pid=PID + 1, model=model())))
    whats = [one.what for one in judge(over(two), known) if one.kind == "memory bandwidth"]
    assert [what.partition(")")[2][:45] for what in whats] == [
        f": llama.cpp (process {PID}, port 8080): 41 of ",
        f": llama.cpp (process {PID + 1}): 41 of 46 GB/s mea",
    ]


def test_a_small_model_leaves_memory_time_to_spare() -> None:
    small = facts(servers=(ServerFacts(pid=PID, model=model(active_bytes_per_token=1e9)),))
    found = verdicts(answering, small)
    assert "memory bandwidth" not in found
    assert found["compute"].what.startswith("Compute bound (CPU): 7.8 of 8 CPUs in use, only 5.2 of 46 GB/s")


def test_high_cpu_use_alone_is_no_fault() -> None:
    assert {one.badness for one in judge(over(answering), facts())} == {"good"}


def test_prompts_are_bound_by_computing() -> None:
    def reading(clock: float) -> Sample:
        return answering(clock, endpoint=endpoint(clock, prompt=300.0))

    found = verdicts(reading)
    assert found["compute"].what == "Compute bound (CPU): reads prompts, 300 tokens/s, 4.8 TFLOPS, 7.8 of 8 CPUs in use"
    assert "memory bandwidth" not in found


def test_requests_decoded_together_read_the_weights_once() -> None:
    def four(clock: float) -> Sample:
        slots = tuple(
            slot(number, task=number, state="generating", decoded=int(5 * clock), context_used=100)
            for number in range(4)
        )
        return answering(clock, endpoint=endpoint(clock, decode=20.0, slots=slots, running=4.0))

    found = verdicts(four)["memory bandwidth"]
    assert "40 of 46 GB/s" in found.what
    assert "4.0 answers at once" in found.what


def test_gpu_decoding_against_its_data_sheet() -> None:
    found = verdicts(lambda clock: on_gpu(clock, decode=100.0), GPU_MODEL)["memory bandwidth"]
    assert found.what == "Memory-bandwidth bound (GPU 0): 790 of 936 GB/s rated, 7.9 GB a token x 100 tokens/s"
    assert found.confidence == "medium"


def test_a_gpu_that_counts_its_bandwidth_is_believed() -> None:
    found = verdicts(lambda clock: on_gpu(clock, dram_percent=83.0), GPU_MODEL)["memory bandwidth"]
    assert found.confidence == "high"
    assert "83 % of its bandwidth measured" in found.what


def thrashing(clock: float) -> Sample:
    one = server(clock, cpus=0.4, faults=312, read=800e6, endpoint=endpoint(clock, decode=0.3))
    return sample(clock, one, drives=(drive(clock, busy=0.94, read=800e6),))


def test_a_model_larger_than_memory_is_bound_by_the_disk() -> None:
    found = judge(over(thrashing), LARGE)[0]
    assert found.kind == "disk"
    assert found.confidence == "high"
    assert found.what == (
        "Disk bound: 312 major faults/s, nvme0n1 94 % busy, reading 800 MB/s, model 81 GB > 64 GB of memory"
    )
    assert found.check_id == "model-larger-than-memory"
    assert found.setting is None


def test_a_cold_cache_passes_and_read_ahead_helps_it() -> None:
    def cold(clock: float) -> Sample:
        return thrashing(clock).model_copy(
            update={"servers": (thrashing(clock).servers[0].model_copy(update={"file_bytes": 2 * GB}),)}
        )

    found = verdicts(cold)["disk"]
    assert "25 % of the model in memory" in found.what
    assert found.setting == "block.read_ahead_kb@nvme0n1"


def test_a_large_read_ahead_makes_few_faults() -> None:
    def slow(clock: float) -> Sample:
        one = server(clock, cpus=0.1, faults=0.4, read=10e6, file_bytes=GB, endpoint=endpoint(clock, decode=0.1))
        return sample(clock, one, drives=(drive(clock, busy=0.9, read=10e6),))

    assert verdicts(slow)["disk"].what == (
        "Disk bound: 0.4 major faults/s, nvme0n1 90 % busy, reading 10 MB/s, 12 % of the model in memory"
    )


def test_a_drive_that_others_keep_busy_is_not_the_servers_limit() -> None:
    def beside(clock: float) -> Sample:
        return sample(
            clock,
            server(clock, cpus=7.0, read=2e6, endpoint=endpoint(clock, decode=5.0)),
            drives=(drive(clock, busy=0.99, read=900e6),),
        )

    assert "disk" not in verdicts(beside)


@pytest.mark.parametrize(
    "make",
    [
        lambda clock: answering(clock, faults=3),
        lambda clock: sample(clock, server(clock, faults=312, endpoint=endpoint(clock, decode=5.0))),
        lambda clock: sample(
            clock,
            server(clock, faults=312, read=1e9, endpoint=untold(clock, "loading")),
            drives=(drive(clock, 0.9, 1e9),),
        ),
    ],
    ids=["few faults", "faults that nothing waits for", "loading"],
)
def test_disk_is_silent(make: Make) -> None:
    assert "disk" not in verdicts(make)


def test_a_quota_is_told_with_its_size() -> None:
    found = verdicts(lambda clock: answering(clock, cpus=0.5, cgroup=group(clock, 0.9, quota_cpus=0.5)))
    assert found["cpu quota"].what.startswith("CPU quota: llama.cpp (process 4711, port 8080) was stopped in 90 % of")
    assert "a quota of 0.5 CPUs" in found["cpu quota"].what
    assert found["cpu quota"].badness == "bad"
    assert not {"oversubscribed", "cpu starved"} & found.keys()


def test_a_quota_that_hardly_binds_is_silent() -> None:
    assert "cpu quota" not in verdicts(lambda clock: answering(clock, cgroup=group(clock, 0.05, quota_cpus=6.0)))


def test_more_threads_than_cpus() -> None:
    found = verdicts(lambda clock: answering(clock, cpus=1.9, waiting=5.8, cpus_allowed=(0, 1)))
    assert "8 threads decode on 2 CPUs, 5.8 of them wait" in found["oversubscribed"].what
    assert found["oversubscribed"].confidence == "high"
    assert "--threads 2" in (found["oversubscribed"].helps or "")
    assert "cpu starved" not in found


@pytest.mark.parametrize("waiting", [0.0, None])
def test_many_threads_that_do_not_wait_are_no_fault(waiting: float | None) -> None:
    quiet = verdicts(lambda clock: answering(clock, cpus=1.0, waiting=waiting, cpus_allowed=(0, 1)))
    assert "oversubscribed" not in quiet


def on_two(clock: float, threads: int | None, busy: float = 1.9, **changes: Any) -> Sample:
    """A server on a machine of two CPUs, so many of them in use."""
    told = endpoint(clock, decode=5.2)
    one = server(clock, **{"decode_threads": threads, "cpus_allowed": (0, 1), "endpoint": told} | changes)
    made = sample(clock, one, busy=4 * busy)
    return made.model_copy(update={"cpu": made.cpu.model_copy(update={"ticks": made.cpu.ticks[:2]})})  # type: ignore[union-attr]


@pytest.mark.parametrize("threads", [None, 2], ids=["by itself", "as given"])
def test_a_thread_for_each_cpu_is_never_too_many(threads: int | None) -> None:
    two = facts(cores=2, effective_cpus=2.0)
    for waiting in (0.4, 2.0):
        made = functools.partial(on_two, threads=threads, cpus=1.9, waiting=waiting)
        assert not {"oversubscribed", "cpu starved"} & verdicts(made, two).keys()


def test_llama_cpp_takes_a_thread_for_each_core_although_it_may_use_fewer() -> None:
    found = verdicts(lambda clock: on_two(clock, None, cpus=1.9, waiting=5.8))["oversubscribed"]
    assert "8 threads decode on 2 CPUs" in found.what
    assert found.confidence == "medium"


def test_others_that_wait_are_not_told_to_use_fewer_threads_than_they_have() -> None:
    def other(clock: float, waiting: float) -> Sample:
        return on_two(clock, None, cpus=1.9, waiting=waiting, engine="KoboldCpp")

    assert "oversubscribed" not in verdicts(lambda clock: other(clock, 0.9))
    assert "want 5.9 CPUs and may use 2" in verdicts(lambda clock: other(clock, 4.0))["oversubscribed"].what


def test_a_server_among_others_is_starved_by_them_and_not_by_its_own_threads() -> None:
    two = facts(cores=2, effective_cpus=2.0)
    found = verdicts(lambda clock: on_two(clock, None, cpus=1.0, waiting=1.6), two)
    assert "oversubscribed" not in found
    assert "other processes use 0.9 of 2 CPUs" in found["cpu starved"].what


@pytest.mark.parametrize(
    "make",
    [
        lambda clock: sample(clock, server(clock, cpus=2.0, waiting=1.0, endpoint=endpoint(clock, 5.0)), busy=4.0),
        lambda clock: sample(
            clock, server(clock, cpus=4.0, waiting=3.0, endpoint=endpoint(clock, 5.0, running=0.0)), busy=7.9
        ),
        lambda clock: sample(clock, server(clock, cpus=4.0, waiting=3.0, endpoint=endpoint(clock, 5.0)), busy=4.0),
    ],
    ids=["half of the CPUs are free", "nothing under way", "nobody else"],
)
def test_nothing_starves(make: Make) -> None:
    assert "cpu starved" not in verdicts(make)


def test_neighbours_starve_a_server() -> None:
    def crowded(clock: float) -> Sample:
        one = server(clock, cpus=4.0, waiting=3.0, endpoint=endpoint(clock, decode=2.0))
        return sample(clock, one, busy=7.9)

    found = verdicts(crowded)["cpu starved"]
    assert "wait 43 % of the time they want, other processes use 3.9 of 8 CPUs" in found.what
    assert found.confidence == "high"
    assert found.badness == "bad"


def test_a_hypervisor_that_steals() -> None:
    def stolen(clock: float) -> Sample:
        return sample(clock, server(clock, cpus=6.0, endpoint=endpoint(clock, decode=3.0)), busy=6.0, steal=1.5)

    assert verdicts(stolen)["cpu starved"].what == (
        "CPU starved: the hypervisor gave 1.5 of 7.5 CPUs that were wanted to others"
    )


def test_swapping_needs_pages_that_come_back() -> None:
    def swapping(clock: float, swap_in: float) -> Sample:
        return sample(
            clock,
            server(clock, swapped_bytes=3 * GB, endpoint=endpoint(clock, decode=1.0)),
            memory=memory(clock, swap_in=swap_in),
        )

    found = judge(over(lambda clock: swapping(clock, 20e6)), facts())[0]
    assert (found.kind, found.badness, found.subject) == ("swapping", "bad", str(PID))
    assert "20 MB/s come back from swap" in found.what
    assert "3.0 GB of" in found.what
    assert "swapping" not in verdicts(lambda clock: swapping(clock, 0.0))


def test_tasks_of_the_group_wait_for_memory() -> None:
    found = verdicts(lambda clock: answering(clock, cgroup=group(clock, stalled=0.4, memory_limit_bytes=4 * GB)))
    assert "waited for memory 40 % of the time, all of them 40 %, limit 4.0 GB" in found["memory pressure"].what
    silent = verdicts(lambda clock: answering(clock, cgroup=group(clock, stalled=0.02)))
    assert "memory pressure" not in silent


def test_processes_killed_in_the_last_minute() -> None:
    def killing(clock: float) -> Sample:
        return answering(clock, cgroup=group(clock, oom_kills=int(clock > 105), memory_limit_bytes=4 * GB))

    assert verdicts(killing)["memory pressure"].what.startswith(
        "Out of memory: 1 process was killed in the group of llama.cpp"
    )


def limited(clock: float, from_s: float = 0.0, **changes: Any) -> Sample:
    held: dict[str, Any] = {"throttle_harmful": ("power limit",), "core_mhz": 1476} if clock >= from_s else {}
    return on_gpu(clock, **held | changes)


def test_a_power_limit_tells_its_share_and_the_clock() -> None:
    found = verdicts(lambda clock: limited(clock, 123), GPU_MODEL, seconds=60)["throttled"]
    assert found.what == (
        "GPU 0 throttled by its power limit of 350 W for 62 % of the last minute (clock 18 % below its best)"
    )
    assert (found.confidence, found.badness, found.setting) == ("high", "notice", "nvidia.power_limit_w@GPU-1")


def test_heat_is_worse_than_a_limit() -> None:
    hot: dict[str, Any] = {"throttle_harmful": ("heat (hardware)",), "core_mhz": 900, "temperature_c": 97}
    found = verdicts(lambda clock: limited(clock, **hot), GPU_MODEL)["throttled"]
    assert found.badness == "bad"
    assert "heat (hardware)" in found.what
    assert "97 °C" in found.what


@pytest.mark.parametrize(
    "make",
    [
        lambda clock: limited(clock, core_mhz=1790),
        lambda clock: limited(clock, utilization_percent=0),
        lambda clock: limited(clock, 160),
        lambda clock: on_gpu(clock, throttle_harmful=None),
    ],
    ids=["clock hardly lower", "idle", "a moment", "not told"],
)
def test_throttling_is_silent(make: Make) -> None:
    assert "throttled" not in verdicts(make, GPU_MODEL, seconds=60)


def test_pcie_near_the_limit_of_a_slow_link() -> None:
    slow: dict[str, Any] = {
        "link_generation_now": 3,
        "link_width_now": 8,
        "link_generation_max": 5,
        "pcie_rx_bytes_per_s": 6_900_000_000,
    }
    found = verdicts(lambda clock: on_gpu(clock, decode=3.0, **slow), GPU_MODEL)["pcie"]
    assert found.what == "PCIe bound: GPU 0, Gen3 x8 link on a Gen5 x16 card, RX 6.9 of 7.9 GB/s"
    assert found.badness == "bad"
    assert found.check_id == "gpu-pcie-width"
    assert "pcie" not in verdicts(lambda clock: on_gpu(clock, pcie_rx_bytes_per_s=6_900_000_000), GPU_MODEL)


@pytest.mark.parametrize(
    ("trouble", "words", "confidence"),
    [
        ("lost: GPU is lost", "GPU 0 is lost: GPU is lost", "high"),
        ("does not answer since 12 s", "GPU 0 does not answer since 12 s", "medium"),
    ],
)
def test_trouble_comes_first(trouble: str, words: str, confidence: str) -> None:
    found = judge(over(lambda clock: on_gpu(clock, trouble=trouble, utilization_percent=None)), GPU_MODEL)[0]
    assert (found.kind, found.what, found.confidence) == ("gpu trouble", words, confidence)


def test_queue_and_cache() -> None:
    def queued(clock: float, **changes: Any) -> Sample:
        busy = slot(0, task=1, state="generating", decoded=int(clock), context_used=500)
        told = endpoint(clock, decode=5.2, waiting=7.0, slots=(busy,), **changes)
        return answering(clock, endpoint=told)

    found = verdicts(queued)
    assert found["queue full"].what == (
        "Queue full: llama.cpp (process 4711, port 8080), its only slot busy, 7 waiting"
    )
    # Its eight CPUs are busy: more requests at once would only share them.
    assert "-np) would share" in (found["queue full"].helps or "")
    assert found["queue full"].evidence[0].raw == "waiting 7, running 1, 1 slot"
    on_cards = verdicts(
        lambda clock: on_gpu(clock).model_copy(
            update={"servers": queued(clock).servers, "cpu": sample(clock, busy=1.0).cpu}
        )
    )
    assert "more slots (-np)" in (on_cards["queue full"].helps or "")
    full = verdicts(lambda clock: queued(clock, kv_share=0.98, kv_tokens=4014, kv_size_tokens=4096))
    assert full["kv cache full"].what.startswith("KV cache 98 % full:")
    assert full["kv cache full"].badness == "bad"
    assert "4014 of 4096 tokens, 7 waiting" in full["kv cache full"].what


def test_a_free_slot_means_no_queue() -> None:
    def between(clock: float) -> Sample:
        return answering(clock, endpoint=endpoint(clock, decode=5.2, waiting=1.0, slots=(slot(0),)))

    assert "queue full" not in verdicts(between)


def test_memory_on_another_node() -> None:
    found = verdicts(lambda clock: answering(clock, nodes=nodes(2 * GB, 6 * GB), cpus_allowed=(0, 1, 2, 3)))
    assert (
        "75 % of llama.cpp (process 4711, port 8080) lies on nodes where it may not run" in found["remote memory"].what
    )
    assert found["remote memory"].helps == f"sudo migratepages {PID} all 0"
    uneven = verdicts(lambda clock: answering(clock, nodes=nodes(8 * GB, 100)))["remote memory"]
    assert "4 of its 8 CPUs are on other nodes" in uneven.what
    assert uneven.confidence == "low"


@pytest.mark.parametrize(
    "changes",
    [{"nodes": nodes(4 * GB, 4 * GB)}, {"nodes": nodes(8 * GB, 0), "cpus_allowed": (0, 1)}, {"nodes": ()}],
    ids=["spread", "local", "not known"],
)
def test_memory_that_lies_well(changes: dict[str, object]) -> None:
    assert "remote memory" not in verdicts(lambda clock: answering(clock, **changes))


def test_nothing_to_do() -> None:
    found = judge(over(lambda clock: sample(clock, server(clock, cpus=0.01))), facts())
    assert [one.what for one in found] == ["Idle: no request under way (llama.cpp 4711, port 8080)"]
    assert found[0].badness == "good"


def test_several_that_seem_idle_are_told_in_the_plural() -> None:
    def two(clock: float) -> Sample:
        each = server(clock, cpus=0.0, endpoint=untold(clock, "no metrics", detail="start it with --metrics"))
        return sample(clock, each, each.model_copy(update={"pid": PID + 1, "endpoint": None}))

    found = judge(over(two), facts())[0]
    assert found.what == "Idle, it seems: 2 servers hardly use CPU or GPU"
    assert [proof.raw for proof in found.evidence] == [
        "unknown, 0.00 CPUs, start it with --metrics",
        "unknown, 0.00 CPUs",
    ]


def test_an_idle_server_is_not_oversubscribed() -> None:
    found = verdicts(lambda clock: sample(clock, server(clock, waiting=0.5, cpus_allowed=(0, 1))))
    assert found.keys() == {"idle"}


def test_loading() -> None:
    def loading(clock: float) -> Sample:
        return sample(
            clock,
            server(clock, cpus=0.5, read=412e6, endpoint=untold(clock, "loading")),
            drives=(drive(clock, 0.9, 412e6),),
        )

    assert verdicts(loading)["loading"].what == (
        "Loading: llama.cpp (process 4711, port 8080) loads its model, reading 412 MB/s, nvme0n1 90 % busy"
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("no metrics", "start llama.cpp (process 4711, port 8080) with --metrics"),
        ("denied", "it asks for an API key"),
        ("unreachable", "does not answer"),
        ("bad answer", "not understood"),
    ],
)
def test_what_cannot_be_told_says_why(state: str, words: str) -> None:
    found = judge(over(lambda clock: answering(clock, endpoint=untold(clock, state))), facts())
    assert found[0].kind == "cannot tell"
    assert words in found[0].what
    assert found[0].confidence == "low"


def hanging(clock: float, state: str | None, since: float = 103.0) -> Sample:
    """It answered tokens until a moment, and has said nothing since."""
    told = endpoint(clock, decode=5.0)
    if clock > since:
        told = untold(since, "timed out", detail="no whole answer within 2 s", generated_tokens=5.0 * since)
    one = server(clock, endpoint=told, state=state if clock > since else "S")
    return sample(clock, one)


@pytest.mark.parametrize(
    ("state", "confidence", "words"),
    [
        ("T", "high", " does not answer for 7 s: the process is stopped (state T)"),
        ("S", "medium", " does not answer for 7 s"),
        (None, "medium", " does not answer for 7 s"),
    ],
)
def test_a_server_that_hangs(state: str | None, confidence: str, words: str) -> None:
    found = judge(over(lambda clock: hanging(clock, state)), facts())
    assert [one.kind for one in found] == ["engine trouble"]
    assert found[0].what == f"Engine trouble: llama.cpp (process {PID}, port 8080){words}"
    assert (found[0].confidence, found[0].badness, found[0].subject) == (confidence, "bad", str(PID))


def test_a_stopped_process_is_told_before_its_answer_is_late() -> None:
    stopped = server(110.0, endpoint=endpoint(109.0, decode=5.0), state="T")
    before = [hanging(float(clock), "S", 200.0) for clock in range(100, 110)]
    found = judge([*before, sample(110.0, stopped)], facts())
    assert (found[0].kind, found[0].badness, found[0].confidence) == ("engine trouble", "bad", "high")


def test_one_late_answer_is_not_so_bad() -> None:
    found = judge(over(lambda clock: hanging(clock, "S", 108.0)), facts())
    assert (found[0].kind, found[0].badness) == ("engine trouble", "notice")
    assert found[0].what.endswith("did not answer in time")


def test_a_server_that_has_ended() -> None:
    def ending(clock: float) -> Sample:
        one, other = server(clock), server(clock, pid=PID + 1, port=9000)
        heir = server(clock, pid=PID + 2)
        return sample(clock, one, other) if clock < 105 else sample(clock, other, heir)

    found = judge(over(ending), facts())
    assert found[0].what == (
        f"Engine trouble: llama.cpp (process {PID}, port 8080) has ended; process {PID + 2} serves that port now"
    )
    assert (found[0].badness, found[0].subject) == ("notice", f"ended {PID}")
    assert "engine trouble" not in verdicts(ending, seconds=25)
    assert "engine trouble" not in verdicts(ending, seconds=4)


def test_the_only_server_that_has_ended_is_told_even_when_nobody_looked_for_a_while() -> None:
    found = judge([sample(100.0, server(100.0)), sample(160.0)], facts())
    assert [one.kind for one in found] == ["engine trouble"]


def test_a_long_batch_is_no_trouble() -> None:
    busy = untold(100.0, "timed out", detail=BUSY)
    assert "engine trouble" not in verdicts(lambda clock: answering(clock, endpoint=busy))


def test_rates_of_a_server_that_hangs_are_not_shown() -> None:
    before, now = hanging(103.0, "T"), hanging(104.0, "T")
    assert activity(before, now).servers[PID].engine is None
    again = sample(105.0, server(105.0, endpoint=endpoint(105.0, decode=5.0)))
    told = activity(now, again).servers[PID].engine
    assert told is not None
    assert told.decode_tokens_per_s is None


def test_a_silent_server_that_does_nothing_seems_idle() -> None:
    found = judge(over(lambda clock: sample(clock, server(clock, endpoint=untold(clock, "no metrics")))), facts())
    assert (found[0].kind, found[0].confidence) == ("idle", "low")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (facts(memory_bandwidth=None), "doctor --measure"),
        (facts(servers=()), "the header of its model could not be read"),
    ],
)
def test_without_a_peak_or_a_model_nothing_is_claimed(known: Facts, words: str) -> None:
    found = verdicts(answering, known)
    assert found.keys() == {"cannot tell"}
    assert words in found["cannot tell"].what


def test_before_the_machine_is_known() -> None:
    found = judge(over(answering), None)
    assert found[0].what.endswith("the machine is still being read")


def test_one_moment_is_no_rate() -> None:
    assert judge([answering(100.0)], facts())[0].what.startswith("Cannot tell")
    assert judge([sample(100.0)], facts())[0].what == "Idle: no inference server runs"


def test_a_gpu_that_others_use() -> None:
    found = judge(over(lambda clock: sample(clock, gpus=(gpu(clock, utilization_percent=99, users=()),))), facts())
    assert found[0].what == "Cannot tell: GPU 0 is 99 % busy, by no server that is known"


def test_a_process_number_used_again_is_another_process() -> None:
    def renewed(clock: float) -> Sample:
        return answering(clock, started_ticks=int(clock > 109), faults=0)

    found = judge(over(renewed), facts())
    assert all(one.kind in ("cannot tell", "idle") for one in found)


def test_causes_come_before_what_follows_from_them() -> None:
    def everything(clock: float) -> Sample:
        told = endpoint(clock, decode=0.3, waiting=5.0)
        limits = group(clock, 0.6, stalled=0.5, quota_cpus=2.0, memory_limit_bytes=4 * GB)
        one = server(clock, cpus=0.5, faults=300, read=800e6, swapped_bytes=GB, endpoint=told, cgroup=limits)
        return sample(clock, one, drives=(drive(clock, 0.95, 800e6),), memory=memory(clock, swap_in=30e6))

    kinds = [one.kind for one in judge(over(everything), facts())]
    assert kinds == ["swapping", "disk", "memory pressure", "cpu quota", "queue full"]


def test_every_kind_has_its_place() -> None:
    from typing import get_args

    from llmtune.advisors.bottleneck.verdict import Kind

    assert sorted(ORDER) == sorted(get_args(Kind))
