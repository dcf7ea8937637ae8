"""From what a person names on the command line to a `Host`."""

import os
import stat

from .host import Host
from .recording import GZIP_MAGIC, BadRecording, load_recording

MAX_SMI_BYTES = 16 << 20


class BadInput(Exception):
    """The named machine cannot be read. The message is one line: what, where, what to do."""


def open_host(path: str | None) -> Host:
    """The live machine for None, else the recording, tree, archive or tool output at `path`; raises `BadInput`."""
    if path is None:
        from .live import LiveSource

        return Host(LiveSource())
    # A name may hold bytes that are no text; what is shown and recorded may not.
    name = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        if os.path.isdir(path):
            return _open_tree(path, name)
        return _open_file(path, name)
    except OSError as error:
        raise BadInput(f"{name}: {error.strerror or error}") from None
    except BadRecording as error:
        raise BadInput(f"{name}: {error}; make one with 'llmtune snapshot -o FILE'") from None
    except ValueError as error:  # A NUL in the name.
        raise BadInput(f"{name}: {error}") from None


def _open_tree(path: str, name: str) -> Host:
    from .tree import TreeSource

    tree = TreeSource(path, name)
    if not tree.holds_a_machine():
        raise BadInput(f"{name}: no proc or sys directory in it; name the folder that holds them")
    return Host(tree)


def _open_file(path: str, name: str) -> Host:
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise BadInput(f"{name}: not a regular file or a folder; name a recording or a tree of /proc and /sys")
        head = stream.read(4096)
        stream.seek(0)
        from .archive import ArchiveSource, is_archive

        if is_archive(head):
            return Host(ArchiveSource(name, stream))
        if head.startswith(GZIP_MAGIC):
            return Host(load_recording(stream, name))
        return _open_smi_output(stream.read(MAX_SMI_BYTES), name)


def _open_smi_output(data: bytes, name: str) -> Host:
    from .gpu.smi_source import open_smi_output

    source = open_smi_output(name, data.decode("utf-8", "replace"))
    if source is None:
        raise BadRecording("it is no recording made by llmtune, nor the output of nvidia-smi -q -x or rocm-smi --json")
    return Host(source)
