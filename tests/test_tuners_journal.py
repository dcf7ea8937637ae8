"""Journals that were cut off, edited, swapped, or put there by somebody else."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_journals import CHANGES, RECORDS, made_begin, reopen, write_journal

from llmtune.tuners.journal import (
    Damaged,
    Journal,
    create,
    next_id,
    open_journals,
    parse_journal,
    read_journal,
    read_journals,
)
from llmtune.tuners.plain import replaced
from llmtune.tuners.records import Commit, End, Wrote
from llmtune.tuners.session import Here, session
from llmtune.tuners.store import Store, Unsafe

NAME = "000001.journal"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_journal(tmp_path_factory.mktemp("journals") / "state", made_begin()).read_bytes()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def read_one(path: Path) -> Journal | None:
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        return read_journal(directory, path.name)
    finally:
        os.close(directory)


def told(journal: Journal | None) -> object:
    """All that a journal says."""
    if journal is None:
        return None
    return (
        journal.begin,
        sorted(journal.wrote.items()),
        journal.failed,
        (journal.committed, journal.confirmed, journal.ended),
        sorted(journal.undo.items()),
        sorted(journal.undone.items()),
    )


def prefixes(data: bytes) -> list[object]:
    """What the journal says after each of its lines."""
    ends = [0, *(place + 1 for place, byte in enumerate(data) if byte == ord("\n"))]
    return [told(parse_journal(NAME, data[:end])) for end in ends]


def test_what_was_written_is_read(state: Path) -> None:
    journal = read_one(write_journal(state, made_begin()))
    assert journal is not None
    assert journal.begin == made_begin()
    assert journal.begin.changes == CHANGES
    assert sorted(journal.wrote) == [0, 1, 2]
    assert journal.wrote[1].after == {"vm.dirty_bytes": "1073741824", "vm.dirty_ratio": "0"}
    assert (journal.committed, journal.confirmed, journal.ended) == (True, True, True)
    assert journal.undone[0].left == {"vm.swappiness": "33"}


def test_the_order_of_coupled_keys_survives(state: Path) -> None:
    order = ("block.scheduler@a", "block.nr_requests@a", "block.iosched.read_expire@a", "block.add_random@a")
    change = replaced(CHANGES[0], before=dict.fromkeys(order, "1"))
    journal = read_one(write_journal(state, made_begin(changes=[change])))
    assert journal is not None
    assert tuple(journal.begin.changes[0].before) == order


def test_a_journal_cut_off_at_any_byte_is_what_was_whole(whole: bytes) -> None:
    expected = prefixes(whole)
    for cut in range(len(whole) + 1):
        assert told(parse_journal(NAME, whole[:cut])) == expected[whole[:cut].count(b"\n")]


def test_zeros_where_the_last_blocks_should_be_are_a_cut(whole: bytes) -> None:
    expected = prefixes(whole)
    for cut in range(0, len(whole), 7):
        assert told(parse_journal(NAME, whole[:cut] + bytes(512))) == expected[whole[:cut].count(b"\n")]


def test_a_cut_off_line_is_gone_when_the_next_is_appended(state: Path) -> None:
    path = write_journal(state, made_begin(), RECORDS[:2])
    path.write_bytes(path.read_bytes()[:-5])
    journal = read_one(path)
    assert journal is not None
    assert sorted(journal.wrote) == [0]
    writer = reopen(state, journal)
    writer.append(Commit(), durable=True)
    writer.close()
    again = read_one(path)
    assert again is not None
    assert again.committed
    assert sorted(again.wrote) == [0]
    assert path.read_bytes().count(b"\n") == 3


@given(data=st.data())
def test_damaged_bytes_never_make_a_value_that_was_not_written(whole: bytes, data: st.DataObject) -> None:
    expected = prefixes(whole)
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "remove", "double", "zero"]))
        at = data.draw(st.integers(0, max(len(damaged) - 1, 0)))
        size = data.draw(st.integers(1, 200))
        if kind == "flip" and damaged:
            damaged[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del damaged[at:]
        elif kind == "insert":
            damaged[at:at] = data.draw(st.binary(max_size=40))
        elif kind == "remove":
            del damaged[at : at + size]
        elif kind == "double":
            damaged[at:at] = damaged[at : at + size]
        elif kind == "zero":
            damaged[at : at + size] = bytes(len(damaged[at : at + size]))
    try:
        found = told(parse_journal(NAME, bytes(damaged)))
    except Damaged:
        return
    assert found in expected


@given(st.binary(max_size=300))
def test_noise_is_damaged_or_nothing(noise: bytes) -> None:
    try:
        assert parse_journal(NAME, noise) is None
    except Damaged:
        return


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def rehashed(line: bytes) -> bytes:
    """A first line as somebody writes it who knows how."""
    text = line.partition(b" ")[2].rstrip(b"\n")
    return hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text + b"\n"


def test_an_edited_line_is_told_by_its_number(whole: bytes) -> None:
    edited = whole.replace(b'"vm.swappiness":"60"', b'"vm.swappiness":"61"', 1)
    assert edited != whole
    with pytest.raises(Damaged, match=f"{NAME}, line 1: it was changed"):
        parse_journal(NAME, edited)


def test_lines_in_another_order_are_refused(whole: bytes) -> None:
    lines = lines_of(whole)
    lines[1], lines[2] = lines[2], lines[1]
    with pytest.raises(Damaged, match="line 2"):
        parse_journal(NAME, b"".join(lines))


def test_a_line_that_is_missing_in_the_middle_is_refused(whole: bytes) -> None:
    lines = lines_of(whole)
    del lines[3]
    with pytest.raises(Damaged, match="line 4"):
        parse_journal(NAME, b"".join(lines))


def test_an_edited_first_line_with_a_right_hash_breaks_the_chain(whole: bytes) -> None:
    lines = lines_of(whole)
    lines[0] = rehashed(lines[0].replace(b'"vm.swappiness":"60"', b'"vm.swappiness":"61"', 1))
    with pytest.raises(Damaged, match="line 2"):
        parse_journal(NAME, b"".join(lines))


def test_a_newer_format_is_named(whole: bytes) -> None:
    first = lines_of(whole)[0]
    newer = rehashed(first.replace(b'"version":1', b'"version":2'))
    with pytest.raises(Damaged, match="newer llmtune \\(format 2\\)"):
        parse_journal(NAME, newer)
    unknown = rehashed(first.replace(b'"version":1', b'"version":7,"colour":"red"'))
    with pytest.raises(Damaged, match="newer llmtune \\(format 7\\)"):
        parse_journal(NAME, unknown)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'{"record":"commit"}',
        b'{"record":"begin"}',
        b'{"record":"other"}',
        b'{"record":"begin","version":1,"id":"x"}',
        b"{" * 5000,
        b"\xff\xfe",
    ],
)
def test_a_first_line_that_begins_nothing_is_refused(text: bytes) -> None:
    with pytest.raises(Damaged):
        parse_journal(NAME, rehashed(b"x " + text))


def test_a_journal_under_another_s_name_is_refused(whole: bytes) -> None:
    with pytest.raises(Damaged, match="not the journal that its name says"):
        parse_journal("000002.journal", whole)


def test_two_beginnings_are_refused(state: Path) -> None:
    path = write_journal(state, made_begin(), ())
    first = path.read_bytes()
    digest, _, text = first.rstrip(b"\n").partition(b" ")
    path.write_bytes(first + hashlib.sha256(digest + text).hexdigest()[:16].encode() + b" " + text + b"\n")
    with pytest.raises(Damaged, match="line 2: a second beginning"):
        read_one(path)


def test_an_empty_file_is_a_transaction_that_never_began(state: Path) -> None:
    path = write_journal(state, made_begin())
    path.write_bytes(b"")
    assert read_one(path) is None
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        assert read_journals(directory) == []
        assert next_id([], directory) == 2, "its number is not used again"
    finally:
        os.close(directory)


def test_a_huge_file_is_refused_without_being_read_whole(state: Path) -> None:
    path = write_journal(state, made_begin())
    os.truncate(path, 1 << 40)
    with pytest.raises(Damaged, match="larger than any journal"):
        read_one(path)


def test_a_link_in_the_place_of_a_journal_is_not_followed(state: Path, tmp_path: Path) -> None:
    path = write_journal(state, made_begin())
    other = tmp_path / "other"
    path.rename(other)
    path.symlink_to(other)
    with pytest.raises(OSError, match="symbolic link"):
        read_one(path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_journal_that_others_can_write_is_refused(state: Path, mode: int) -> None:
    path = write_journal(state, made_begin())
    path.chmod(mode)
    with pytest.raises(Unsafe, match="written by others"):
        read_one(path)


def test_a_journal_with_a_second_name_is_refused(state: Path, tmp_path: Path) -> None:
    path = write_journal(state, made_begin())
    os.link(path, tmp_path / "second")
    with pytest.raises(Unsafe, match="hard link"):
        read_one(path)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_directory_that_others_can_write_is_refused(state: Path, mode: int) -> None:
    path = write_journal(state, made_begin())
    for directory in (path.parent, state):
        directory.chmod(mode)
        with pytest.raises(Unsafe, match="written by others"):
            open_journals(str(state))
        directory.chmod(0o700)


def test_a_directory_that_is_a_link_is_not_followed(state: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    state.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|symbolic link"):
        open_journals(str(state))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_is_made_is_for_the_owner_alone(state: Path) -> None:
    before = os.umask(0)
    try:
        path = write_journal(state, made_begin())
    finally:
        os.umask(before)
    assert [place.stat().st_mode & 0o777 for place in (path, path.parent, state)] == [0o600, 0o700, 0o700]


def test_a_number_is_never_used_twice(state: Path) -> None:
    write_journal(state, made_begin(1))
    write_journal(state, made_begin(7))
    directory = open_journals(str(state))
    try:
        assert next_id(read_journals(directory), directory) == 8
        with pytest.raises(FileExistsError):
            create(directory, made_begin(7))
        assert read_journals(directory)[-1].id == 7, "the one that was there is untouched"
    finally:
        os.close(directory)


def test_other_files_in_the_directory_are_no_journals(state: Path) -> None:
    path = write_journal(state, made_begin())
    for name in ("rollback.sh", "1.journal", "000002.journal~", ".000003.journal", "000004.journal.bak"):
        (path.parent / name).write_text("x")
    directory = open_journals(str(state))
    try:
        assert [journal.name for journal in read_journals(directory)] == [NAME]
    finally:
        os.close(directory)


@pytest.mark.parametrize(
    ("here", "in_force"),
    [(Here("boot-1", "machine-1"), [1]), (Here("boot-2", "machine-1"), []), (Here("boot-1", "machine-2"), [])],
    ids=["here", "after-a-reboot", "another-machine"],
)
def test_a_journal_counts_on_its_machine_and_boot_alone(tmp_path: Path, here: Here, in_force: list[int]) -> None:
    store = Store(str(tmp_path / "state"), str(tmp_path / "run"))
    write_journal(tmp_path / "state", made_begin(), (Wrote(change=0, after={"vm.swappiness": "10"}), Commit()))
    with session(store, here, repair=False) as opened:
        assert [journal.id for journal in opened.active()] == in_force


def test_a_transaction_that_ended_is_not_in_force(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state"), str(tmp_path / "run"))
    write_journal(tmp_path / "state", made_begin(), (Commit(), End()))
    with session(store, Here("boot-1", "machine-1")) as opened:
        assert opened.active() == []
        assert opened.repaired == {}


def test_a_block_that_never_reached_the_disk_ends_the_journal(whole: bytes) -> None:
    """Records that nobody waited for may be lost one by one in a power cut: zeros, and then a whole line."""
    lines = whole.split(b"\n")
    for lost in range(1, len(lines) - 2):
        torn = b"\n".join([*lines[:lost], b"\0" * len(lines[lost]), *lines[lost + 1 :]])
        found = parse_journal(NAME, torn)
        assert found is not None
        assert found.valid_bytes == len(b"\n".join(lines[:lost])) + 1
