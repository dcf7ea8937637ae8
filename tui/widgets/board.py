"""`Board`: the whole screen as one widget that paints only the lines that changed."""

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ..cells import clip, line_cells
from ..line import Line, Style


class Board(Widget):
    """Shows lines. Textual's own widgets would cost several times as much a second."""

    ALLOW_SELECT = False
    DEFAULT_CSS = ""

    def __init__(self, looks: Mapping[Style, RichStyle], ascii_only: bool = False) -> None:
        super().__init__()
        self._looks = looks
        self._ascii_only = ascii_only
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}

    def show(self, lines: Sequence[Line]) -> None:
        """Paint these; what is as before is left alone."""
        before, self._lines = self._lines, list(lines)
        width = self.size.width
        changed = [
            row
            for row in range(max(len(before), len(self._lines)))
            if (before[row] if row < len(before) else None) != (self._lines[row] if row < len(self._lines) else None)
        ]
        for row in changed:
            self._strips.pop(row, None)
        if changed:
            self.refresh(*(Region(0, row, width, 1) for row in changed if row < self.size.height))

    def restyle(self, looks: Mapping[Style, RichStyle]) -> None:
        """Paint everything in other colours."""
        self._looks = looks
        self.forget()

    def forget(self) -> None:
        """Paint everything anew."""
        self._strips.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """What was painted may not fit any more."""
        self._strips.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One row of the screen, of its whole width."""
        width = self.size.width
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != width:
            strip = self._strips[y] = self._strip(self._lines[y] if y < len(self._lines) else (), width)
        return strip

    def _strip(self, spans: Line, width: int) -> Strip:
        used = line_cells(spans)
        if used > width:
            spans = clip(spans, width, self._ascii_only)
            used = line_cells(spans)
        segments = [Segment(part.text, self._looks[part.style]) for part in spans if part.text]
        if used < width:
            segments.append(Segment(" " * (width - used), self._looks["plain"]))
        return Strip(segments, width)
