"""What a recording holds, in a few lines for the one who is about to send it."""

import shlex
from collections.abc import Iterator

from ..probe.record import Recording


def describe_recording(recording: Recording, path: str) -> Iterator[str]:
    """Size, number of answers, what was replaced, how to read it."""
    place = "standard output" if path == "-" else path
    yield f"Recorded {recording.answers} answers in {place} ({_size(len(recording.data))})."
    if recording.identifiers == "kept":
        yield "It holds host and user names, serial numbers, UUIDs and addresses as they are: do not publish it."
    elif recording.replaced:
        counts = [
            f"{n} {kind}{'' if n == 1 else 'es' if kind.endswith('s') else 's'}"
            for kind, n in recording.replaced.items()
        ]
        yield f"Replaced: {', '.join(sorted(counts, key=lambda c: c.split(' ', 1)[1]))}."
    else:
        yield "Found no identifier to replace."
    name = "FILE" if path == "-" else shlex.quote(path)
    yield f"Read it with: llmtune doctor --from {name}   (as text: gzip -dc {name})"


def _size(size: int) -> str:
    return f"{size} bytes" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
