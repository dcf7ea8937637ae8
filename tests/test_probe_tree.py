"""Trees and archives: links stay inside, and nothing hangs or recurses without end."""

import io
import tarfile
from pathlib import Path

import pytest
from trees import Link, write_tree

from llmtune.probe.archive import ArchiveSource
from llmtune.probe.host import Host
from llmtune.probe.recording import BadRecording
from llmtune.probe.source import FileSource
from llmtune.probe.tree import TreeSource

FILES = {
    "/proc/real": "text",
    "/sys/near": Link("../proc/real"),
    "/sys/absolute": Link("/proc/real"),
    "/sys/above": Link("../../../../../../proc/real"),
    "/sys/outside": Link("/etc/passwd"),
    "/sys/loop": Link("loop"),
    "/sys/folder": Link("/proc"),
    "/sys/deep": Link("a/" * 2000 + "b"),
}


def packed(root: Path) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("proc", "sys"):
            archive.add(root / name, name)
    stream.seek(0)
    return stream


@pytest.fixture(params=["tree", "archive"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> FileSource:
    root = write_tree(tmp_path, FILES)
    return TreeSource(str(root)) if request.param == "tree" else ArchiveSource("packed", packed(root))


@pytest.mark.parametrize("path", ["/proc/real", "/sys/near", "/sys/absolute", "/sys/above", "/sys/folder/real"])
def test_links_are_followed_inside(source: FileSource, path: str) -> None:
    host = Host(source)
    assert host.text(path) == "text"
    assert host.resolve(path) == "/proc/real"


@pytest.mark.parametrize("path", ["/sys/outside", "/sys/loop", "/sys/deep", "/sys/none", "/proc/real/below", "/sys"])
def test_what_cannot_be_read_is_a_gap(source: FileSource, path: str) -> None:
    host = Host(source)
    assert host.text(path) is None
    assert len(host.gaps) == 1


def test_names_and_kinds(source: FileSource) -> None:
    host = Host(source)
    assert "near" in host.names("/sys")
    assert (host.stat("/sys/folder") or {})["kind"] == "directory"
    assert host.link("/sys/near") == "../proc/real"
    assert host.link("/proc/real") is None


def test_archive_that_leads_out_is_refused() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("proc/../../escaped")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    stream.seek(0)
    with pytest.raises(BadRecording, match="leads out"):
        ArchiveSource("evil", stream)


def test_names_with_a_nul_are_nowhere(source: FileSource) -> None:
    host = Host(source)
    assert host.text("/proc/re\0al") is None
    assert host.stat("/proc/re\0al") is None
    assert host.names("/proc\0") == ()
    assert host.resolve("/proc/re\0al") is None
