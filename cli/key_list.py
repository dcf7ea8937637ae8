"""What `llmtune profiles --keys` prints: every setting that can be applied, with what it takes."""

import json

import click

from ..tuners.knobs.catalogue import known_keys, resolve
from ..tuners.knobs.kernel_file import FileKnob, Tree
from ..tuners.knobs.values import Bracketed, Integer, Word
from . import exit_codes

_EXAMPLES = {
    "DEVICE": "sda",
    "PARAMETER": "read_expire",
    "POLICY": "policy0",
    "CPU.STATE": "cpu0.state1",
    "SIZE": "2048",
    "NODE": "node0",
    "ADDRESS": "0000:00:00.0",
}
_NOWHERE = Tree("/nonexistent")
"""Ranges are of the setting, not of this machine."""
_TOLD = {
    "cpu.latency_us": "1 to 10000 us, or none",
    "cpu.governor@POLICY": "one of scaling_available_governors",
    "cpu.energy_preference@POLICY": "one of energy_performance_available_preferences",
    "memlock@UNIT.service": "infinity, bytes, or absent",
    "memlock@user:NAME": "infinity, bytes, or absent",
    "nvidia.graphics_clocks_mhz@GPU": "MIN,MAX in MHz, or unlocked",
    "nvidia.persistence@GPU": "on or off",
    "nvidia.power_limit_w@GPU": "watts, within the card's own limits",
    "process.cpus@PID": "CPUs, such as 0-7,16",
    "process.nice@PID": "-20 to 19",
    "process.io_class@PID": "none, realtime, best-effort or idle",
    "swap.priority@PATH": "a number; the highest is used first",
}


def list_keys(form: str) -> int:
    """Each key with its range."""
    rows = [{"key": key, "takes": what_it_takes(key)} for key in known_keys()]
    if form == "json":
        click.echo(json.dumps({"schema_version": 1, "keys": rows}, indent=2))
        return exit_codes.OK
    width = max(len(row["key"]) for row in rows)
    for row in rows:
        click.echo(f"{row['key']:{width}}  {row['takes']}")
    click.echo("\nWithout its @DEVICE a key stands for every device: --set cpu.governor=performance.")
    return exit_codes.OK


def what_it_takes(key: str) -> str:
    """The values of a key, in words."""
    if key in _TOLD:
        return _TOLD[key]
    example = key
    for placeholder, name in _EXAMPLES.items():
        example = example.replace(placeholder, name)
    knob = resolve(example, _NOWHERE)
    values = knob.values if isinstance(knob, FileKnob) else None
    if isinstance(values, Integer):
        return f"{values.low} to {values.high} {values.unit}".rstrip()
    if isinstance(values, Bracketed):
        return "one of those that the kernel lists there"
    if isinstance(values, Word) and values.choices:
        return " or ".join(values.choices)
    raise AssertionError(f"{key}: what it takes is not told")
