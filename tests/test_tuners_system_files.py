"""Files of llmtune's own below /etc, in a folder of plain files, through the real transactions."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtune.tuners.knobs.boot_texts import (
    BootSetting,
    BootSettings,
    is_settings,
    is_unit,
    parse_settings,
    render_settings,
    render_unit,
)
from llmtune.tuners.knobs.catalogue import resolve
from llmtune.tuners.knobs.kernel_file import Tree
from llmtune.tuners.knobs.knob import Refused, Unavailable
from llmtune.tuners.knobs.own_files import ABSENT, NOWHERE
from llmtune.tuners.prepare import CannotChange, Wish, prepare
from llmtune.tuners.records import Change, UndoStep, Wrote
from llmtune.tuners.rollback import Undoing
from llmtune.tuners.session import Here, session
from llmtune.tuners.store import Store
from llmtune.tuners.transaction import Applied, Who, apply
from llmtune.tuners.undo import decide, restore

UNIT_DIRECTORY, LIMITS = "etc/systemd/system", "etc/security/limits.d"
SERVICE, USER = "memlock@ollama.service", "memlock@user:ollama"
PROGRAM = "/opt/llmtune/bin/llmtune"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    os.umask(0o022)
    root = tmp_path / "machine"
    for directory in (UNIT_DIRECTORY, LIMITS):
        (root / directory).mkdir(parents=True)
    return Tree(str(root))


def listing(tree: Tree) -> dict[str, tuple[int, bytes | str]]:
    """Everything below the folder: mode and content."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(Path(tree.root).rglob("*")):
        content: bytes | str = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        found[str(path.relative_to(tree.root))] = (path.lstat().st_mode, content)
    return found


def tune(tree: Tree, *wishes: Wish, boot: str = "boot-1") -> Applied:
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here(boot, "machine"), tree) as found:
        return apply(found, prepare(wishes, tree, as_root=True), Who("somebody"))


def undo(tree: Tree, boot: str = "boot-1", *, force: bool = False) -> list[Undoing]:
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here(boot, "machine"), tree) as found:
        return [found.undo(journal, force=force) for journal in reversed(found.active())]


SETTINGS = render_settings(BootSettings(profile="inference", settings=(BootSetting(key="vm.swappiness", value="10"),)))
UNIT = render_unit(PROGRAM, ["my-llm.service"])
ALL = (
    Wish(SERVICE, "infinity"),
    Wish(USER, "8589934592"),
    Wish("boot.settings", SETTINGS),
    Wish("boot.unit", UNIT),
    Wish("boot.enabled", "linked"),
)


def test_all_files_are_made_and_removed_with_their_directories(tree: Tree) -> None:
    before = listing(tree)
    assert tune(tree, *ALL).outcome == "applied"
    made = listing(tree)
    assert made[f"{UNIT_DIRECTORY}/ollama.service.d/90-llmtune.conf"][1].endswith(b"[Service]\nLimitMEMLOCK=infinity\n")  # type: ignore[arg-type]
    assert b"ollama - memlock 8388608\n" in made[f"{LIMITS}/90-llmtune-ollama.conf"][1]
    assert made["etc/llmtune/boot.json"][1] == SETTINGS.encode()
    assert made[f"{UNIT_DIRECTORY}/llmtune.service"] == (0o100644, UNIT.encode())
    link = made[f"{UNIT_DIRECTORY}/multi-user.target.wants/llmtune.service"]
    assert link[1] == f"/{UNIT_DIRECTORY}/llmtune.service"
    assert [done.failed for done in undo(tree)] == [[]]
    assert listing(tree) == before


def test_a_reboot_does_not_keep_files_from_being_removed(tree: Tree) -> None:
    before = listing(tree)
    tune(tree, *ALL)
    assert [done.failed for done in undo(tree, boot="boot-2")] == [[]]
    assert listing(tree) == before


