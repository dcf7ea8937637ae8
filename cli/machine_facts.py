"""What samples are judged against: read once, beside the first samples, and again when servers come or go."""

from ..advisors.bottleneck.facts import Facts
from ..probe.host import Host


def facts_of(host: Host) -> Facts:
    """The machine's peaks and its servers' models. Takes a fraction of a second: not for an event loop."""
    from ..advisors.bottleneck.from_snapshot import facts_from
    from ..probe.served_models import read_served_models
    from ..probe.snapshot import take_snapshot
    from .kept_measurements import with_kept

    snapshot = take_snapshot(host, disk_interval_s=0.0)
    if host.live:
        snapshot = with_kept(snapshot)
    models = read_served_models(host, snapshot.engines.servers or (), snapshot.storage.devices)
    return facts_from(snapshot, models)
