"""A feed for tests of the screen: it delivers what the test says."""

from collections.abc import Callable

from llmtune.advisors.bottleneck.observer import Lasting, Observation
from llmtune.tui.feed import Moment, News
from llmtune.tui.past import Past
from llmtune.tui.view import View


class HandFeed:
    """Delivers nothing by itself."""

    live = True

    def __init__(self) -> None:
        self.past: Past | None = None
        self.deliver: Callable[[News], None] = lambda news: None
        self.began = False
        self.asked: list[str] = []

    def start(self, deliver: Callable[[News], None]) -> None:
        self.deliver, self.began = deliver, True

    def stop(self) -> None:
        self.began = False

    def status(self) -> str:
        return "every 1 s"

    def faster(self) -> str:
        self.asked.append("faster")
        return "faster"

    def slower(self) -> str:
        self.asked.append("slower")
        return "slower"

    def toggle_record(self) -> str:
        self.asked.append("record")
        return "recording"

    def mode(self) -> str:
        return ""

    def pause(self) -> None:
        self.asked.append("pause")

    def seek(self, seconds: float) -> str | None:
        self.asked.append(f"seek {seconds:g}")
        return None


def moment(view: View) -> Moment:
    """What a feed would have delivered to make the screen show that view."""
    assert view.sample is not None
    verdicts = (view.verdict, *view.others) if view.verdict is not None else ()
    began = tuple(Lasting(one, view.sample.time_s, 0.0) for one in verdicts)
    return Moment(Observation(view.sample, view.activity, verdicts, began, ()), view.facts)
