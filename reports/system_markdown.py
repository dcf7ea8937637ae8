"""What a profile means on a machine, as Markdown."""

from collections.abc import Iterator, Mapping

from ..advisors.system.setting import SystemAdvice
from .escape import markdown, printable
from .system_text import TITLES, by_reason, grouped, named, verdict_of_none


def render_advice_markdown(advice: SystemAdvice, commands: Mapping[str, str], machine: str | None = None) -> str:
    """The whole page."""
    return "\n".join(_lines(advice, commands, machine)) + "\n"


def _lines(advice: SystemAdvice, commands: Mapping[str, str], machine: str | None) -> Iterator[str]:
    yield f"# Profile {markdown(advice.profile)} on {markdown(machine or 'this machine')}"
    yield ""
    if not advice.settings:
        verdict = verdict_of_none(advice)
        yield verdict[0].upper() + verdict[1:]
    for alike in grouped(advice.settings):
        setting = alike[0]
        found = "not known" if setting.found is None else setting.found
        yield f"- **{markdown(named(item.key for item in alike))}**: {markdown(found)} to {markdown(setting.value)}"
        yield f"  - why: {markdown(setting.reason)}"
        source = f" ({setting.effect.basis}: {setting.effect.source})" if setting.effect.source else ""
        yield f"  - at stake: {markdown(setting.effect.text + source)}"
        if setting.risk:
            yield f"  - risk: {markdown(setting.risk)}"
        if setting.key in commands:
            # A code span would need its pipes escaped, and would no longer be what is to be typed.
            yield from ("", f"        {printable(commands[setting.key])}", "")
    for kind, title in TITLES.items():
        of_kind = [left for left in advice.left_out if left.kind == kind]
        if of_kind:
            yield from ("", f"## {title.removesuffix(':')}", "")
            yield from (f"- {markdown(named(keys))}: {markdown(reason)}" for reason, keys in by_reason(of_kind).items())
    if advice.conflicts:
        yield from ("", "## Notes", "")
        yield from (f"- {markdown(line)}" for line in advice.conflicts)
