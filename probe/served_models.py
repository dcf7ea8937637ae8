"""The models that running servers hold: their headers, and the drives that they lie on."""

from typing import NamedTuple

from .block_devices import Device
from .host import Host
from .model.fault import BadModel
from .model.locate import open_model
from .model.types import Model
from .servers import Server
from .storage import drive_of

MAX_MODELS = 8
"""Different ones. A header of many shards takes a tenth of a second."""


class ServedModel(NamedTuple):
    """The model of one server."""

    model: Model
    drive: str | None


def read_served_models(host: Host, servers: tuple[Server, ...], devices: tuple[Device, ...]) -> dict[int, ServedModel]:
    """Process -> its model; a server whose model cannot be read is left out. No more than headers are read."""
    read: dict[str, ServedModel | None] = {}
    found: dict[int, ServedModel] = {}
    for server in servers:
        reference = server.model
        if reference is None:
            continue
        if reference not in read and len(read) < MAX_MODELS:
            read[reference] = _read(host, reference, devices)
        served = read.get(reference)
        if served is not None:
            found[server.pid] = served
    return found


def _read(host: Host, reference: str, devices: tuple[Device, ...]) -> ServedModel | None:
    try:
        model = open_model(host, reference)
    except BadModel:
        return None
    files = [part.path for part in model.files] or [model.path]
    return ServedModel(model, drive_of(host, files[0], devices))
