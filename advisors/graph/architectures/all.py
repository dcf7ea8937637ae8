"""Architecture name to graph."""

from ....probe.model.types import Model
from ..graph import Graph
from .style import STYLES, Style
from .transformer import transformer


def is_known(model: Model) -> bool:
    """Whether the architecture's graph is known, not guessed."""
    return model.shape.architecture in STYLES


def build(graph: Graph) -> None:
    """The nodes of one run."""
    transformer(graph, STYLES.get(graph.arch, Style()))
