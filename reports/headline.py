"""A machine in a few lines, for the head of every report."""

from ..probe.snapshot import Snapshot


def headline(snapshot: Snapshot) -> tuple[str, ...]:
    """CPU, memory, GPUs, kernel: one line each, only what is known."""
    cpu = snapshot.cpu
    counts = [
        f"{n} {word}{'s' if n != 1 else ''}"
        for n, word in ((cpu.sockets, "socket"), (cpu.cores, "core"), (cpu.threads, "thread"))
        if n
    ]
    lines = [f"CPU     {cpu.model_name or cpu.vendor or 'not named'}" + (f" ({', '.join(counts)})" if counts else "")]
    return tuple(lines)
