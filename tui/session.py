"""`Session`: the monitor apart from the terminal: what each key does, and the lines of the screen."""

import time
from collections.abc import Callable
from typing import Protocol

from ..advisors.bottleneck.verdict import Bottleneck
from ..probe.sample.sample import ServerMoment
from ..reports.escape import printable
from .acting import Acting
from .cells import ascii_line
from .dialogs.dialog import Dialog, InputDialog, TextDialog, overlay
from .dialogs.explain import verdict_text
from .dialogs.help import help_lines
from .exporting import export_dialog
from .feed import Feed, News, Restart, Trouble
from .footer import clock, footer
from .keys import ACTIONS
from .layout import PANELS, compose
from .line import Line
from .panels import log
from .state import PANELS as ORDER
from .state import State
from .travel import Travel
from .view import Event

NOTE_SECONDS = 6.0


class Terminal(Protocol):
    """What a session asks of the app."""

    @property
    def read_only(self) -> bool:
        """Nothing may be changed."""
        ...

    @property
    def ascii_only(self) -> bool:
        """No Unicode."""
        ...

    def leave(self, code: int) -> None:
        """End."""
        ...

    def next_theme(self) -> str:
        """Other colours; tells which."""
        ...

    def repaint(self) -> None:
        """Everything anew."""
        ...

    def run_outside(self, argv: list[str]) -> int:
        """Run a program in the terminal; its exit code."""
        ...

    def action_suspend_process(self) -> None:
        """Stop, until the shell goes on with it."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call and paint, a while from now."""
        ...


