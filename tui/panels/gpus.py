"""GPUs: one line each, what slows them in words, and the selected one at length."""

from collections.abc import Callable, Sequence
from typing import Any

from ...probe.sample.gpu import GpuMoment
from ...probe.sample.sample import Sample
from ..line import Line, Span, span
from ..view import View
from .bars import bar
from .columns import Column, table
from .common import Chart, chosen, known, note, selected_place, waiting, window, with_charts
from .gpu_words import detail, heat, limits, link_text, memory_text, name_of, slowed, traffic, users_text, watts
from .units import bytes_text, number

TITLE = "GPUs"
SORTS = ("index", "use", "memory", "temperature", "power")

_ALWAYS = ("", "GPU", "slowed by", "used by")
_KEYS: dict[str, Callable[[GpuMoment], Any]] = {
    "index": lambda gpu: gpu.index,
    "use": lambda gpu: None if gpu.utilization_percent is None else -gpu.utilization_percent,
    "memory": lambda gpu: None if gpu.used_bytes is None else -gpu.used_bytes,
    "temperature": lambda gpu: None if gpu.temperature_c is None else -gpu.temperature_c,
    "power": lambda gpu: None if gpu.power_mw is None else -gpu.power_mw,
}


def rows(view: View) -> Sequence[str]:
    """Indexes of the GPUs."""
    return [str(gpu.index) for gpu in _gpus(view)]


def lines(view: View, width: int, height: int) -> list[Line]:
    """The table, users below a few GPUs, charts of the selected one."""
    return with_charts(view, body, charts(view), width, height)


def charts(view: View) -> list[Chart]:
    """Of the selected GPU."""
    gpus = _gpus(view)
    if not gpus:
        return []
    gpu = gpus[selected_place(view, len(gpus))]
    top_bytes = -float(gpu.total_bytes) if gpu.total_bytes else 1 << 30
    top_mw = -float(gpu.power_limit_mw) if gpu.power_limit_mw else 100_000
    wanted: list[Chart] = [
        (f"GPU {gpu.index} use", f"gpu/{gpu.key}/use", -100, lambda value: f"{value:.0f}%"),
        (f"GPU {gpu.index} power", f"gpu/{gpu.key}/power", top_mw, lambda value: f"{value / 1000:.0f} W"),
        (f"GPU {gpu.index} memory", f"gpu/{gpu.key}/memory", top_bytes, bytes_text),
    ]
    return known(view, wanted)


def body(view: View, width: int, height: int) -> list[Line]:
    """All but charts."""
    if view.sample is None:
        return waiting(width)
    gpus = _gpus(view)
    if not gpus:
        return _none(view, view.sample, width)
    place = selected_place(view, len(gpus))
    if view.choice.detail:
        return detail(view, gpus[place], width)
    # Where not all fit, the last line tells of the others.
    here = window(len(gpus), place, height - 1 if len(gpus) < height or height <= 3 else height - 2)
    shown = [gpus[row] for row in here]
    selected = place - here.start if len(gpus) > 1 and view.choice.row >= 0 else None
    columns = _columns(view, shown, width)
    made = table(columns, width, selected, view.ascii_only)
    told = [users_text(view, gpu) for gpu in shown]
    if len(made) - 1 + sum(map(bool, told)) < height and len(gpus) <= 2 and not _has_users(made):
        spread = made[:1]
        for row, text in zip(made[1:], told, strict=True):
            spread += [row, note(f"   used by {text}", width)] if text else [row]
        made = spread
    if len(shown) < len(gpus) and height > 3:
        made.append(_more([*gpus[: here.start], *gpus[here.stop :]], width))
    return made


def _more(gpus: Sequence[GpuMoment], width: int) -> Line:
    """Of those that find no place, what is wrong with them."""
    wrong = [(gpu, part.text) for gpu in gpus for part in slowed(gpu)[:1] if part.style == "bad"]
    if not wrong:
        return note(f"and {len(gpus)} more GPUs", width)
    told = "; ".join(f"{gpu.index} {why}" for gpu, why in wrong)
    return note(f"and {len(gpus)} more GPUs: {told}", width, "bad")


