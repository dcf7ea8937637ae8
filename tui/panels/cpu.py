"""Processors and NUMA nodes: what is busy, who waits, and whose pages lie far away."""

from collections.abc import Sequence

from ...advisors.activity.activity import CpuActivity
from ...probe.sample.sample import CpuMoment, Sample, ServerMoment
from ..cells import line_cells, padded, shorten
from ..line import Line, Span, Style
from ..view import View
from .bars import many_bars, with_bar
from .columns import Field, fields, fields_and_faults
from .common import Chart, known, note, waiting, with_charts
from .names import activity_of, label_of, model_name, servers_of
from .units import bytes_text, cpu_list, number, percent, stalled_text, used_text

TITLE = "CPU and NUMA"
SORTS: tuple[str, ...] = ()
_SMALL_BARS = 12
"""Cells kept for the bars of a node."""
_MARK = 0.05
"""Shares of the time below this are not worth a colour."""


def rows(view: View) -> Sequence[str]:
    """Has no rows to choose from."""
    return ()


def lines(view: View, width: int, height: int) -> list[Line]:
    """The whole machine, its nodes, the servers' processes, charts."""
    return with_charts(view, body, charts(view), width, height)


def charts(view: View) -> list[Chart]:
    """Use and stalls."""
    wanted: list[Chart] = [
        ("busy CPUs", "cpu/busy", -_effective(view) or 1.0, number),
        ("waited for a CPU", "psi/cpu", 0.1, percent),
    ]
    return known(view, wanted)


def body(view: View, width: int, height: int) -> list[Line]:
    """All but charts."""
    sample = view.sample
    if sample is None:
        return waiting(width)
    cpu = sample.cpu
    if cpu is None:
        return [note("the kernel's CPU counters could not be read", width)]
    activity = view.activity.cpu if view.activity is not None else None
    if activity is None:
        return [note("waiting for a second reading: rates are between two", width)]
    told = [_whole(view, cpu, activity, width)]
    for server in servers_of(view):
        told += _server(view, server, width)
    told += _nodes(view, sample, activity, width) or _every(view, activity, width)
    stalls = _stalls(view, width)
    return [*told, stalls] if stalls else told


def brief(view: View) -> str:
    """In a few words."""
    activity = view.activity.cpu if view.activity is not None else None
    return f"{number(activity.busy_cpus).strip()} of {_effective(view):g} CPUs busy" if activity is not None else ""


def _effective(view: View) -> float:
    if view.facts is not None and view.facts.effective_cpus is not None:
        return view.facts.effective_cpus
    return float(len(view.sample.cpu.ticks)) if view.sample is not None and view.sample.cpu is not None else 0.0


def _whole(view: View, cpu: CpuMoment, activity: CpuActivity, width: int) -> Line:
    most = _effective(view)
    mhz = sorted(cpu.frequencies_khz.values())
    parts = [
        Field("busy", f"{number(activity.busy_cpus)} of {most:g} CPUs", 0),
        *([Field("", f"{number(mhz[len(mhz) // 2] / 1e6).strip()} GHz", 3)] if mhz else []),
        Field("iowait", number(activity.iowait_cpus).strip(), 4, _worth(activity.iowait_cpus, most), 4),
        Field("steal", number(activity.steal_cpus).strip(), 2, _worth(activity.steal_cpus, most, "bad"), 4),
        *([Field("runnable", f"{cpu.running_tasks}", 5, width=3)] if cpu.running_tasks is not None else []),
        *([Field("blocked", f"{cpu.blocked_tasks}", 6, width=3)] if cpu.blocked_tasks is not None else []),
    ]
    return with_bar(activity.busy_cpus / most if most else None, parts, width, view.ascii_only)


def _worth(cpus: float, most: float, style: Style = "notice") -> Style:
    return style if most and cpus / most >= _MARK else "plain"


def _every(view: View, activity: CpuActivity, width: int) -> list[Line]:
    cpus = sorted(activity.busy_share)
    return [_small(view, "each CPU ", [activity.busy_share[cpu] for cpu in cpus], width)]


