"""The quick way into recorded machines, which tests take, shows the machine that the product's own way shows."""

import pytest
from effort import THOROUGH
from quick_archive import QuickArchive
from recorded import archive_path, readable_machines

from llmtune.probe.archive import ArchiveSource


@pytest.mark.fuzz
@pytest.mark.skipif(not readable_machines(), reason="needs recorded machines: LLMTUNE_MACHINES")
def test_a_machine_is_the_same_either_way() -> None:
    for name in readable_machines() if THOROUGH else readable_machines()[::20]:
        with archive_path(name).open("rb") as stream, archive_path(name).open("rb") as again:
            quick, real = vars(QuickArchive(name, stream)), vars(ArchiveSource(name, again))
        for what in ("_files", "_links", "_directories"):
            assert quick[what] == real[what], (name, what)
        assert len(real["_directories"]) > 10
