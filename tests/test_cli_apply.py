"""`llmtune apply --dry-run` and the commands that only look: what anybody may do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from llmtune.cli.main import root

SWAPPINESS = Path("/proc/sys/vm/swappiness")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, list(arguments))


def other() -> str:
    return "41" if SWAPPINESS.read_text().strip() != "41" else "42"


def test_a_dry_run_shows_old_and_new_and_the_command() -> None:
    before, value = SWAPPINESS.read_text().strip(), other()
    done = run("apply", "--dry-run", "--set", f"vm.swappiness={value}")
    assert done.exit_code == 0, done.output
    assert f"{before} -> {value}" in done.output
    assert f"sysctl -w vm.swappiness={value}" in done.output
    assert SWAPPINESS.read_text().strip() == before


def test_a_dry_run_in_json_is_one_object() -> None:
    told = json.loads(run("apply", "-n", "--format", "json", "--set", f"vm.swappiness={other()}").stdout)
    assert (told["schema_version"], told["outcome"], told["transaction"]) == (1, "planned", None)
    assert [change["key"] for change in told["changes"]] == ["vm.swappiness"]


def test_what_is_so_already_is_nothing_to_do() -> None:
    done = run("apply", "-n", "--set", f"vm.swappiness={SWAPPINESS.read_text().strip()}")
    assert (done.exit_code, done.output.startswith("Nothing to do")) == (0, True)


@pytest.mark.parametrize(
    "pair",
    [
        "vm.swappiness",
        "vm.swappiness=",
        "=10",
        "vm.swappiness=201",
        "vm.swappiness=-1",
        "vm.swappiness=0x1f",
        "vm.swappiness=\u0661\u0660",
        "vm.dirty_bytes=0",
        "kernel.core_pattern=x",
        "../../etc/passwd=x",
        "vm.swap\npiness=10",
        "block.scheduler@../vda=none",
        "process.nice@0=1",
    ],
)
def test_a_setting_that_cannot_be_is_wrong_usage_in_one_line(pair: str) -> None:
    done = run("apply", "-n", "--set", pair)
    assert done.exit_code == 2, done.output
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "--set" in line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        '{"settings": 3}',
        '{"settings": [3]}',
        '{"settings": [{"key": "vm.swappiness"}]}',
        '{"settings": [{"key": "vm.swappiness", "value": 10}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_plan_is_bad_input(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    done = run("apply", "-n", "--plan", str(path))
    assert (done.exit_code, done.stderr.count("\n")) == (3, 1), done.output
    assert str(path) in done.stderr


def test_a_plans_settings_are_taken_and_the_rest_is_not(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    settings = [{"key": "vm.swappiness", "value": other(), "reason": "x", "command": "reboot"}]
    path.write_text(json.dumps({"settings": settings, "launch": {"argv": ["reboot"]}}))
    told = json.loads(run("apply", "-n", "--format", "json", "--plan", str(path)).stdout)
    assert [change["command"] for change in told["changes"]] == [f"sysctl -w vm.swappiness={other()}"]


def test_only_what_is_named_is_taken() -> None:
    done = run(
        "apply", "-n", "--set", f"vm.swappiness={other()}", "--set", "vm.stat_interval=77", "--only", "vm.swappiness"
    )
    assert "vm.stat_interval" not in done.output
    assert run("apply", "-n", "--set", f"vm.swappiness={other()}", "--only", "vm.page-cluster").exit_code == 3


@pytest.mark.parametrize("value", ["", "0", "x", "1s", "8d", "10 weeks", "-5m"])
def test_a_trial_wants_a_time(value: str) -> None:
    assert run("apply", "-n", "--trial", value, "--set", "vm.swappiness=10").exit_code == 2


def test_sources_exclude_each_other() -> None:
    assert run("apply", "-n", "--profile", "inference", "--set", "vm.swappiness=10").exit_code == 2
