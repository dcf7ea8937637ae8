"""Profiles: what may stand in one, what those of llmtune mean, and where they are taken from."""

import os
import shutil
from pathlib import Path

import pytest

from llmtune.advisors.system.advise import KNOWN
from llmtune.advisors.system.profile import BadProfile, Profile, parse_profile
from llmtune.tuners import profile_files
from llmtune.tuners.profile_files import BadProfileFile, list_profiles, load_profile

OWN = ("balanced", "finetune", "inference", "inference-latency", "inference-throughput")


def parse(text: str, **bases: str) -> Profile:
    def load(name: str) -> str:
        if name not in bases:
            raise BadProfile(f"there is no profile {name}")
        return bases[name]

    return parse_profile(text, "mine", KNOWN, load)


def test_our_profiles_are_there_and_differ() -> None:
    assert {found.name for found in list_profiles(as_root=True)} >= set(OWN)
    found = [load_profile(name, as_root=False) for name in OWN]
    assert len({(str(sorted(profile.advice.items())), str(profile.settings)) for profile in found}) == len(OWN)
    assert all(profile.summary for profile in found)


def test_a_profile_adds_to_its_base_and_overrides_it() -> None:
    found = parse(
        'base = "b"\nsummary = "s"\n[advice]\ngovernor = "performance"\n[set]\n"vm.swappiness" = 10\n',
        b='summary = "base"\n[advice]\ngovernor = "off"\nboost = "warnings"\n[set]\n"vm.swappiness" = 1\n',
    )
    assert found.advice == {"governor": "performance", "boost": "warnings"}
    assert (found.settings, found.summary) == ({"vm.swappiness": "10"}, "s")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("summary = ", "no TOML"),
        ("[" * 5000, "no TOML"),
        ('exec = "reboot"', "exec is not known"),
        ('[advice]\nreboot = "hints"', "no advice is called reboot"),
        ('[advice]\ngovernor = "$(reboot)"', "advice.governor must be one of"),
        ('[advice]\nboost = "performance"', "advice.boost must be one of"),
        ("[advice]\nboost = true", "advice.boost must be one of"),
        ("advice = 3", "must be a table"),
        ('[set]\n"vm.swappiness" = true', "must be a number or a word"),
        ('[set]\n"vm.swappiness" = "1; reboot"', "must be a number or a word"),
        ('[set]\n"vm.swappiness" = [1]', "must be a number or a word"),
        ('[set]\n"$(reboot)" = 1', "is no key"),
        ('summary = "two\\nlines"', "one line"),
        ("summary = 3", "one line"),
        ('base = "../../etc/passwd"', "must be the name of a profile"),
        ("base = 3", "must be the name of a profile"),
        ('base = "mine"', "in a circle"),
        ('base = "nothing"', "no profile nothing"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_it(text: str, said: str) -> None:
    with pytest.raises(BadProfile, match="profile") as caught:
        parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bases_do_not_go_on_for_ever() -> None:
    with pytest.raises(BadProfile, match="too far"):
        parse('base = "p0"', **{f"p{n}": f'base = "p{n + 1}"' for n in range(9)})


def test_a_users_own_profile_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "llmtune" / "profiles"
    folder.mkdir(parents=True)
    (folder / "inference.toml").write_text('summary = "mine"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_profile("inference", as_root=False).summary == "mine"
    assert load_profile("inference", as_root=True).summary != "mine"


@pytest.mark.parametrize("name", ["", "nothing", "../inference", "/etc/passwd", "inference\n", "INFERENCE", "a" * 99])
def test_a_profile_that_is_not_there_is_one_line(name: str) -> None:
    with pytest.raises(BadProfileFile, match="there is no profile") as caught:
        load_profile(name, as_root=False)
    assert "inference-latency" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["fifo", "link", "binary", "large"])
def test_what_is_no_file_of_text_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "llmtune" / "profiles"
    folder.mkdir(parents=True)
    path = folder / "odd.toml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    else:
        path.write_bytes(b"\xff\xfe" if kind == "binary" else b"#" * 100_000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(BadProfileFile, match=r"odd\.toml"):
        load_profile("odd", as_root=False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"kernel.core_pattern" = "x"', "does not know"),
        ('"../../etc/passwd" = 1', "is no key|does not know"),
        ('"vm.swappiness@0" = 1', "does not know"),
    ],
)
def test_a_key_that_nobody_may_set_is_named(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "llmtune" / "profiles"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(f"[set]\n{line}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(BadProfileFile, match=said) as caught:
        load_profile("mine", as_root=False)
    assert "profile mine" in str(caught.value)


def test_a_key_of_devices_that_are_not_here_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "llmtune" / "profiles"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('[set]\n"cpu.governor" = "performance"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_profile("mine", as_root=False).settings == {"cpu.governor": "performance"}


@pytest.mark.heavy
@pytest.mark.parametrize("fault", ["file", "folder", "owner", "link", "none"])
def test_root_takes_a_profile_only_from_where_root_alone_writes(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not below the temporary directory: others could change that.
    top = Path(f"/opt/llmtune-test-profiles-{os.getpid()}")
    folder = top / "profiles"
    folder.mkdir(parents=True)
    try:
        for place in (top, folder):
            place.chmod(0o755)
        path = folder / "mine.toml"
        path.write_text('summary = "mine"\n')
        path.chmod(0o644)
        if fault == "file":
            path.chmod(0o664)
        elif fault == "folder":
            folder.chmod(0o777)
        elif fault == "owner":
            os.chown(path, 65534, 65534)
        elif fault == "link":
            path.rename(folder / "other")
            path.symlink_to("other")
        monkeypatch.setattr(profile_files, "_SYSTEM", str(folder))
        if fault == "none":
            assert load_profile("mine", as_root=True).summary == "mine"
        else:
            with pytest.raises(BadProfileFile, match="not taken as root"):
                load_profile("mine", as_root=True)
    finally:
        shutil.rmtree(top)


def test_profiles_are_shipped_and_described() -> None:
    root = Path(__file__).parent.parent
    assert '"tuners/profiles/*.toml"' in (root / "pyproject.toml").read_text()
    page = (root / "docs" / "profiles.md").read_text()
    for name in (*OWN, *KNOWN):
        assert f"`{name}`" in page, name