def _small(view: View, label: str, shares: Sequence[float], width: int) -> Line:
    text, of_each = many_bars(shares, width - len(label) - 18, view.ascii_only)
    told = "" if of_each == 1 else f"  {of_each} CPUs a bar"
    return (Span(label, "dim"), Span(text), Span(told, "dim"))


def _nodes(view: View, sample: Sample, activity: CpuActivity, width: int) -> list[Line]:
    """One line for each node, where there are several."""
    nodes = view.facts.nodes if view.facts is not None else ()
    if len(nodes) < 2:
        return []
    moments = {one.node: one for one in sample.nodes}
    widest = max(len(one.cpus) for one in nodes)
    told: list[tuple[Line, list[float]]] = []
    for node in nodes:
        shares = [activity.busy_share[cpu] for cpu in node.cpus if cpu in activity.busy_share]
        moment = moments.get(node.node)
        used = moment.total_bytes - moment.free_bytes if moment and moment.total_bytes and moment.free_bytes else None
        parts = [
            Field(f"node {node.node}", f"{number(sum(shares))} of {len(shares)} CPUs", 0),
            *([Field("memory", used_text(used, moment.total_bytes), 2)] if moment and moment.total_bytes else []),
            *([Field("cache", bytes_text(moment.file_bytes), 5)] if moment and moment.file_bytes is not None else []),
        ]
        for server in servers_of(view)[:2]:
            lies = next((one.bytes for one in server.nodes if one.node == node.node), None)
            parts += [Field(label_of(view, server), bytes_text(lies), 3)] if lies is not None and server.nodes else []
        told.append((fields(parts, width - _SMALL_BARS if width > 50 else width), shares))
    taken = max(line_cells(one) for one, _ in told) + 2
    if width - taken < 4:
        return [one for one, _ in told]
    room = min(width - taken, widest)
    return [(*padded(one, taken), Span(many_bars(shares, room, view.ascii_only)[0])) for one, shares in told]


def remote_share(view: View, server: ServerMoment) -> float | None:
    """Share of a server's pages that lie on nodes whose CPUs it may not use, or does not."""
    nodes = view.facts.nodes if view.facts is not None else ()
    total = sum(one.bytes for one in server.nodes)
    if len(nodes) < 2 or not total or not server.cpus_allowed:
        return None
    allowed = set(server.cpus_allowed)
    near = {one.node for one in nodes if allowed & set(one.cpus)}
    return sum(one.bytes for one in server.nodes if one.node not in near) / total


def _server(view: View, server: ServerMoment, width: int) -> list[Line]:
    did, remote = activity_of(view, server.pid), remote_share(view, server)
    cpus = "-" if did is None or did.cpus is None else number(did.cpus)
    parts = [Field(label_of(view, server), f"{cpus} CPUs", 0)]
    if did is not None and did.waiting_cpus is not None:
        waits = did.waiting_cpus
        parts.append(Field("waits for", f"{number(waits).strip()} CPUs", 2, "notice" if waits >= 0.2 else "plain"))
    if did is not None and did.throttled_share:
        quota = server.cgroup.quota_cpus if server.cgroup is not None else None
        of = "" if quota is None else f" (quota {quota:g})"
        parts.append(Field("throttled", f"{percent(did.throttled_share).strip()} of periods{of}", 1, "bad"))
    if remote is not None:
        parts.append(Field("remote pages", percent(remote), 1, "bad" if remote >= 0.2 else "plain"))
    if server.decode_threads is not None:
        parts.append(Field("-t", str(server.decode_threads), 4))
    if server.cpus_allowed is not None:
        parts.append(Field("may use", shorten(cpu_list(server.cpus_allowed), 24, view.ascii_only), 5))
    if len(view.sample.servers if view.sample else ()) > 1:
        parts.append(Field("", model_name(server), 6))
    return fields_and_faults(parts, width)


def _stalls(view: View, width: int) -> Line | None:
    share = view.activity.stalls.cpu_some if view.activity is not None else None
    if share is None:
        return None
    style: Style = "notice" if share >= 0.2 else "plain"
    return fields([Field("stalled for a CPU", stalled_text(share, None), 0, style)], width)
