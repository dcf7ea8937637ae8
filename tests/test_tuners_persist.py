"""Settings that come back at boot: the files, what is read at boot, and who else sets the same keys."""

from pathlib import Path

import pytest
from trees import tree_host
from tuner_trees import contents, lay_out, put, whole_machine

from llmtune.tuners.knobs.boot_texts import parse_settings
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.persist import (
    CannotPersist,
    boot_wishes,
    contests,
    describe_contest,
    lasts_by_itself,
    persist_wishes,
    touches_units,
)
from llmtune.tuners.prepare import Wish, prepare
from llmtune.tuners.session import Here, session
from llmtune.tuners.store import Store
from llmtune.tuners.transaction import Applied, Who, apply

PROGRAM = "/opt/llmtune/bin/llmtune"
SWAPPINESS, MAPS = "/proc/sys/vm/swappiness", "/proc/sys/vm/max_map_count"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return lay_out(tmp_path / "machine", whole_machine() | {"/run/systemd/system/x": ""})


def tune(tree: Tree, boot: str, wishes: list[Wish]) -> Applied:
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here(boot, "machine"), tree) as found:
        return apply(found, prepare(wishes, tree, as_root=True), Who("somebody"))


def persist(tree: Tree, *wishes: Wish, boot: str = "boot-1", profile: str | None = None) -> Applied:
    files = persist_wishes(wishes, profile, ["my-llm.service"], tree, PROGRAM)
    return tune(tree, boot, [*wishes, *files])


def undo_all(tree: Tree, boot: str) -> None:
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here(boot, "machine"), tree) as found:
        for journal in reversed(found.active()):
            assert found.undo(journal).failed == []


def test_settings_are_kept_applied_at_boot_and_all_of_it_is_removed(tree: Tree) -> None:
    before = contents(tree)
    persist(tree, Wish("vm.swappiness", "10"), Wish("vm.max_map_count", "77777", at_least=True), profile="inference")
    # The next boot: the kernel begins anew, and with another default than the last time.
    put(tree, SWAPPINESS, "61\n")
    put(tree, MAPS, "65530\n")
    wishes, profile = boot_wishes(tree)
    assert profile == "inference"
    assert wishes == [
        Wish("vm.swappiness", "10", required=False),
        Wish("vm.max_map_count", "77777", required=False, at_least=True),
    ]
    assert tune(tree, "boot-2", wishes).outcome == "applied"
    assert Path(tree.path(SWAPPINESS)).read_text().strip() == "10"
    undo_all(tree, "boot-2")
    # What this boot began with comes back, not what the first one did.
    after = contents(tree)
    assert Path(tree.path(SWAPPINESS)).read_text().strip() == "61"
    assert {name for name in after if name.startswith("etc")} == {name for name in before if name.startswith("etc")}
    with pytest.raises(CannotPersist, match="nothing was persisted"):
        boot_wishes(tree)


def test_a_second_persist_keeps_the_first_one_s_settings_and_goes_alone(tree: Tree) -> None:
    persist(tree, Wish("vm.swappiness", "10"), Wish("vm.stat_interval", "5"))
    first = boot_wishes(tree)
    persist(tree, Wish("vm.swappiness", "20"))
    assert {wish.key: wish.value for wish in boot_wishes(tree)[0]} == {"vm.stat_interval": "5", "vm.swappiness": "20"}
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here("boot-1", "machine"), tree) as found:
        assert found.undo(found.active()[-1]).failed == []
    assert boot_wishes(tree) == first


def test_what_is_right_already_is_kept_too(tree: Tree) -> None:
    put(tree, SWAPPINESS, "10\n")
    assert persist(tree, Wish("vm.swappiness", "10")).outcome == "applied"
    assert [wish.key for wish in boot_wishes(tree)[0]] == ["vm.swappiness"]


def test_files_and_processes_are_not_applied_at_boot(tree: Tree) -> None:
    persist(tree, Wish("memlock@ollama.service", "infinity"), Wish("vm.swappiness", "10"))
    assert [wish.key for wish in boot_wishes(tree)[0]] == ["vm.swappiness"]
    assert lasts_by_itself("process.nice@12")


def test_without_systemd_it_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotPersist, match="needs systemd"):
        persist_wishes([Wish("vm.swappiness", "10")], None, (), Tree(str(tmp_path)), PROGRAM)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 1, "settings": [{"key": "a\\nb", "value": "1"}]}'])
def test_settings_that_llmtune_did_not_write_are_not_applied(tree: Tree, text: str) -> None:
    (Path(tree.root) / "etc/llmtune").mkdir(mode=0o755)
    put(tree, "/etc/llmtune/boot.json", text)
    with pytest.raises(CannotPersist, match="did not write"):
        boot_wishes(tree)
    assert parse_settings(text) is None


def test_settings_that_others_could_have_written_are_not_applied(tree: Tree) -> None:
    persist(tree, Wish("vm.swappiness", "10"))
    (Path(tree.root) / "etc/llmtune").chmod(0o777)
    with pytest.raises(CannotPersist, match="can be written by others"):
        boot_wishes(tree)


def test_who_else_sets_the_same_keys(tmp_path: Path) -> None:
    host = tree_host(
        tmp_path,
        {
            "/etc/sysctl.d/90-site.conf": "vm.swappiness = 33\nvm.stat_interval=5\nnet.core.somaxconn = 1024\n",
            "/usr/lib/sysctl.d/10-map.conf": "vm.max_map_count=1048576\n",
        },
    )
    wishes = [Wish("vm.swappiness", "10"), Wish("vm.stat_interval", "5"), Wish("net.core.somaxconn", "4096")]
    found = contests(wishes, host)
    assert [(item.key, item.theirs) for item in found] == [("net.core.somaxconn", "1024"), ("vm.swappiness", "33")]
    line = describe_contest(found[1])
    assert "/etc/sysctl.d/90-site.conf sets vm.swappiness = 33" in line
    assert "10 wins" in line


def test_when_systemd_must_read_its_files_anew() -> None:
    assert touches_units(["memlock@ollama.service"])
    assert touches_units(["vm.swappiness", "boot.enabled"])
    assert not touches_units(["memlock@user:ollama", "boot.settings", "vm.swappiness"])
