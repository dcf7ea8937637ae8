"""A profile for TuneD (tuned.conf(5)): /etc/tuned/llmtune/tuned.conf."""

from collections.abc import Sequence

from .export import Exported, Item, comment, notes

_HEAD = """# Made by llmtune. To use it:
#   mkdir -p /etc/tuned/llmtune && cp FILE /etc/tuned/llmtune/tuned.conf && tuned-adm profile llmtune
# (from TuneD 2.23 on: /etc/tuned/profiles/llmtune/tuned.conf)
# TuneD restores what it found when the profile is switched off, but not after it was killed; and with
# reapply_sysctl=1, its default, files of sysctl.d win over [sysctl] below."""


def export_tuned(settings: Sequence[Item]) -> Exported:
    """Sysctls and sysfs files; the rest as comments with the commands."""
    lines = [_HEAD, "", "[main]", "summary=Settings for language models, made by llmtune"]
    sysctls: list[str] = []
    files: list[str] = []
    left_out = []
    for item in settings:
        if item.sysctl is not None:
            sysctls += [*comment(notes(item)), f"{item.sysctl}={item.value}"]
        elif item.sysfs is not None:
            files += [*comment(notes(item)), f"{item.sysfs}={item.value}"]
        else:
            left_out.append(f"{item.key}={item.value}: as root: {item.command}")
    for name, section in (("sysctl", sysctls), ("sysfs", files)):
        if section:
            lines += ["", f"[{name}]", *section]
    if left_out:
        lines += ["", "# What TuneD's plugins cannot say:", *comment(left_out)]
    return Exported("\n".join([*lines, ""]), tuple(left_out))
