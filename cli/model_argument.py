"""The MODEL argument of commands."""

import os

from ..probe.host import Host
from ..probe.model.fault import BadModel
from ..probe.model.locate import open_model
from ..probe.model.types import Model
from .common import InputError


def read_model(host: Host, reference: str) -> Model:
    """The model of a path, a name of Ollama's or a Hub id; raises `InputError`.

    A recording seldom holds a model: one that lies on this machine is read here, whatever machine is asked about.
    """
    path = os.path.abspath(os.path.expanduser(reference)) if "\0" not in reference else reference
    try:
        if not host.live and reference.startswith("/") and host.exists(reference):
            return open_model(host, reference)
        if reference.startswith((".", "~")) or os.path.lexists(path):
            return open_model(host if host.live else this_machine(), path)
        return open_model(host, reference)
    except BadModel as fault:
        raise InputError(str(fault)) from None


def this_machine() -> Host:
    """The machine llmtune runs on."""
    from ..probe.live import LiveSource

    return Host(LiveSource())