def brief(view: View) -> str:
    """In a few words."""
    gpus = view.sample.gpus if view.sample is not None else ()
    wrong = [f"{gpu.index} {part.text}" for gpu in gpus for part in slowed(gpu)[:1] if part.style == "bad"]
    if wrong:
        return "; ".join(wrong)
    return ", ".join(
        f"{gpu.index} {'asleep' if gpu.asleep else _share(gpu.utilization_percent).strip()}" for gpu in gpus
    )


def _gpus(view: View) -> list[GpuMoment]:
    if view.sample is None:
        return []
    words = lambda gpu: f"{gpu.index} {gpu.name} {gpu.vendor} {users_text(view, gpu)}"  # noqa: E731
    return chosen(view, view.sample.gpus, _KEYS, words, "index")


def _none(view: View, sample: Sample, width: int) -> list[Line]:
    if sample.gpus:
        return [note(f"no GPU matches the filter: {view.choice.filter}", width)]
    why = [gap for gap in sample.gaps if gap.probe.startswith(("gpu", "nvidia", "nvml", "amd", "intel"))]
    told = [note("no GPU seen", width)]
    return told + [note(span(f"{gap.source}: {gap.reason} {gap.detail}".rstrip()).text, width) for gap in why[:3]]


def _has_users(made: Sequence[Line]) -> bool:
    return any("used by" in part.text for part in made[0])


def _columns(view: View, gpus: Sequence[GpuMoment], width: int) -> list[Column]:
    plain = view.ascii_only
    bars = 8 if width < 120 else 12
    troubled = [gpu.trouble is not None or gpu.asleep for gpu in gpus]

    def column(title: str, priority: int, tell: Callable[[GpuMoment], Any], **more: Any) -> Column:
        made = []
        for gpu, silent in zip(gpus, troubled, strict=True):
            value = "" if silent and title not in _ALWAYS else tell(gpu)
            made.append((value,) if isinstance(value, Span) else value if isinstance(value, tuple) else (Span(value),))
        return Column(title, priority, made, **more)

    # A link below its best is a finding; one at its best is not worth its place.
    link = 35 if any(one.style == "notice" for one in map(link_text, gpus)) else 100
    reasons = max(10, *(min(40, sum(len(part.text) for part in slowed(gpu) if part.style == "bad")) for gpu in gpus))
    return [
        column("", 0, lambda gpu: str(gpu.index)),
        column("GPU", 10, lambda gpu: Span(name_of(gpu)), right=False, least=14 if width < 120 else 24),
        column("use", 0, lambda gpu: _share(gpu.utilization_percent), width=4),
        column("memory", 20, memory_text, width=13),
        column(" ", 80, lambda gpu: bar(_part(gpu), bars, plain), width=bars, right=False),
        column("temp", 40, heat, width=7),
        column("power", 50, watts, width=9),
        column("MHz", 70, lambda gpu: limits(gpu.core_mhz, gpu.core_max_mhz), width=9),
        column("slowed by", 30, slowed, right=False, least=reasons),
        column("PCIe in/out", 90, traffic, width=14),
        column("link", link, link_text, right=False),
        column("DRAM bandwidth", 110, lambda gpu: _share(gpu.dram_percent)),
        column("NVLink in/out", 120, lambda gpu: _nvlink(view, gpu), width=14),
        column("memory busy", 130, lambda gpu: _busy(gpu.memory_busy_percent)),
        column("used by", 60, lambda gpu: Span(users_text(view, gpu), "dim"), right=False, least=22),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:3.0f}%"


def _busy(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}% of time"


def _part(gpu: GpuMoment) -> float | None:
    return gpu.used_bytes / gpu.total_bytes if gpu.used_bytes is not None and gpu.total_bytes else None


def _nvlink(view: View, gpu: GpuMoment) -> str:
    rates = view.activity.nvlink_bytes_per_s.get(gpu.index) if view.activity else None
    return "-" if rates is None else f"{number(rates[0] / 1e9)}/{number(rates[1] / 1e9).strip()} GB/s"