class Session:
    """Keys in, lines out."""

    def __init__(self, feed: Feed, terminal: Terminal) -> None:
        self.feed = feed
        self.terminal = terminal
        self.state = State(ascii_only=terminal.ascii_only)
        self.travel = Travel(feed, self.state)
        self.acting = Acting(self, self._may_act)
        self.dialog: Dialog | None = None
        self._note = ("", 0.0)
        self._ended = ""
        """Why no more moments come; told until the end, for the screen shows old ones."""

    def take(self, news: News) -> bool:
        """News from the feed; whether the screen shows it."""
        if isinstance(news, Trouble):
            if news.error is not None:
                self._ended = printable(news.text)
            self.tell(news.text)
            return True
        if isinstance(news, Restart):
            self.state.restart()
            return False
        # Who chose a row looks at what is in it, wherever it goes; the first row is the most important of all times.
        kept = self._selected() if self.state.choice.row > 0 else None
        self.state.take(news)
        if kept is not None and kept in (rows := self._rows()):
            self.state.choose(row=rows.index(kept))
        return self.state.still is None and news.paint

    def key(self, key: str, character: str | None) -> None:
        """One key was pressed."""
        if self.dialog is not None:
            # The box may open another one.
            dialog = self.dialog
            if dialog.key(key, character) and self.dialog is dialog:
                self.dialog = None
            return
        self._note = ("", 0.0)
        action = ACTIONS.get(key) or ACTIONS.get(character or "")
        if action is not None:
            if action == "panel":
                self.state.focus = ORDER[int(key) - 1]
            else:
                getattr(self, f"_do_{action}")()

    def paste(self, text: str) -> None:
        """Text for the box that is open."""
        if isinstance(self.dialog, InputDialog):
            self.dialog.paste(text)

    def ask(self, dialog: Dialog) -> None:
        """Open a box."""
        self.dialog = dialog

    def tell(self, text: str) -> None:
        """A line for a few seconds."""
        self._note = (printable(text), time.monotonic() + NOTE_SECONDS)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """A while from now."""
        self.terminal.later(seconds, call)

    def lines(self, width: int, height: int) -> list[Line]:
        """The screen."""
        room = height - 1 if height >= 6 else height
        view = self.state.view()
        found = compose(view, self.state.focus, width, room)
        if room < height:
            note, until_s = self._note
            if time.monotonic() > until_s:
                note = self._ended
            found.append(footer(width, self.travel.mode(), note, self._status(), self.terminal.ascii_only))
        if self.dialog is not None:
            found = overlay(found, self.dialog, width, height, self.terminal.ascii_only)
        return [ascii_line(one) for one in found] if self.terminal.ascii_only else found

    def _status(self) -> str:
        moment = self.state.shown
        window = f"{self.state.window_s / 60:g} min"
        shown = f"  {clock(moment.observation.sample.time_s)}" if moment is not None else ""
        return f"{window}  {self.feed.status()}{shown}"

    def _may_act(self) -> str | None:
        if self.terminal.read_only:
            return "nothing is changed: started with --read-only"
        if not self.feed.live:
            return "this is a record: there is nothing to act on"
        return None

    # What keys do.

    def _do_quit(self) -> None:
        self.terminal.leave(0)

    def _do_help(self) -> None:
        self.ask(TextDialog("Keys", help_lines))

    def _do_next_panel(self) -> None:
        self.state.step_focus(1)

    def _do_previous_panel(self) -> None:
        self.state.step_focus(-1)

    def _do_overview(self) -> None:
        """Undo one thing at a time: detail, filter, the past, the focus."""
        state = self.state
        if state.choice.detail:
            state.choose(detail=False)
        elif state.choice.filter:
            state.choose(filter="")
        elif state.still is not None:
            self.travel.now()
        else:
            state.focus = None

    def _do_down(self) -> None:
        self.state.step_row(1, self._row_count())

    def _do_up(self) -> None:
        self.state.step_row(-1, self._row_count())

    def _do_detail(self) -> None:
        if self.state.focus == "log":
            event = self._selected_event()
            if event is not None:
                self._explain(event.verdict, event)
        elif self.state.focus is not None:
            self.state.choose(detail=not self.state.choice.detail)
        else:
            self.tell("choose a panel first: Tab or 1 to 6")

    def _do_why(self) -> None:
        verdict = self._verdict()
        if verdict is None:
            self.tell("there is no verdict yet")
        else:
            key = (verdict.kind, verdict.subject)
            events = self.state.view().events
            event = next((one for one in reversed(events) if (one.verdict.kind, one.verdict.subject) == key), None)
            self._explain(verdict, event)

    def _do_apply(self) -> None:
        event = self._selected_event() if self.state.focus == "log" else None
        self.acting.apply(event.verdict if event is not None else self._verdict())

    def _do_filter(self) -> None:
        if self.state.focus is None:
            self.tell("choose a panel first: Tab or 1 to 6")
            return

        def take(text: str) -> None:
            self.state.choose(filter=text.strip(), row=0)

        self.ask(InputDialog("Only rows with", "Enter takes it; empty shows all", self.state.choice.filter, take))

    def _do_sort(self) -> None:
        if self.state.focus is None or not PANELS[self.state.focus].SORTS:
            self.tell("choose a panel with rows first: Tab or 1 to 6")
            return
        self.state.step_sort(PANELS[self.state.focus].SORTS)
        self.tell(f"sorted by {self.state.choice.sort}")

    def _do_reverse(self) -> None:
        self.state.choose(reverse=not self.state.choice.reverse)

    def _do_window(self) -> None:
        self.state.step_window()
        self.tell(f"charts of {self.state.window_s / 60:g} min")

    def _do_pause(self) -> None:
        self.travel.pause()

    def _do_back(self) -> None:
        self._travel(-1.0)

    def _do_forward(self) -> None:
        self._travel(1.0)

    def _do_far_back(self) -> None:
        self._travel(-60.0)

    def _do_far_forward(self) -> None:
        self._travel(60.0)

    def _do_oldest(self) -> None:
        self.travel.oldest()

    def _do_now(self) -> None:
        self.travel.now()

    def _travel(self, seconds: float) -> None:
        if (note := self.travel.by(seconds)) is not None:
            self.tell(note)

    def _do_faster(self) -> None:
        self.tell(self.feed.faster())

    def _do_slower(self) -> None:
        self.tell(self.feed.slower())

    def _do_export(self) -> None:
        self.ask(export_dialog(self.state.view(), self.state.focus, self.tell))

    def _do_record(self) -> None:
        self.tell(self.feed.toggle_record())

    def _do_kill(self) -> None:
        if self.feed.live and self.travel.in_past:
            self.tell("the past is shown: End goes back to now, then x")
        else:
            self.acting.kill(self._selected_server())

    def _do_theme(self) -> None:
        self.tell(self.terminal.next_theme())

    def _do_suspend(self) -> None:
        self.terminal.action_suspend_process()

    def _do_repaint(self) -> None:
        self.terminal.repaint()

    def _rows(self) -> list[str]:
        return list(PANELS[self.state.focus].rows(self.state.view())) if self.state.focus is not None else []

    def _row_count(self) -> int:
        return len(self._rows())

    def _selected(self) -> str | None:
        rows = self._rows()
        return rows[min(self.state.choice.row, len(rows) - 1)] if rows else None

    def _selected_event(self) -> Event | None:
        wanted = self._selected()
        events = self.state.view().events
        return next((one for one in events if log.name_of(one) == wanted), None)

    def _selected_server(self) -> ServerMoment | None:
        """The one in the row; where none is selected the verdict's, or the only one."""
        moment = self.state.shown
        servers = moment.observation.sample.servers if moment is not None else ()
        wanted = self._selected() if self.state.focus in ("engine", "log") else None
        if wanted is not None:
            for server in servers:
                if str(server.pid) in wanted.split():
                    return server
        if len(servers) == 1:
            return servers[0]
        verdict = self._verdict()
        subject = verdict.subject if verdict is not None else None
        return next((one for one in servers if str(one.pid) == subject), None)

    def _verdict(self) -> Bottleneck | None:
        moment = self.state.shown
        return moment.observation.verdict if moment is not None else None

    def _explain(self, verdict: Bottleneck, event: Event | None) -> None:
        keys = [("a", "apply the setting", lambda: self.acting.apply(verdict))] if verdict.setting else []
        self.ask(TextDialog("Why", lambda width: verdict_text(verdict, event, width), keys))
