"""Spell arguments as the program found takes them."""

from collections.abc import Mapping

from ...probe.engine_help import EngineOptions


class Arguments:
    """An argument list in the making: an option that the program lacks is left out, with a warning."""

    def __init__(self, options: EngineOptions | None) -> None:
        self.known = None if options is None or options.source == "not checked" else options.options
        """None: nothing is known, so the newest spellings are used."""
        self.values: Mapping[str, tuple[str, ...]] = {} if options is None else options.values
        self.argv: list[str] = []
        self.warnings: list[str] = []

    def has(self, *names: str) -> bool:
        """Whether the program takes one of these spellings; True where nothing is known."""
        return self.known is None or any(name in self.known for name in names)

    def listed(self, *names: str) -> bool:
        """Whether the program is known to take one of these spellings."""
        return self.known is not None and any(name in self.known for name in names)

    def spelling(self, *names: str) -> str | None:
        """The first of these spellings that the program takes."""
        if self.known is None:
            return names[0]
        return next((name for name in names if name in self.known), None)

    def add(self, names: tuple[str, ...], value: str | None = None, lost: str | None = None) -> bool:
        """Append an option; without it, `lost` is what is lost (None: nothing worth telling)."""
        name = self.spelling(*names)
        if name is None:
            if lost is not None:
                self.warnings.append(f"the engine found has no {names[-1]}: {lost}")
            return False
        choices = self.values.get(name)
        if value is not None and choices is not None and value not in choices:
            self.warnings.append(f"the engine found does not take {name} {value}: {lost or 'its default is used'}")
            return False
        self.argv += [name] if value is None else [name, value]
        return True
