"""Every key, what it does and how it is called: for the help, the footer and the app."""

from typing import NamedTuple


class Key(NamedTuple):
    """One action."""

    keys: tuple[str, ...]
    """As Textual calls them."""
    action: str
    """A method `_do_...` of `Session`."""
    shown: str
    """As people call them."""
    what: str
    short: str = ""
    """For the footer; empty: not there."""


KEYS = (
    Key(("q", "ctrl+c", "ctrl+q"), "quit", "q", "quit", "quit"),
    Key(("question_mark", "f1", "h"), "help", "?", "this help", "help"),
    Key(("tab",), "next_panel", "Tab", "the next panel", "panel"),
    Key(("shift+tab",), "previous_panel", "Shift+Tab", "the panel before"),
    Key(("1", "2", "3", "4", "5", "6"), "panel", "1-6", "GPUs, CPU and NUMA, memory, I/O, engine, log"),
    Key(("0", "escape"), "overview", "0 Esc", "all panels; closes what is open; back to now"),
    Key(("down", "j"), "down", "down j", "the next row"),
    Key(("up", "k"), "up", "up k", "the row before"),
    Key(("enter",), "detail", "Enter", "the row at length; in the log, its explanation", "detail"),
    Key(("w",), "why", "w", "explain the verdict, and what would help", "why"),
    Key(("a",), "apply", "a", "apply the setting that the verdict asks for (asks first, asks for root)"),
    Key(("slash", "f"), "filter", "/", "show only rows with a text", "filter"),
    Key(("s",), "sort", "s", "sort by the next column", "sort"),
    Key(("r",), "reverse", "r", "reverse the order"),
    Key(("c",), "window", "c", "charts of 1 minute, 10 minutes or 1 hour", "chart"),
    Key(("space",), "pause", "Space", "stand still, while sampling goes on; in a replay, stop and go on", "pause"),
    Key(("left",), "back", "left", "back in time; with Shift a minute"),
    Key(("right",), "forward", "right", "forward in time; with Shift a minute"),
    Key(("shift+left",), "far_back", "", ""),
    Key(("shift+right",), "far_forward", "", ""),
    Key(("home",), "oldest", "Home", "as far back as is kept"),
    Key(("end",), "now", "End", "to now"),
    Key(("plus", "equals_sign"), "faster", "+", "sample more often; in a replay, play faster"),
    Key(("minus",), "slower", "-", "sample less often; in a replay, play slower"),
    Key(("e",), "export", "e", "write what is shown to a file", "export"),
    Key(("R",), "record", "R", "begin or end a record for --replay", "record"),
    Key(("x",), "kill", "x", "end a server (asks first; SIGTERM, then SIGKILL is offered)"),
    Key(("T",), "theme", "T", "the next colours"),
    Key(("ctrl+z",), "suspend", "Ctrl-Z", "suspend; fg brings it back"),
    Key(("ctrl+l",), "repaint", "Ctrl-L", "paint everything anew"),
)
ACTIONS = {key: one.action for one in KEYS for key in one.keys}
