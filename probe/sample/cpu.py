"""The processors' time so far, the tasks that wait, and some clocks.

Reads /proc/stat (proc_stat(5)) and cpufreq's scaling_cur_freq (Documentation/admin-guide/pm/cpufreq.rst).
"""

from ..host import Host
from ..parse import MAX_CPU_NUMBER, pick_numbers
from ..reading import Malformed
from .sample import CpuMoment, CpuTicks

MAX_FREQUENCIES = 8
CPU_DIR = "/sys/devices/system/cpu"
_MAX_TICKS = (1 << 64) - 1
_FIELDS = 9
"""A CPU's number, then user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user time already."""


def read_cpu(host: Host) -> CpuMoment | None:
    """The processors now."""
    told = host.parsed("/proc/stat", parse_stat)
    if told is None:
        return None
    ticks, running, blocked = told
    return CpuMoment(
        ticks=ticks, frequencies_khz=_frequencies(host, ticks), running_tasks=running, blocked_tasks=blocked
    )


def parse_stat(text: str) -> tuple[tuple[CpuTicks, ...], int | None, int | None]:
    """/proc/stat -> each CPU's ticks, the tasks that run and those that wait for a disk."""
    start = text.find("\ncpu") + 1
    end = text.find("\n", text.rfind("\ncpu") + 1)
    lines = text[start : end if end > 0 else len(text)]
    if not start or not lines.isascii():
        raise Malformed("no line of a CPU's times")
    counts = pick_numbers(text, ("procs_running ", "procs_blocked "))
    return _parse_lines(lines), counts.get("procs_running "), counts.get("procs_blocked ")


def _parse_lines(lines: str) -> tuple[CpuTicks, ...]:
    # All lines are split at once and read by columns: the largest machines have a thousand.
    plain = lines.replace("cpu", "")
    width = len(plain.partition("\n")[0].split())
    words = plain.split()
    count, rest = divmod(len(words), max(width, 1))
    if rest or width < 5 or not plain.replace(" ", "").replace("\n", "").isdigit():
        raise Malformed("the lines of the CPUs' times differ in length or hold no numbers")
    try:
        columns = [list(map(int, words[column::width])) if column < width else [0] * count for column in range(_FIELDS)]
    except ValueError:
        raise Malformed("a number that is longer than any") from None
    if max(columns[0]) > MAX_CPU_NUMBER or max(map(max, columns)) > _MAX_TICKS:
        raise Malformed("a larger number than any")
    return tuple(
        [
            CpuTicks(cpu, user + nice + system + irq + soft, idle + iowait, iowait, steal)
            for cpu, user, nice, system, idle, iowait, irq, soft, steal in zip(*columns, strict=True)
        ]
    )


def _frequencies(host: Host, ticks: tuple[CpuTicks, ...]) -> dict[int, int]:
    count = min(len(ticks), MAX_FREQUENCIES)
    found = {}
    for cpu in [ticks[n * len(ticks) // count].cpu for n in range(count)]:
        path = f"{CPU_DIR}/cpu{cpu}/cpufreq/scaling_cur_freq"
        khz = host.integer(path, 1, 100_000_000, optional=True)
        if khz is None:
            break  # Where one CPU does not tell, none does.
        found[cpu] = khz
    return found
