"""Readings are made without validators; what they hold must be what validators would accept, as it is."""

import warnings
from pathlib import Path

import pytest
from pydantic import ValidationError
from recorded import machine_host, machine_names
from trees import tree_host

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.reading import Gap
from llmtune.probe.snapshot import Snapshot, take_snapshot


def assert_valid(snapshot: Snapshot) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydantic warns when it serializes a value of another type
        text = snapshot.model_dump_json()
    assert Snapshot.model_validate_json(text) == snapshot


def test_this_machine() -> None:
    assert_valid(take_snapshot(Host(LiveSource())))


def test_an_empty_machine(tmp_path: Path) -> None:
    assert_valid(take_snapshot(tree_host(tmp_path, {})))


@pytest.mark.parametrize("name", machine_names()[::12])
def test_recorded_machines(name: str) -> None:
    if name.startswith("rocm-k8s"):
        pytest.skip("a bare topology, which an archive cannot be")
    assert_valid(take_snapshot(machine_host(name)))


def test_fields_are_demanded_and_others_refused() -> None:
    with pytest.raises(TypeError, match="needs the field source"):
        Gap(probe="x", reason="missing")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no field other"):
        Gap(probe="x", source="y", reason="missing", other=1)  # type: ignore[call-arg]


def test_what_comes_from_outside_is_validated() -> None:
    with pytest.raises(ValidationError):
        Gap.model_validate({"probe": "x", "source": "y", "reason": "because"})
    assert Gap.model_validate({"probe": "x", "source": "y", "reason": "missing"}).detail == ""


def test_readings_are_frozen() -> None:
    gap = Gap(probe="x", source="y", reason="missing")
    with pytest.raises(ValidationError):
        gap.detail = "changed"
