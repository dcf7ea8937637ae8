"""The list of all that llmtune may write: a key that is not found here is refused, wherever it comes from.

A key is `name` or `name@scope`; without its scope a key of devices stands for all of them.
"""

from collections.abc import Callable

from . import block, cpu, hugepages, latency, nvidia, pci, processes, swap, sysctl, system_files, thp
from .kernel_file import LIVE, Tree, printable_value
from .knob import Knob, Refused

_MAKERS: tuple[Callable[[str, str | None, Tree], Knob | None], ...] = (
    sysctl.sysctl_knob,
    thp.thp_knob,
    hugepages.hugepage_knob,
    block.block_knob,
    cpu.cpu_knob,
    latency.latency_knob,
    pci.pci_knob,
    nvidia.nvidia_knob,
    processes.process_knob,
    swap.swap_knob,
    system_files.system_file_knob,
)
_SCOPES: dict[str, Callable[[Tree], list[str]]] = {
    "block.": block.devices,
    "cpu.idle_disable": cpu.idle_states,
    "cpu.": cpu.policies,
    "pci.runtime_power": pci.devices,
    "nvidia.": nvidia.gpus,
}
_UNSCOPED = frozenset({"cpu.boost", latency.KEY, "pci.aspm_policy"})
_COUPLED: dict[str, Callable[[str, Tree], tuple[str, ...]]] = {
    "thp.": thp.thp_coupled,
    "vm.min_free_kbytes": thp.thp_coupled,
    "vm.": sysctl.sysctl_coupled,
    "hugepages.": hugepages.hugepage_coupled,
    "block.": block.block_coupled,
    "cpu.": cpu.cpu_coupled,
    "nvidia.": nvidia.nvidia_coupled,
}
"""By the start of the key; the first that fits counts."""


class NoDevice(Refused):
    """A key of devices, of which there is none. The message is one line."""


def resolve(key: str, tree: Tree = LIVE) -> Knob:
    """The knob of one full key; raises `Refused` for what is not on the list."""
    name, at, scope = key.partition("@")
    for make in _MAKERS:
        knob = make(name, scope if at else None, tree)
        if knob is not None:
            return knob
    wanting = next((known for known in known_keys() if known.startswith(f"{name}@")), None)
    if wanting is not None and not at:
        raise Refused(f"{printable_value(key)}: say of what, as in {wanting}")
    raise Refused(f"{printable_value(key)}: llmtune does not know this setting; 'llmtune profiles --keys' lists them")


def expand(key: str, tree: Tree = LIVE) -> list[str]:
    """The full keys that a key stands for: itself, or one for each device; raises `Refused`."""
    scopes = next((found for start, found in _SCOPES.items() if key.startswith(start)), None)
    if scopes is None or "@" in key or key in _UNSCOPED:
        return [resolve(key, tree).key]
    found = [f"{key}@{scope}" for scope in scopes(tree)]
    if not found:
        raise NoDevice(f"{printable_value(key)}: this machine has no device with such a setting")
    return [resolve(full, tree).key for full in found]


def coupled(key: str, tree: Tree = LIVE) -> tuple[str, ...]:
    """The keys that change together, `key` among them, in the order in which they are to be written."""
    find = next((found for start, found in _COUPLED.items() if key.startswith(start)), None)
    return (key,) if find is None else find(key, tree)


def known_keys() -> list[str]:
    """Every key, with `@...` where it wants a device, sorted."""
    devices = [f"{key}@DEVICE" for key in block.KEYS] + ["block.iosched.PARAMETER@DEVICE"]
    clocks = [f"{key}@POLICY" for key in cpu.POLICY_KEYS] + ["cpu.boost", "cpu.idle_disable@CPU.STATE"]
    pools = ["hugepages.SIZEkB", "hugepages.SIZEkB@NODE"]
    others = [
        latency.KEY,
        "pci.aspm_policy",
        "pci.runtime_power@ADDRESS",
        *nvidia.KEYS,
        *processes.KEYS,
        *swap.KEYS,
        *system_files.KEYS,
    ]
    return sorted([*sysctl.RANGES, *thp.KEYS, *devices, *clocks, *pools, *others])
