"""A file for /etc/sysctl.d (sysctl.d(5))."""

from collections.abc import Sequence

from .export import Exported, Item, comment, notes

_HEAD = """# Settings for language models, made by llmtune. To use it:
#   cp FILE /etc/sysctl.d/90-llmtune.conf && sysctl -p /etc/sysctl.d/90-llmtune.conf
# A file with a later name wins over it. Removing it changes nothing until the next boot."""


def export_sysctl(settings: Sequence[Item]) -> Exported:
    """The sysctls as lines, the rest as comments with the commands."""
    lines = [_HEAD]
    left_out = []
    for item in settings:
        if item.sysctl is not None:
            lines += ["", *comment(notes(item)), f"{item.sysctl} = {item.value}"]
        else:
            left_out.append(f"{item.key}={item.value}: no sysctl; as root: {item.command}")
    if left_out:
        lines += ["", "# What sysctl.d cannot say:", *comment(left_out)]
    return Exported("\n".join([*lines, ""]), tuple(left_out))
