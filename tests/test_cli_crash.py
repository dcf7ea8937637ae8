"""A bug: one line, and a report that can be shown to others."""

from pathlib import Path

import pytest

from llmtune.cli.crash import report_crash


@pytest.mark.parametrize("given", [["--webhook", "https://x/KEY"], ["--webhook=https://x/KEY"]])
def test_a_report_holds_no_key_and_a_line_steers_no_terminal(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    report_crash(RuntimeError("a name: \x1b[31m\udcff"), ["watch", *given, "--all"])
    [line] = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    (report,) = (tmp_path / "llmtune").iterdir()
    text = report.read_text()
    assert "watch --webhook" in text
    assert "--all" in text
    assert "KEY" not in text
