"""Metrics follow Prometheus' conventions and are read by its own parser; the dashboard asks for nothing else."""

import json
import re
import time
from collections import Counter
from itertools import islice
from typing import Any

import pytest
from made_samples import samples
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from scenes import views
from situations import gpu, verdict

from llmtune.advisors.bottleneck.observer import Observation, Observer
from llmtune.cli.serving_metrics import Latest, Metrics
from llmtune.probe.reading import Reading
from llmtune.probe.sample.engine import LoadedModel
from llmtune.probe.sample.gpu import GpuUser
from llmtune.reports.dashboard import dashboard, dashboard_text
from llmtune.reports.metric_families import FAMILIES
from llmtune.reports.metrics import points
from llmtune.tui.view import View

SITUATIONS = {name: view for name, view in views().items() if view.sample is not None}


def observation(view: View) -> Observation:
    assert view.sample is not None
    verdicts = (view.verdict, *view.others) if view.verdict is not None else ()
    return Observation(view.sample, view.activity, verdicts, (), ())


def text(seen: Observation) -> str:
    metrics, registry = Metrics(5.0), CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    metrics.latest = Latest(seen, {(one.kind, one.subject): 12.5 for one in seen.verdicts}, 1e18)
    return generate_latest(registry).decode()


@pytest.mark.parametrize("name", list(SITUATIONS))
def test_every_situation_is_read_by_prometheus_own_parser(name: str) -> None:
    seen = observation(SITUATIONS[name])
    series = [
        (one.name, tuple(sorted(one.labels.items())), one.value)
        for family in text_string_to_metric_families(text(seen))
        for one in family.samples
    ]
    assert not [key for key, count in Counter(one[:2] for one in series).items() if count > 1]
    told = {(p.family, tuple(sorted(p.labels.items())), p.value) for p in points(seen, {})}
    assert told <= {*series}
    assert len(told) >= len(series) - 5 - len(seen.verdicts)


def test_every_value_has_a_family_and_every_family_is_told_somewhere() -> None:
    families = {family.name for family in FAMILIES}
    labels: dict[str, set[tuple[str, ...]]] = {}
    found = {"llmtune_build_info", "llmtune_up", "llmtune_sample_age_seconds"}
    views_and_more = [observation(view) for view in SITUATIONS.values()]
    first, second = (knows_all(one) for one in islice(samples(), 2))
    server = second.servers[0]
    endpoint = server.endpoint.model_copy(update={"models": (LoadedModel(name="m", total_bytes=2, gpu_bytes=1),)})
    second = second.model_copy(update={"servers": (server.model_copy(update={"endpoint": endpoint}),)})
    observer = Observer()
    observer.observe(first)
    known = [knows_all(view.sample) for view in SITUATIONS.values()]
    of_all = [Observation(one, None, (), (), ()) for one in known]
    for one in [*views_and_more, *of_all, observer.observe(second)]:
        for point in points(one, {(held.kind, held.subject): 1.0 for held in one.verdicts}):
            found.add(point.family)
            labels.setdefault(point.family, set()).add(tuple(point.labels))
    assert found == families
    assert all(len(names) == 1 for names in labels.values())


def knows_all(value: Any) -> Any:
    """The same with every number that is not known as 1."""
    if isinstance(value, Reading):
        known = {}
        for name, field in type(value).__pydantic_fields__.items():
            now = getattr(value, name)
            number = now is None and {int, float} & set(getattr(field.annotation, "__args__", ()))
            known[name] = 1 if number else knows_all(now)
        return value.model_copy(update=known)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(map(knows_all, value))
    return value


def test_names_follow_the_conventions() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert re.fullmatch(r"llmtune_[a-z0-9_]+", family.name)
        assert (family.kind == "counter") == family.name.endswith("_total")
        assert not re.search(r"percent|milli|micro|_ms|_mw|_kib|_mb|mhz|_us(_|$)", family.name)
        assert family.help.endswith((".", "instead."))


