"""What an unprivileged user may try in order to make root do something: none of it works."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed import RUN, STATE, installed, llmtune, nothing_applied

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
NOBODY = 65534
SWAPPINESS = Path("/proc/sys/vm/swappiness")
APPLY = ("apply", "--set", "vm.swappiness=31", "--yes")


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[None]:
    """A machine on which llmtune has done nothing, and a folder that everybody can write."""
    before = SWAPPINESS.read_text()
    tmp_path.chmod(0o777)
    with nothing_applied():
        yield
        SWAPPINESS.write_text(before)


def unchanged(before: str) -> bool:
    return SWAPPINESS.read_text() == before


def owned_by_nobody(path: Path, text: str, mode: int = 0o644) -> Path:
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, NOBODY, NOBODY)
    return path


def plan(key: str, value: str) -> str:
    return json.dumps({"settings": [{"key": key, "value": value}]})


def test_code_that_others_could_change_is_not_run_as_root(tmp_path: Path) -> None:
    """Started from a folder that is not root's alone, it says how to install it and changes nothing."""
    before = SWAPPINESS.read_text()
    library = tmp_path / "lib"
    shutil.copytree(Path(installed()).parent / "lib", library)
    command = tmp_path / "llmtune"
    command.write_text(Path(installed()).read_text().replace(str(Path(installed()).parent / "lib"), str(library)))
    command.chmod(0o755)
    done = subprocess.run([str(command), *APPLY], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, "sudo make install" in done.stderr) == (5, True)
    assert unchanged(before)


def test_neither_variables_nor_folders_add_code(tmp_path: Path) -> None:
    for name in ("click", "json", "fcntl", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'stolen')!r}, 'w')")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "json.py"), "PYTHONHOME": ""}
    done = llmtune(*APPLY, environment=environment, directory=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "stolen").exists()


def test_programs_are_not_taken_from_the_callers_path(tmp_path: Path) -> None:
    for name in ("sysctl", "cpupower", "nvidia-smi", "systemctl", "systemd-run", "sh", "taskset", "logger"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/stolen\n")
        program.chmod(0o755)
    done = llmtune(*APPLY, environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert llmtune("rollback", "--yes", environment={"PATH": str(tmp_path)}).returncode == 0
    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("place", [STATE, RUN])
def test_a_link_in_place_of_our_directory_is_not_followed(place: Path, tmp_path: Path) -> None:
    before = SWAPPINESS.read_text()
    target = tmp_path / "elsewhere"
    target.mkdir()
    place.symlink_to(target)
    done = llmtune(*APPLY)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert unchanged(before)
    assert not list(target.iterdir())


@pytest.mark.parametrize("place", [STATE, RUN])
def test_a_directory_of_somebody_else_is_not_used(place: Path) -> None:
    before = SWAPPINESS.read_text()
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    done = llmtune(*APPLY)
    assert (done.returncode, f"{place} belongs to user {NOBODY}" in done.stderr) == (5, True)
    assert unchanged(before)


def test_a_directory_that_others_can_write_is_not_used() -> None:
    before = SWAPPINESS.read_text()
    STATE.mkdir()
    STATE.chmod(0o777)
    done = llmtune(*APPLY)
    assert (done.returncode, "can be written by others" in done.stderr) == (5, True)
    assert unchanged(before)


def test_a_journal_with_a_second_name_or_another_owner_is_not_believed() -> None:
    llmtune(*APPLY)
    journal = STATE / "journal" / "000001.journal"
    os.link(journal, STATE / "second")
    assert llmtune("rollback", "--yes").returncode == 5
    (STATE / "second").unlink()
    os.chown(journal, NOBODY, NOBODY)
    assert llmtune("rollback", "--yes").returncode == 5
    assert SWAPPINESS.read_text().strip() == "31"


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    before = SWAPPINESS.read_text()
    RUN.mkdir()
    (RUN / "lock").symlink_to(tmp_path / "made")
    done = llmtune(*APPLY)
    assert done.returncode == 5
    assert not (tmp_path / "made").exists()
    assert unchanged(before)


def test_a_plan_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    before = SWAPPINESS.read_text()
    for path in (
        owned_by_nobody(tmp_path / "theirs.json", plan("vm.swappiness", "31")),
        tmp_path / "link.json",
    ):
        if path.name == "link.json":
            path.symlink_to(tmp_path / "theirs.json")
        assert llmtune("apply", "--plan", str(path), "--yes").returncode in (3, 5)
    mine = tmp_path / "mine.json"
    mine.write_text(plan("vm.swappiness", "31"))
    mine.chmod(0o666)
    assert llmtune("apply", "--plan", str(mine), "--yes").returncode == 5
    assert unchanged(before)


def test_of_a_users_own_plan_only_known_settings_are_taken(tmp_path: Path) -> None:
    before = SWAPPINESS.read_text()
    caller = {"SUDO_UID": str(NOBODY), "SUDO_USER": "nobody"}
    hostile = [
        ("kernel.core_pattern", "|/tmp/x"),
        ("../../etc/passwd", "x"),
        ("vm.swappiness", "31\nx"),
        ("vm.swappiness", "$(reboot)"),
        ("block.scheduler@vda/../../x", "none"),
        ("kernel.modprobe", "/tmp/x"),
        ("vm.min_free_kbytes", "99999999"),
        ("hugepages.2048kB", "99999999"),
    ]
    for number, (key, value) in enumerate(hostile):
        path = owned_by_nobody(tmp_path / f"plan{number}.json", plan(key, value))
        done = llmtune("apply", "--plan", str(path), "--yes", environment=caller)
        assert done.returncode in (3, 5), (key, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1
    assert unchanged(before)
    good = owned_by_nobody(tmp_path / "good.json", plan("vm.swappiness", "31"))
    assert llmtune("apply", "--plan", str(good), "--yes", environment=caller).returncode == 0
    assert SWAPPINESS.read_text().strip() == "31"


def test_a_profile_that_others_can_write_is_not_taken(tmp_path: Path) -> None:
    before = SWAPPINESS.read_text()
    folder = tmp_path / "llmtune" / "profiles"
    folder.mkdir(parents=True)
    owned_by_nobody(folder / "mine.toml", 'summary = "mine"\n[set]\n"vm.swappiness" = 31\n')
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = llmtune("apply", "--profile", "mine", "--yes", environment=environment)
    assert done.returncode in (3, 5), done.stdout
    assert unchanged(before)


def test_what_a_user_says_of_himself_cannot_forge_lines_of_the_log() -> None:
    forged = {"SUDO_USER": "root\nllmtune: all is well"}
    assert llmtune(*APPLY, environment=forged).returncode == 0
    assert "all is well" not in llmtune("history").stdout
