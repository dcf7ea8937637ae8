"""A playbook for Ansible. JSON strings are YAML, so foreign text cannot change its structure."""

import json
from collections.abc import Sequence

from .export import Exported, Item, belongs_to_this_boot, comment, notes

_HEAD = """# Settings for language models, made by llmtune. To use it:
#   ansible-galaxy collection install ansible.posix && ansible-playbook -i HOSTS FILE
# Ansible does not know what it found before: it sets these values, and cannot put the old ones back.
---
- name: Settings for language models
  hosts: all
  become: true
  tasks:"""
_TMPFILES = "/etc/tmpfiles.d/llmtune.conf"
_HANDLERS = """
  handlers:
    - name: Reload systemd
      ansible.builtin.systemd_service:
        daemon_reload: true
    - name: Apply llmtune.conf
      ansible.builtin.command: systemd-tmpfiles --create --prefix=/sys /etc/tmpfiles.d/llmtune.conf"""


def export_ansible(settings: Sequence[Item]) -> Exported:
    """Sysctls by `ansible.posix.sysctl`, files of /sys by tmpfiles.d, limits as files; GPUs by `nvidia-smi`."""
    lines = [_HEAD]
    left_out: list[str] = []
    files: list[Item] = []
    for item in settings:
        if item.sysctl is not None:
            lines += _sysctl(item)
        elif item.sysfs is not None:
            files.append(item)
        elif item.written is not None:
            lines += _file(item, *item.written)
        elif item.key.startswith("nvidia."):
            lines += _command(item)
        else:
            why = "it belongs to one process" if belongs_to_this_boot(item) else "no module sets it"
            left_out.append(f"{item.key}={item.value}: {why}; as root: {item.command}")
    if files:
        lines += _tmpfiles(files)
    written = len(lines) > 1
    if not written:
        lines[0] += " []"
    if left_out:
        lines += ["", *comment(["What no module of Ansible can say:", *left_out], "    ")]
    if written:
        lines.append(_HANDLERS)
    return Exported("\n".join([*lines, ""]), tuple(left_out))


def _text(value: str) -> str:
    return json.dumps(value)


def _head(item: Item) -> list[str]:
    return ["", *comment(notes(item), "    "), f"    - name: {_text(f'{item.key} = {item.value}')}"]


def _sysctl(item: Item) -> list[str]:
    return [
        *_head(item),
        "      ansible.posix.sysctl:",
        f"        name: {_text(item.sysctl or item.key)}",
        f"        value: {_text(item.value)}",
        "        sysctl_file: /etc/sysctl.d/90-llmtune.conf",
        "        sysctl_set: true",
    ]


def _file(item: Item, path: str, content: str) -> list[str]:
    lines = _head(item)
    directory = path.rpartition("/")[0]
    if directory.endswith(".d") and "/systemd/" in directory:
        lines += ["      ansible.builtin.file:", f"        path: {_text(directory)}", "        state: directory"]
        lines += ['        mode: "0755"', f"    - name: {_text(f'{item.key} = {item.value}: {path}')}"]
    lines += ["      ansible.builtin.copy:", f"        dest: {_text(path)}", f"        content: {_text(content)}"]
    lines += ["        owner: root", "        group: root", '        mode: "0644"']
    if "/systemd/" in path:
        lines.append("      notify: Reload systemd")
    return lines


def _command(item: Item) -> list[str]:
    lines = _head(item)
    lines.insert(1, "    # Not kept over a reboot, and reported as changed every time.")
    return [*lines, f"      ansible.builtin.command: {_text(item.command)}"]


def _tmpfiles(files: Sequence[Item]) -> list[str]:
    content = "".join(f"w {item.sysfs} - - - - {item.value}\n" for item in files)
    explained = [f"{item.key}: {line}" for item in files for line in notes(item)]
    return [
        "",
        *comment(explained, "    "),
        '    - name: "Files of /sys, at once and at every boot (tmpfiles.d)"',
        "      ansible.builtin.copy:",
        f"        dest: {_TMPFILES}",
        f"        content: {_text(content)}",
        "        owner: root",
        "        group: root",
        '        mode: "0644"',
        "      notify: Apply llmtune.conf",
    ]
