"""`EngineWatch`: nobody waits for a server, and each is asked once a tick."""

import socket
import threading
import time
from collections.abc import Callable

import pytest
from engine_servers import ANSWERS, answer, requests, saying, serving

from llmtune.probe.loopback import Response
from llmtune.probe.reading import Unreadable
from llmtune.probe.sample.engine import EngineMoment
from llmtune.probe.sample.engines.watch import EngineWatch, Target, ask

TICK_S = 0.02
PATIENCE_S = 20.0


def llama_server(asked: list[str]) -> Callable[[socket.socket], None]:
    import json

    page = ANSWERS["moments"][2]
    told = {"/props": json.dumps(ANSWERS["props"]), "/slots": json.dumps(page["slots"]), "/metrics": page["metrics"]}

    def behave(connection: socket.socket) -> None:
        for path in requests(connection):
            asked.append(path)
            connection.sendall(answer(told.get(path, ""), 200 if path in told else 404))

    return behave


def until(watch: EngineWatch, targets: list[Target], met: Callable[[dict[int, EngineMoment]], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not met(watch.moments()):
        assert time.monotonic() < end, watch.moments()
        watch.follow(targets)
        time.sleep(TICK_S)


def engine_threads() -> int:
    return sum(thread.name.startswith("engine ") for thread in threading.enumerate())


def test_nothing_to_watch_costs_nothing() -> None:
    watch = EngineWatch()
    watch.follow([])
    assert watch.moments() == {}
    assert engine_threads() == 0
    watch.stop()


def test_moments_come_and_go_with_their_servers() -> None:
    asked: list[str] = []
    with serving(llama_server(asked)) as first, serving(saying(answer('{"models": []}'))) as second:
        one, two = Target(1, "llama.cpp", first, False), Target(2, "Ollama", second)
        watch = EngineWatch(TICK_S)
        until(
            watch,
            [one, two],
            lambda told: {pid: moment.state for pid, moment in told.items()} == {1: "ready", 2: "ready"},
        )
        watch.follow([two])
        assert set(watch.moments()) == {2}
        watch.stop()
        assert watch.moments() == {}
    end = time.monotonic() + PATIENCE_S
    while engine_threads():
        assert time.monotonic() < end
        time.sleep(TICK_S)


def test_a_server_is_asked_no_more_than_once_a_tick() -> None:
    asked: list[str] = []
    with serving(llama_server(asked)) as port:
        watch = EngineWatch(TICK_S)
        ticks = 0
        for _ in range(20):
            watch.follow([Target(1, "llama.cpp", port, False)])
            ticks += 1
            time.sleep(TICK_S)
        watch.stop()
        # /props once, slots and metrics a second time in the first tick.
        assert asked.count("/slots") <= ticks + 1
        before = len(asked)
        time.sleep(5 * TICK_S)
        assert len(asked) - before <= 3, "without ticks nothing is asked"


def test_a_silent_server_holds_up_neither_the_caller_nor_the_others() -> None:
    done = threading.Event()

    def silent(connection: socket.socket) -> None:
        done.wait(PATIENCE_S)

    asked: list[str] = []
    with serving(silent) as dead, serving(llama_server(asked)) as alive:
        watch = EngineWatch(TICK_S)
        targets = [Target(1, "vLLM", dead), Target(2, "llama.cpp", alive, False)]
        until(watch, targets, lambda told: 2 in told)
        assert 1 not in watch.moments()
        slowest = 0.0
        for call in [lambda: watch.follow(targets), watch.moments] * 20 + [watch.stop]:
            begin = time.monotonic()
            call()
            slowest = max(slowest, time.monotonic() - begin)
        done.set()
    assert slowest < 1, "half of what a request may take"


def test_a_server_that_is_gone_is_asked_ever_more_rarely() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    watch = EngineWatch(TICK_S)
    target = Target(1, "vLLM", port)
    until(watch, [target], lambda told: 1 in told)
    first = watch.moments()[1]
    assert first.state == "unreachable"
    for _ in range(10):
        watch.follow([target])
        time.sleep(TICK_S)
    assert watch.moments()[1] is first, "a second has not passed"
    watch.stop()


def test_a_new_server_under_an_old_number_is_asked_anew() -> None:
    with serving(saying(answer("vllm:num_requests_running 1\n"))) as old, serving(saying(answer("{}"))) as new:
        watch = EngineWatch(TICK_S)
        until(watch, [Target(1, "vLLM", old)], lambda told: told.get(1) is not None and told[1].state == "ready")
        watch.follow([Target(1, "Ollama", new)])
        told = watch.moments().get(1)
        assert told is None or told.models == ()
        until(watch, [Target(1, "Ollama", new)], lambda told: 1 in told and "Ollama" in told[1].detail)
        watch.stop()


@pytest.mark.parametrize("alive", [True, False])
def test_a_server_that_does_not_answer_keeps_its_counters_of_the_time_they_were_told(alive: bool) -> None:
    def late(path: str) -> Response:
        if alive and path == "/health":
            return Response(200, b"{}")
        raise Unreadable("timed out", "late")

    with serving(llama_server([])) as port:
        watch = EngineWatch(TICK_S)
        target = Target(1, "llama.cpp", port, False)
        until(watch, [target], lambda told: 1 in told)
        before = watch.moments()[1]
        watch.stop()
    told = ask(late, target, before)
    assert before.slots
    assert (told.state, told.clock_s) == ("timed out", before.clock_s)
    assert (told.generated_tokens, told.hangs) == (before.generated_tokens, not alive)
    # What is no counter is of now, and nobody knows what one does that says nothing.
    assert (told.slots, told.running) == ((before.slots, before.running) if alive else ((), None))
    assert ask(late, target, told).clock_s == before.clock_s


def test_what_a_reader_stumbles_over_is_told_and_asked_again() -> None:
    def stumble(path: str) -> Response:
        raise KeyError(path)

    found = ask(stumble, Target(1, "llama.cpp", 1), None)
    assert found.state == "bad answer"
    assert "KeyError" in found.detail