def test_directories_that_were_there_or_that_others_use_stay(tree: Tree) -> None:
    own = Path(tree.root) / "etc/llmtune"
    own.mkdir()
    tune(tree, *ALL)
    theirs = Path(tree.root) / UNIT_DIRECTORY / "ollama.service.d" / "override.conf"
    theirs.write_text("[Service]\n")
    assert [done.failed for done in undo(tree)] == [[]]
    assert own.is_dir()
    assert list(own.iterdir()) == []
    assert [path.name for path in theirs.parent.iterdir()] == ["override.conf"]


def test_what_was_ours_before_comes_back_byte_by_byte(tree: Tree) -> None:
    tune(tree, Wish(SERVICE, "1048576"), Wish("boot.settings", SETTINGS))
    before = listing(tree)
    again = render_settings(BootSettings(settings=()))
    tune(tree, Wish(SERVICE, "infinity"), Wish("boot.settings", again))
    assert listing(tree) != before
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here("boot-1", "machine"), tree) as found:
        assert found.undo(found.active()[-1]).failed == []
    assert listing(tree) == before


def test_an_edited_file_is_left_and_told_and_taken_by_force(tree: Tree) -> None:
    before = listing(tree)
    tune(tree, Wish(SERVICE, "infinity"))
    path = Path(tree.root) / UNIT_DIRECTORY / "ollama.service.d" / "90-llmtune.conf"
    path.write_text("[Service]\nLimitMEMLOCK=5\n")
    with session(Store(f"{tree.root}.state", f"{tree.root}.run"), Here("boot-1", "machine"), tree) as found:
        journal = found.active()[0]
        undone = found.undo(journal)
        assert str(undone.left[SERVICE]).startswith("other ")
        assert path.read_text() == "[Service]\nLimitMEMLOCK=5\n"
        assert found.undo(journal, force=True).failed == []
    assert listing(tree) == before


def test_a_foreign_file_is_not_replaced(tree: Tree) -> None:
    path = Path(tree.root) / UNIT_DIRECTORY / "llmtune.service"
    path.write_text("[Service]\nExecStart=/bin/sh\n")
    with pytest.raises(CannotChange, match="llmtune did not write"):
        tune(tree, Wish("boot.unit", UNIT))
    assert path.read_text() == "[Service]\nExecStart=/bin/sh\n"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_links_are_not_followed(tree: Tree, kind: str) -> None:
    elsewhere = Path(tree.root) / "elsewhere"
    if kind == "file":
        elsewhere.write_text("precious")
        (Path(tree.root) / LIMITS / "90-llmtune-ollama.conf").symlink_to(elsewhere)
    else:
        elsewhere.mkdir()
        (Path(tree.root) / LIMITS).rmdir()
        (Path(tree.root) / LIMITS).symlink_to(elsewhere)
    with pytest.raises(CannotChange):
        tune(tree, Wish(USER, "infinity"))
    assert elsewhere.is_dir() or elsewhere.read_text() == "precious"
    assert kind == "file" or list(elsewhere.iterdir()) == []


def test_a_place_that_others_can_write_to_is_refused(tree: Tree) -> None:
    (Path(tree.root) / LIMITS).chmod(0o777)
    with pytest.raises(CannotChange, match="can be written by others"):
        tune(tree, Wish(USER, "infinity"))
    (Path(tree.root) / LIMITS).chmod(0o755)
    (Path(tree.root) / "etc").chmod(0o775)
    with pytest.raises(CannotChange, match="can be written by others"):
        tune(tree, Wish(SERVICE, "infinity"))