def test_foreign_text_stays_in_its_label() -> None:
    seen = observation(SITUATIONS["one_cpu_server"])
    name = 'a"b\\c\nllmtune_up 7\r{x="y"}\u2028\udcff' + "z" * 5000
    evil = seen.sample.model_copy(
        update={"servers": tuple(one.model_copy(update={"model": name}) for one in seen.sample.servers)}
    )
    answer = text(Observation(evil, seen.activity, (verdict("idle", name, subject=name),), (), ()))
    read = {one.name: one for family in text_string_to_metric_families(answer) for one in family.samples}
    assert read["llmtune_up"].value != 7
    assert read["llmtune_server_info"].labels["model"].startswith('a"b\\c\nllmtune_up 7\r{x="y"}')
    assert len(read["llmtune_server_info"].labels["model"]) <= 200
    assert len(answer) < 50_000


def test_a_sampler_that_hangs_shows_as_down_and_scrapes_are_answered() -> None:
    metrics, registry = Metrics(5.0), CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    assert "llmtune_up 0.0" in generate_latest(registry).decode()
    metrics.latest = Latest(observation(SITUATIONS["one_cpu_server"]), {}, time.monotonic())
    assert "llmtune_up 1.0" in generate_latest(registry).decode()
    metrics.latest = metrics.latest._replace(taken_s=time.monotonic() - 60)
    answer = generate_latest(registry).decode()
    assert "llmtune_up 0.0" in answer
    assert "llmtune_server_info{" in answer


def test_a_lost_gpu_is_down_and_tells_nothing_it_does_not_know() -> None:
    lost = gpu(trouble="lost: fallen off the bus", utilization_percent=None, power_mw=None, users=())
    seen = observation(SITUATIONS["one_cpu_server"])
    answer = text(Observation(seen.sample.model_copy(update={"gpus": (lost,)}), None, (), (), ()))
    assert 'llmtune_gpu_up{gpu="0",vendor="nvidia"} 0.0' in answer
    assert "llmtune_gpu_utilization_ratio{" not in answer
    assert "llmtune_gpu_power_watts{" not in answer


def test_one_process_listed_twice_is_told_once() -> None:
    user = GpuUser(pid=7, name="x", used_bytes=1 << 30, container=None)
    seen = observation(SITUATIONS["one_cpu_server"])
    twice = seen.sample.model_copy(update={"gpus": (gpu(users=(user, user)),)})
    assert text(Observation(twice, None, (), (), ())).count("llmtune_gpu_process_memory_bytes{") == 1


def test_the_dashboard_asks_only_for_what_is_told() -> None:
    kinds = {family.name: family.kind for family in FAMILIES}
    panels = json.loads(dashboard_text())["panels"]
    assert len(panels) > 20
    for panel in panels:
        for target in panel["targets"]:
            names = re.findall(r"llmtune_\w+", target["expr"])
            assert names
            for name in names:
                assert name in kinds, name
                assert (f"rate({name}" in target["expr"]) == (kinds[name] == "counter"), target["expr"]
            assert target["expr"].count('instance=~"$instance"') == len(names)
            assert target["expr"].count("(") == target["expr"].count(")")
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_dashboard_names_labels_that_are_there() -> None:
    labels: dict[str, set[str]] = {}
    for view in SITUATIONS.values():
        for point in points(observation(view), {}):
            labels.setdefault(point.family, set()).update(point.labels)
    for panel in dashboard()["panels"]:  # type: ignore[attr-defined]
        for target in panel["targets"]:
            name = re.findall(r"llmtune_\w+", target["expr"])[0]
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if name in labels:
                assert used <= labels[name], (name, used)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:  # type: ignore[attr-defined]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_long_names_that_differ_only_beyond_the_bound_are_told_once() -> None:
    view = SITUATIONS["one_gpu"]
    assert view.sample is not None
    [first, *_] = view.sample.servers
    assert first.endpoint is not None
    models = tuple(LoadedModel(name="m" * 300 + end, total_bytes=1, gpu_bytes=None) for end in "ab")
    told = first.model_copy(update={"endpoint": first.endpoint.model_copy(update={"models": models})})
    seen = observation(view)
    seen = Observation(view.sample.model_copy(update={"servers": (told,)}), None, seen.verdicts, (), ())
    assert text(seen).count("llmtune_engine_model_bytes{") == 1
