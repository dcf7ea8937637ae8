"""What one GPU tells, in words."""

from ...probe.sample.gpu import GpuMoment
from ..line import Line, Span, Style, span
from ..view import View
from .columns import Field, wrapped
from .names import model_name, served_by
from .units import bytes_text, number, percent, used_text

_MAKERS = ("NVIDIA GeForce ", "NVIDIA ", "AMD Radeon ", "AMD Instinct ", "AMD ", "Intel(R) ", "Intel ", "GeForce ")
_NEAR_SLOWDOWN_C = 5


def name_of(gpu: GpuMoment) -> str:
    """Without its maker."""
    name = span(gpu.name or f"{gpu.vendor} GPU").text
    for maker in _MAKERS:
        name = name.removeprefix(maker)
    return name


def memory_text(gpu: GpuMoment) -> str:
    """Used of all; that it is the machine's own memory is said."""
    if gpu.used_bytes is None and gpu.total_bytes is None:
        return "shared RAM" if gpu.memory_kind == "unified" else "-"
    return used_text(gpu.used_bytes, gpu.total_bytes)


def heat(gpu: GpuMoment) -> Span:
    """Degrees of those at which it slows down."""
    if gpu.temperature_c is None:
        return Span("-")
    limit = gpu.slowdown_temperature_c
    near = limit is not None and gpu.temperature_c >= limit - _NEAR_SLOWDOWN_C
    style: Style = "bad" if limit is not None and gpu.temperature_c >= limit else "notice" if near else "plain"
    return Span(f"{gpu.temperature_c}" + (f"/{limit}" if limit is not None else "") + " C", style)


def watts(gpu: GpuMoment) -> str:
    """Power of its limit."""
    if gpu.power_mw is None:
        return "-"
    limit = "" if gpu.power_limit_mw is None else f"/{gpu.power_limit_mw / 1000:.0f}"
    return f"{gpu.power_mw / 1000:3.0f}{limit} W"


def limits(now: int | None, most: int | None) -> str:
    """`1755/1980`."""
    return "-" if now is None else f"{now}" + ("" if most is None else f"/{most}")


def slowed(gpu: GpuMoment, at_length: bool = False) -> tuple[Span, ...]:
    """Why its clock is below its best: the harmful reasons, or those that cost nothing where there are no others."""
    if gpu.trouble is not None:
        return (span(gpu.trouble, "bad"),)
    if gpu.asleep:
        return (Span("asleep: not asked, that would wake it", "dim"),)
    harmful = gpu.throttle_harmful or ()
    others = [one for one in gpu.throttle_reasons or () if one not in harmful and (at_length or not harmful)]
    spans: list[Span] = []
    for one in (*harmful, *others):
        spans += [Span(", ", "dim")] if spans else []
        spans.append(span(one, "bad" if one in harmful else "dim"))
    return tuple(spans) or (Span("-" if gpu.throttle_reasons is None else "nothing", "dim"),)


def traffic(gpu: GpuMoment) -> str:
    """PCIe, in and out."""
    if gpu.pcie_rx_bytes_per_s is None and gpu.pcie_tx_bytes_per_s is None:
        return "-"
    into, out = (
        "-" if value is None else number(value / 1e9).strip()
        for value in (gpu.pcie_rx_bytes_per_s, gpu.pcie_tx_bytes_per_s)
    )
    return f"{into:>4}/{out} GB/s"


def link_text(gpu: GpuMoment) -> Span:
    """`Gen3 x8 of Gen5 x16`; fewer lanes than it could have are told apart from a link that rests."""
    if gpu.link_generation_now is None or gpu.link_width_now is None:
        return Span("-")
    now = f"Gen{gpu.link_generation_now} x{gpu.link_width_now}"
    best = f"Gen{gpu.link_generation_max} x{gpu.link_width_max}"
    if gpu.link_generation_max is None or gpu.link_width_max is None or now == best:
        return Span(now)
    narrow = gpu.link_width_now < gpu.link_width_max
    slow = gpu.link_generation_now < gpu.link_generation_max and (gpu.utilization_percent or 0) >= 20
    return Span(f"{now} of {best}", "notice" if narrow or slow else "dim")


