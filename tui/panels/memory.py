"""Memory: whether the model is in it, and what the kernel has to move."""

from collections.abc import Sequence

from ...probe.sample.sample import MemoryMoment, ServerMoment
from ..line import Line, Style
from ..view import View
from .bars import with_bar
from .columns import Field, fields, fields_and_faults
from .common import Chart, known, note, waiting, with_charts
from .names import activity_of, label_of, model_name, model_of, servers_of
from .units import bytes_text, count_text, rate_text, stalled_text, used_text

TITLE = "Memory"
SORTS: tuple[str, ...] = ()


def rows(view: View) -> Sequence[str]:
    """Has no rows to choose from."""
    return ()


def lines(view: View, width: int, height: int) -> list[Line]:
    """The machine, each server's model, faults and swap, charts."""
    return with_charts(view, body, charts(view), width, height)


def charts(view: View) -> list[Chart]:
    """What moves."""
    wanted: list[Chart] = [
        ("major faults/s", "faults", 10, count_text),
        ("page cache", "cached", -_total(view), bytes_text),
        ("swap traffic", "swap", 1e6, rate_text),
    ]
    return known(view, wanted)


def body(view: View, width: int, height: int) -> list[Line]:
    """All but charts."""
    sample = view.sample
    if sample is None:
        return waiting(width)
    memory = sample.memory
    if memory is None:
        return [note("/proc/meminfo could not be read", width)]
    told = [_whole(view, memory, width)]
    for server in servers_of(view):
        told += _server(view, server, width)
    return [*told, _moved(view, width), *_rest(view, memory, width)]


def brief(view: View) -> str:
    """In a few words."""
    memory = view.sample.memory if view.sample is not None else None
    if memory is None or memory.total_bytes is None or memory.available_bytes is None:
        return ""
    faults = view.activity.memory.major_faults_per_s if view.activity is not None else None
    used = f"{used_text(memory.total_bytes - memory.available_bytes, memory.total_bytes).strip()} used"
    return used if faults is None else f"{used}, {count_text(faults)} major faults/s"


def _total(view: View) -> float:
    memory = view.sample.memory if view.sample is not None else None
    return float(memory.total_bytes or 1) if memory is not None else 1.0


def _whole(view: View, memory: MemoryMoment, width: int) -> Line:
    total, available = memory.total_bytes, memory.available_bytes
    used = total - available if total is not None and available is not None else None
    scarce = available is not None and total is not None and available < total / 20
    parts = [
        Field("used", used_text(used, total), 0),
        Field("available", bytes_text(available), 2, "notice" if scarce else "plain", 8),
        Field("page cache", bytes_text(memory.cached_bytes), 1, width=8),
        Field("dirty", bytes_text(memory.dirty_bytes), 6),
    ]
    limit = view.facts.memory_limit_bytes if view.facts is not None else None
    if limit is not None and total is not None and limit < total:
        parts.append(Field("limit here", bytes_text(limit), 5))
    if total is None and memory.cached_bytes is None:
        return note("the kernel does not tell how much memory is in use", width)
    return with_bar(used / total if used is not None and total else None, parts, width, view.ascii_only)


def _server(view: View, server: ServerMoment, width: int) -> list[Line]:
    """What of it is in memory, against the size of its model."""
    model, did = model_of(view, server.pid), activity_of(view, server.pid)
    size = model.total_bytes if model is not None else server.model_bytes
    parts = [Field("", label_of(view, server), 0)]
    # Weights on a GPU leave memory once they are there: their share in it means nothing.
    on_host = model.gpu_share == 0 if model is not None and model.gpu_share is not None else not _gpus(view)
    on_host = on_host or _unified(view)
    if size and server.file_bytes and on_host:
        # Libraries are mapped too: more than the model is all of it.
        whole, share = server.file_bytes >= size, server.file_bytes / size
        missing: Style = "notice" if share < 0.9 and (did is None or (did.major_faults_per_s or 0) > 5) else "plain"
        of = bytes_text(size).strip()
        told = f"all of {of}" if whole else f"{bytes_text(server.file_bytes).strip()} of {of}"
        parts.append(Field("model in memory", told, 0, missing))
    elif size:
        parts.append(Field("model", bytes_text(size).strip(), 1))
        parts += [Field("mapped", bytes_text(server.file_bytes).strip(), 3)] if server.file_bytes else []
    if server.anon_bytes is not None:
        parts.append(Field("own", bytes_text(server.anon_bytes).strip(), 2))
    if server.locked_bytes:
        parts.append(Field("locked", bytes_text(server.locked_bytes).strip(), 5))
    if server.swapped_bytes:
        parts.append(Field("in swap", bytes_text(server.swapped_bytes).strip(), 1, "bad"))
    if server.cgroup is not None and server.cgroup.memory_limit_bytes is not None:
        used, limit = server.cgroup.memory_bytes, server.cgroup.memory_limit_bytes
        full = used is not None and used > limit * 0.97
        parts.append(Field("cgroup", used_text(used, limit).strip(), 3, "notice" if full else "plain"))
    if server.cgroup is not None and server.cgroup.oom_kills:
        parts.append(Field("OOM kills", str(server.cgroup.oom_kills), 2))
    if view.sample is not None and len(view.sample.servers) > 1:
        parts.append(Field("", model_name(server), 4))
    return fields_and_faults(parts, width)


def _unified(view: View) -> bool:
    return view.sample is not None and any(gpu.memory_kind == "unified" for gpu in view.sample.gpus)


def _gpus(view: View) -> bool:
    return bool(view.sample is not None and view.sample.gpus)


def _moved(view: View, width: int) -> Line:
    if view.activity is None:
        return note("waiting for a second reading: rates are between two", width)
    did = view.activity.memory
    faults, swap_in, swap_out = did.major_faults_per_s, did.swap_in_bytes_per_s, did.swap_out_bytes_per_s
    parts = [
        Field("major faults", f"{count_text(faults)}/s", 0, "notice" if faults and faults >= 50 else "plain", 6),
        Field("swap in", rate_text(swap_in), 1, "bad" if swap_in and swap_in >= 1e6 else "plain", 9),
        Field("out", rate_text(swap_out), 2, "notice" if swap_out and swap_out >= 1e6 else "plain", 9),
        Field(
            "read again",
            rate_text(did.refault_bytes_per_s),
            3,
            "notice" if (did.refault_bytes_per_s or 0) >= 10e6 else "plain",
            9,
        ),
    ]
    there = [one for one in parts if one.value not in ("-", "-/s")]
    return fields(there, width) if there else note("the kernel tells nothing of faults and swapping", width)


def _rest(view: View, memory: MemoryMoment, width: int) -> list[Line]:
    parts = []
    if memory.swap_total_bytes is not None:
        used = memory.swap_total_bytes - (memory.swap_free_bytes or 0)
        parts.append(Field("swap", used_text(used, memory.swap_total_bytes) if memory.swap_total_bytes else "none", 1))
    if memory.hugepages_total_bytes is not None:
        total, unused = memory.hugepages_total_bytes, memory.hugepages_free_bytes or 0
        parts.append(Field("huge pages", used_text(total - unused, total) if total else "none", 2))
    told = [fields(parts, width)] if parts else []
    stalls = view.activity.stalls if view.activity is not None else None
    if stalls is not None and stalls.memory_some is not None:
        style: Style = "notice" if stalls.memory_some >= 0.05 else "plain"
        waited = stalled_text(stalls.memory_some, stalls.memory_full)
        told.append(fields([Field("stalled for memory", waited, 0, style)], width))
    return told
