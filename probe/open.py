"""From what a person names on the command line to a `Host`."""

import os

from .archive import ArchiveSource, is_archive
from .host import Host
from .recording import GZIP_MAGIC, BadRecording, load_recording


class BadInput(Exception):
    """The named machine cannot be read. The message is one line: what, where, what to do."""


def open_host(path: str | None) -> Host:
    """The live machine for None, else the recording, tree or nvidia-smi / rocm-smi output at `path`; raises `BadInput`."""
    if path is None:
        from .live import LiveSource

        return Host(LiveSource())
    try:
        if os.path.isdir(path):
            return _open_tree(path)
        return _open_file(path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    except BadRecording as error:
        raise BadInput(f"{path}: {error}; make one with 'llmtune snapshot -o FILE'") from None
    except ValueError as error:  # A NUL in the name.
        raise BadInput(f"{path!r}: {error}") from None


def _open_tree(path: str) -> Host:
    from .tree import TreeSource

    tree = TreeSource(path)
    if not tree.holds_a_machine():
        raise BadInput(f"{path}: no proc or sys directory in it; name the folder that holds them")
    return Host(tree)


def _open_file(path: str) -> Host:
    if not os.path.isfile(path):
        raise BadInput(f"{path}: not a regular file or a folder; name a recording or a tree of /proc and /sys")
    with open(path, "rb") as stream:
        head = stream.read(4096)
        stream.seek(0)
        if is_archive(head):
            return Host(ArchiveSource(path, stream))
        if head.startswith(GZIP_MAGIC):
            return Host(load_recording(stream, path))
    from .gpu.smi_source import open_smi_output

    source = open_smi_output(path, head)
    if source is None:
        raise BadRecording("it is no recording made by llmtune")
    return Host(source)