def users_text(view: View, gpu: GpuMoment) -> str:
    """Programs that use it, with their container and the model that they serve."""
    told = []
    for user in gpu.users[:6]:
        server = served_by(view, user.pid)
        name = server.engine if server is not None else user.name or "a process"
        container = user.container or (server.container if server is not None else None)
        where = f" in {container}" if container else ""
        model = f": {model_name(server)}" if server is not None and server.model else ""
        told.append(f"{name} {user.pid}{where}{model}")
    more = [f"{len(gpu.users) - 6} more"] if len(gpu.users) > 6 else []
    return span(", ".join(told + more)).text


def detail(view: View, gpu: GpuMoment, width: int) -> list[Line]:
    """Everything that it tells."""
    head: Line = (Span(f"GPU {gpu.index}  ", "bold"), span(gpu.name or "no name", "bold"))
    told = [head, *wrapped(_identity(gpu), width, "  ")]
    if gpu.trouble is not None or gpu.asleep:
        return [*told, (Span("  "), *slowed(gpu))]
    told += wrapped(_numbers(view, gpu), width, "  ")
    told.append((Span("  slowed by ", "dim"), *slowed(gpu, at_length=True)))
    for user in gpu.users:
        server = served_by(view, user.pid)
        parts = [Field("", f"{user.pid}", 0, width=7), Field("", span(user.name or "a process").text, 0)]
        parts += [Field("memory", bytes_text(user.used_bytes), 2)]
        parts += [Field("in", span(user.container).text, 3)] if user.container else []
        parts += [Field("serves", model_name(server), 1)] if server is not None and server.model else []
        told += wrapped(parts, width, "  ")
    return told if gpu.users else [*told, (Span("  no process uses it, or none that may be seen", "dim"),)]


def _identity(gpu: GpuMoment) -> list[Field]:
    told = (("at", gpu.pci_address), ("NUMA node", gpu.numa_node), ("", gpu.uuid), ("vendor", gpu.vendor))
    return [Field(label, span(value).text) for label, value in told if value is not None]


def _numbers(view: View, gpu: GpuMoment) -> list[Field]:
    facts = view.facts.gpus if view.facts is not None else ()
    peak = next((one.memory_bandwidth for one in facts if one.index == gpu.index), None)
    temperature, link = heat(gpu), link_text(gpu)
    dram = percent(None if gpu.dram_percent is None else gpu.dram_percent / 100)
    if peak is not None and gpu.dram_percent is not None:
        dram += f" = {gpu.dram_percent / 100 * peak.per_s / 1e9:.0f} of {peak.per_s / 1e9:.0f} GB/s {peak.basis}"
    nvlink = view.activity.nvlink_bytes_per_s.get(gpu.index) if view.activity is not None else None
    moved = "-" if nvlink is None else f"{number(nvlink[0] / 1e9).strip()}/{number(nvlink[1] / 1e9).strip()} GB/s"
    kind = " (the machine's own RAM)" if gpu.memory_kind == "unified" and gpu.total_bytes is not None else ""
    told = [
        Field("busy", "-" if gpu.utilization_percent is None else f"{gpu.utilization_percent}% of time"),
        Field("memory", memory_text(gpu).strip() + kind),
        Field(
            "memory read or written", "-" if gpu.memory_busy_percent is None else f"{gpu.memory_busy_percent}% of time"
        ),
        Field("DRAM bandwidth", dram),
        Field("temperature", temperature.text, style=temperature.style),
        Field("fan", "-" if gpu.fan_percent is None else f"{gpu.fan_percent}%"),
        Field("power", watts(gpu).strip()),
        Field("core MHz", limits(gpu.core_mhz, gpu.core_max_mhz)),
        Field("memory MHz", limits(gpu.memory_mhz, gpu.memory_max_mhz)),
        Field("PCIe in/out", traffic(gpu).strip()),
        Field("link", link.text, style=link.style),
        Field("NVLink in/out", moved),
    ]
    return [one for one in told if one.value != "-"]
