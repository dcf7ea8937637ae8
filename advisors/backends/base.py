"""What all engines share: what a launch is made from, and why there is none."""

from typing import Protocol

from ...probe.engine_help import EngineOptions
from ...probe.model.types import Model
from ..plan import Binding, Launch, Threads
from ..request import Request
from ..resources import Resources
from ..settings import Placement, Settings


class CannotRun(Exception):
    """The engine would refuse, abort or crawl. The message says why, in a sentence for the user."""


class Chosen(Protocol):
    """What the planner decided."""

    @property
    def placement(self) -> Placement:
        """Where the layers lie."""
        ...

    @property
    def settings(self) -> Settings:
        """How it runs."""
        ...

    @property
    def threads(self) -> Threads:
        """CPU threads and binding."""
        ...

    @property
    def prompt_cache_bytes(self) -> int:
        """Host memory that the server may keep old prompts in."""
        ...


class Backend(Protocol):
    """An engine: one module of this folder."""

    NAME: str

    def why_not(self, model: Model, resources: Resources) -> str | None:
        """Why it cannot run this model here; None where it can."""
        ...

    def launch(
        self,
        model: Model,
        chosen: Chosen,
        request: Request,
        options: EngineOptions | None = None,
        resources: Resources | None = None,
    ) -> Launch:
        """How to start it; raises `CannotRun`."""
        ...


def binding_of(threads: Threads) -> Binding:
    """Of the whole process what was chosen for its threads."""
    return Binding(cpus=threads.cpus, memory_nodes=threads.memory_nodes, memory_policy=threads.memory_policy)


def quoted_path(path: str) -> str:
    """A path that no program takes for an option."""
    return f"./{path}" if path.startswith("-") else path
