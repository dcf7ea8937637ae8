"""Settings in other tools' forms: read back by parsers of these forms, nothing lost without a word."""

import configparser
import json
import re
import subprocess
from pathlib import Path

import pytest
from tuner_trees import POOLS, QUEUE, THP, lay_out, whole_machine

from llmtune.reports.export import Exported, Item, comment, items
from llmtune.reports.export_ansible import export_ansible
from llmtune.reports.export_sysctl import export_sysctl
from llmtune.reports.export_tuned import export_tuned
from llmtune.tuners.knobs.catalogue import resolve
from llmtune.tuners.knobs.knob import Refused
from llmtune.tuners.prepare import Wish

GPU = "GPU-00000000-0000-0000-0000-000000000000"
WISHES = [
    Wish("vm.swappiness", "10"),
    Wish("vm.max_map_count", "1048576", at_least=True),
    Wish("thp.enabled", "always"),
    Wish("block.read_ahead_kb", "4096"),
    Wish("hugepages.1048576kB", "2"),
    Wish("memlock@ollama.service", "infinity"),
    Wish("memlock@user:ollama", "1048576"),
    Wish(f"nvidia.power_limit_w@{GPU}", "300"),
    Wish("process.nice@1", "3"),
    Wish("swap.priority@/dev/sda2", "5"),
    Wish("cpu.boost", "1"),
]
REASON = "it helps\n---\n- hosts: evil\x1b[31m"


@pytest.fixture
def settings(tmp_path: Path) -> list[Item]:
    return items(WISHES, {"vm.swappiness": REASON}, lay_out(tmp_path, whole_machine()))


def told(exported: Exported) -> set[str]:
    """The keys of what is left out; each is a comment of the text too."""
    for line in exported.left_out:
        assert f"# {line}" in exported.text
    return {line.partition("=")[0] for line in exported.left_out}


def test_sysctl_lines(settings: list[Item]) -> None:
    exported = export_sysctl(settings)
    lines = [line for line in exported.text.splitlines() if line and not line.startswith("#")]
    assert lines == ["vm.swappiness = 10", "vm.max_map_count = 1048576"]
    assert told(exported) == {item.key for item in settings if not item.key.startswith("vm.")}


def test_the_default_pool_is_a_sysctl_too(tmp_path: Path) -> None:
    exported = export_sysctl(items([Wish("hugepages.2048kB", "8")], {}, lay_out(tmp_path, whole_machine())))
    assert "vm.nr_hugepages = 8" in exported.text
    assert exported.left_out == ()


def test_a_tuned_profile(settings: list[Item]) -> None:
    exported = export_tuned(settings)
    parsed = configparser.RawConfigParser(delimiters=("=",))
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(exported.text)
    assert parsed.sections() == ["main", "sysctl", "sysfs"]
    assert dict(parsed["sysctl"]) == {"vm.swappiness": "10", "vm.max_map_count": "1048576"}
    assert dict(parsed["sysfs"]) == {
        f"{THP}/enabled": "always",
        f"{QUEUE}/read_ahead_kb": "4096",
        f"{POOLS}/hugepages-1048576kB/nr_hugepages": "2",
    }
    written = {"vm.swappiness", "vm.max_map_count", "thp.enabled", "block.read_ahead_kb@nvme0n1", "hugepages.1048576kB"}
    assert told(exported) == {item.key for item in settings} - written


def strings(text: str, name: str) -> list[str]:
    """The values of a key of the playbook."""
    return [json.loads(found) for found in re.findall(rf'^ *(?:- )?{name}: (".*")$', text, re.MULTILINE)]


def test_a_playbook(settings: list[Item]) -> None:
    exported = export_ansible(settings)
    text = exported.text
    assert strings(text, "value") == ["10", "1048576"]
    drop_in, limits, tmpfiles = strings(text, "content")
    assert drop_in == "# Made by llmtune; removed by llmtune rollback.\n[Service]\nLimitMEMLOCK=infinity\n"
    assert limits.splitlines()[-1] == "ollama - memlock 1024"
    assert tmpfiles.splitlines() == [
        f"w {THP}/enabled - - - - always",
        f"w {QUEUE}/read_ahead_kb - - - - 4096",
        f"w {POOLS}/hugepages-1048576kB/nr_hugepages - - - - 2",
    ]
    assert strings(text, "ansible.builtin.command") == [f"nvidia-smi -i {GPU} -pl 300"]
    assert told(exported) == {"process.nice@1", "swap.priority@/dev/sda2", "cpu.boost"}


def test_nothing_to_say_is_still_a_playbook() -> None:
    assert "\n  tasks: []\n" in export_ansible([]).text
    assert "handlers" not in export_ansible([]).text


@pytest.mark.parametrize("export", [export_sysctl, export_tuned, export_ansible])
def test_foreign_text_stays_a_comment(settings: list[Item], export: object) -> None:
    assert callable(export)
    text = export(settings).text
    assert "hosts: evil" in text
    assert all(line.lstrip().startswith("#") for line in text.splitlines() if "evil" in line)
    assert "\x1b" not in text


def test_comments_hold_whatever_comes() -> None:
    assert comment(["a\nb\x00\u2028c"]) == ["# a?b??c"]


def test_values_are_checked_as_for_apply(tmp_path: Path) -> None:
    tree = lay_out(tmp_path, whole_machine())
    for wish in (Wish("vm.swappiness", "201"), Wish("kernel.core_pattern", "|/bin/sh"), Wish("thp.enabled", "$(x)")):
        with pytest.raises(Refused):
            items([wish], {}, tree)


def test_shown_commands_write_the_same_file(tmp_path: Path) -> None:
    tree = lay_out(tmp_path, whole_machine())
    for key in ("memlock@ollama.service", "memlock@user:ollama"):
        knob = resolve(key, tree)
        knob.write("1048576")
        path = Path(tree.path(items([Wish(key, "1048576")], {}, tree)[0].written[0]))  # type: ignore[index]
        ours = path.read_bytes()
        path.unlink()
        shown = knob.command("1048576").replace("/etc/", f"{tmp_path}/etc/")
        subprocess.run(["sh", "-c", shown], check=True)
        assert path.read_bytes() == ours
        removal = knob.command("absent, as is its directory").replace("/etc/", f"{tmp_path}/etc/")
        subprocess.run(["sh", "-c", removal], check=True)
        assert not path.exists()
