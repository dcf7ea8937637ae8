"""`--measure`: the snapshot with bandwidths that were measured now."""

import click

from ..probe.host import Host
from ..probe.measure.measure import measure
from ..probe.snapshot import Snapshot
from ..reports.escape import printable


def measured(host: Host, snapshot: Snapshot, *, quiet: bool) -> Snapshot:
    """Measure (some seconds), telling on stderr what is being done."""

    def tell(line: str) -> None:
        if not quiet:
            click.echo(f"llmtune: {printable(line)}", err=True)

    found = snapshot.model_copy(update={"measured": tuple(measure(host, snapshot, tell))})
    if host.live:
        from .kept_measurements import keep

        keep(found)
    return found
