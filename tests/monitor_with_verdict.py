"""A screen whose verdict names a setting, for tests that run it in a terminal: `... SCENE SETTING [PROGRAM]`.

PROGRAM is what passes for the command `llmtune`.
"""

import sys

from scenes import views
from tui_feeds import HandFeed, moment

from llmtune.tui.app import Options, run_app
from llmtune.tui.feed import News

if __name__ == "__main__":
    view = views()[sys.argv[1]]
    assert view.verdict is not None
    good = moment(view)
    told = view.verdict.model_copy(update={"setting": sys.argv[2]})
    seen = type(good.observation)(good.observation.sample, view.activity, (told,), (), ())

    class OneMoment(HandFeed):
        """Tells it once."""

        def start(self, deliver: "object") -> None:
            """As soon as it may."""
            super().start(deliver)  # type: ignore[arg-type]
            news: News = type(good)(seen, good.facts)
            self.deliver(news)

    sys.argv[:1] = sys.argv[3:4] or sys.argv[:1]
    sys.exit(run_app(OneMoment(), Options(), mouse=False))