def test_without_the_directory_it_is_not_available(tree: Tree) -> None:
    (Path(tree.root) / LIMITS).rmdir()
    with pytest.raises(Unavailable, match="no directory"):
        resolve(USER, tree).read()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (SERVICE, "0"),
        (SERVICE, "1G"),
        (SERVICE, "infinity\nExecStartPre=/bin/sh"),
        (SERVICE, NOWHERE),
        (SERVICE, "other 0123456789abcdef"),
        (USER, "-1"),
        ("boot.unit", "[Service]\nExecStart=/bin/sh\n"),
        ("boot.unit", UNIT.replace("ExecStart=/opt/llmtune/bin/llmtune", "ExecStart=/bin/sh -c evil /x/llmtune")),
        ("boot.unit", UNIT + "ExecStartPre=/bin/sh\n"),
        ("boot.unit", UNIT.replace("UMask=0022", "UMask=0022\\\nExecStart=/bin/sh")),
        ("boot.settings", "{}"),
        ("boot.settings", SETTINGS + " "),
        ("boot.settings", "root::0:0::/:/bin/sh\n"),
        ("boot.enabled", "/etc/shadow"),
    ],
)
def test_what_llmtune_would_not_write_is_refused_also_from_a_journal(tree: Tree, key: str, value: str) -> None:
    knob = resolve(key, tree)
    before = listing(tree)
    with pytest.raises(Refused):
        knob.canonical(value)
    if value != NOWHERE:
        with pytest.raises(OSError, match="did not make"):
            knob.write(value)
    assert listing(tree) == before


@pytest.mark.parametrize(
    "key",
    [
        "memlock@../../cron.d/x.service",
        "memlock@a/b.service",
        "memlock@x.timer",
        "memlock@user:../x",
        "memlock@user:Root;",
        "memlock@user:",
        "memlock",
        "boot.unit@x",
        "file@/etc/passwd",
    ],
)
def test_other_places_are_not_on_the_list(tree: Tree, key: str) -> None:
    with pytest.raises(Refused):
        resolve(key, tree)


def test_bytes_are_rounded_up_to_what_limits_can_say(tree: Tree) -> None:
    assert resolve(USER, tree).canonical("1000000") == "1000448"


@pytest.mark.parametrize("killed", ["directory made", "file unnamed", "file removed"])
def test_a_run_killed_in_between_is_put_back_whole(tree: Tree, killed: str) -> None:
    before = listing(tree)
    change = Change(targets={SERVICE: "infinity"}, before={SERVICE: NOWHERE})
    directory = Path(tree.root) / UNIT_DIRECTORY / "ollama.service.d"
    directory.mkdir(mode=0o755)
    if killed == "file unnamed":
        (directory / ".llmtune-new").write_text("half")
    decision = decide(change, None, None, frozenset(), tree, force=False)
    assert decision.left == {}
    assert restore(decision, tree).failed is None
    assert listing(tree) == before


def test_an_undo_killed_before_the_directory_went_is_completed(tree: Tree) -> None:
    before = listing(tree)
    change = Change(targets={SERVICE: "infinity"}, before={SERVICE: NOWHERE})
    begun = UndoStep(change=0, seen={SERVICE: "infinity"}, desired={SERVICE: NOWHERE})
    (Path(tree.root) / UNIT_DIRECTORY / "ollama.service.d").mkdir(mode=0o755)
    wrote = Wrote(change=0, after={SERVICE: "infinity"})
    decision = decide(change, wrote, begun, frozenset(), tree, force=False)
    assert decision.left == {}
    assert restore(decision, tree).failed is None
    assert listing(tree) == before


def test_a_full_disk_leaves_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    before = listing(tree)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            resolve(USER, tree).write("infinity")
    assert listing(tree) == before


def test_the_unit_is_one_that_systemd_would_take() -> None:
    assert is_unit(UNIT)
    assert "Before=llama-server.service llama.service ollama.service vllm.service my-llm.service\n" in UNIT
    assert f"ExecStart={PROGRAM} apply --boot\n" in UNIT
    for program in ("llmtune", "/opt/a b/llmtune", "/opt/../llmtune", "/bin/sh", "/opt/%n/llmtune", "/x\n/llmtune"):
        with pytest.raises(ValueError, match="not a path"):
            render_unit(program)
    assert "evil" not in render_unit(PROGRAM, ["evil.service\nExecStart=/bin/sh", "-evil.service", "evil"])


@given(st.text(max_size=60))
def test_hostile_settings_are_none_of_ours(text: str) -> None:
    assert not is_settings(text)
    assert parse_settings(text) is None


def test_settings_of_a_newer_version_are_not_guessed_at() -> None:
    assert parse_settings(SETTINGS.replace('"version": 1', '"version": 2')) is None
    assert parse_settings(SETTINGS) is not None
    assert ABSENT != NOWHERE
