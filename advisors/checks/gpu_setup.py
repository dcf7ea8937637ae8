"""Checks of what stands between a GPU and the programs that would use it: drivers and device nodes."""

from ...probe.gpu.pci import AMD, INTEL, NVIDIA, PCI_DEVICES, DisplayDevice
from ...probe.gpu.setup import DeviceNode
from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Effect, Verdict, not_applicable, ok, seen, unknown

MAXWELL = 0x1340
"""The lowest device id of NVIDIA's Maxwell, the oldest GPUs that CUDA 12 and driver 580 run."""
LOST = Effect(
    text="models run on the CPU: no layer can be offloaded", basis="published", source="llama.cpp docs/build.md"
)
GPU_DRIVERS = {NVIDIA: ("nvidia",), AMD: ("amdgpu",), INTEL: ("i915", "xe")}


def gpu_devices(snapshot: Snapshot) -> tuple[DisplayDevice, ...]:
    """The devices on the bus that are more than a console, of vendors whose GPUs run models."""
    return tuple(d for d in snapshot.display_devices if d.console is None and d.vendor_id in GPU_DRIVERS)


def is_integrated(snapshot: Snapshot, device: DisplayDevice) -> bool | None:
    """Whether a device is part of the processor; None where it cannot be told."""
    found = next((gpu for gpu in snapshot.gpus if gpu.pci_address == device.pci_address), None)
    told = found.integrated if found else None
    return bool(told) if device.vendor_id == NVIDIA else told


def label(snapshot: Snapshot, address: str | None) -> str:
    """A GPU's name and address."""
    name = next((gpu.name for gpu in snapshot.gpus if gpu.pci_address == address), None)
    return f"{name} ({address})" if name else str(address)


def _driver_evidence(device: DisplayDevice) -> str:
    return f"{PCI_DEVICES}/{device.pci_address}/driver"


def _no_driver(snapshot: Snapshot) -> Verdict:
    devices = gpu_devices(snapshot)
    if not devices:
        return not_applicable("no GPU on the PCI bus")
    known = [device for device in devices if device.driver_known]
    if not known:
        return unknown("what was read of this machine does not tell which drivers are bound")
    bare = [device for device in known if device.driver is None]
    if not bare:
        return ok("every GPU has a driver", *(seen(_driver_evidence(d), d.driver) for d in known))
    evidence = tuple(seen(_driver_evidence(device), "no such link") for device in bare)
    names = ", ".join(label(snapshot, device.pci_address) for device in bare)
    # Without its driver an AMD GPU does not tell whether it is a card or part of the processor, unless it has no display.
    cards = [device for device in bare if is_integrated(snapshot, device) is False or _accelerator(device)]
    if not cards:
        amd = any(device.vendor_id == AMD for device in bare)
        return Verdict(
            status="info",
            what=f"no driver runs {names}: a loss if it is a card"
            if amd
            else f"no driver runs the integrated graphics {names}",
            evidence=evidence,
            effect=NOT_KNOWN if amd else None,
            fix=_driver_fix(snapshot, bare[0]) if amd else None,
        )
    return Verdict(
        status="warning",
        what=f"no kernel driver runs {names}: nothing can use it",
        evidence=evidence,
        effect=LOST,
        fix=_driver_fix(snapshot, cards[0]),
    )


def _accelerator(device: DisplayDevice) -> bool:
    """An AMD device of a class that only cards for servers have: display controller without VGA, or accelerator."""
    return device.vendor_id == AMD and device.class_code >> 8 in (0x0380, 0x1200)


def _driver_fix(snapshot: Snapshot, device: DisplayDevice) -> str:
    if device.vendor_id == AMD:
        return "sudo modprobe amdgpu   # if that fails: journalctl -k | grep -i amdgpu (missing firmware, nomodeset)"
    if device.vendor_id == INTEL:
        return "sudo modprobe xe || sudo modprobe i915"
    if any(stack.vendor == "nvidia" and stack.library_error for stack in snapshot.gpu_stacks):
        return "sudo modprobe nvidia   # if that fails: journalctl -k | grep -iE 'nvrm|nvidia|lockdown'"
    distribution = (snapshot.kernel.distribution or "").lower()
    if "ubuntu" in distribution:
        return "sudo ubuntu-drivers install --gpgpu && sudo reboot"
    if "debian" in distribution:
        return "sudo apt install nvidia-driver firmware-misc-nonfree && sudo reboot"
    return "install NVIDIA's driver from the distribution's packages and restart"


def _nouveau(snapshot: Snapshot) -> Verdict:
    devices = [device for device in gpu_devices(snapshot) if device.vendor_id == NVIDIA]
    if not devices:
        return not_applicable("no NVIDIA GPU on the PCI bus")
    held = [device for device in devices if device.driver in ("nouveau", "nova_core")]
    if not held:
        if not any(device.driver_known for device in devices):
            return unknown("what was read of this machine does not tell which drivers are bound")
        return ok("nouveau holds no GPU")
    evidence = tuple(seen(_driver_evidence(device), device.driver) for device in held)
    names = ", ".join(label(snapshot, device.pci_address) for device in held)
    if all((device.device_id or 0) < MAXWELL for device in held):
        return Verdict(status="info", what=f"{names} is older than what today's CUDA runs", evidence=evidence)
    return Verdict(
        status="warning",
        what=f"{held[0].driver} runs {names}: CUDA does not work with it",
        evidence=evidence,
        effect=LOST,
        fix=_driver_fix(snapshot, held[0]),
    )


def _vfio(snapshot: Snapshot) -> Verdict:
    devices = gpu_devices(snapshot)
    if not devices:
        return not_applicable("no GPU on the PCI bus")
    kept = [device for device in devices if device.driver in ("vfio-pci", "pci-stub", "xen-pciback")]
    if not kept:
        return ok("no GPU is set aside for virtual machines")
    names = ", ".join(label(snapshot, device.pci_address) for device in kept)
    return Verdict(
        status="info",
        what=f"{kept[0].driver} keeps {names} for virtual machines: programs here cannot use it",
        evidence=tuple(seen(_driver_evidence(device), device.driver) for device in kept),
    )


def _device_nodes(snapshot: Snapshot) -> Verdict:
    nodes = snapshot.gpu_setup.nodes
    if not gpu_devices(snapshot):
        return not_applicable("no GPU on the PCI bus")
    if nodes is None:
        return unknown("what was read of this machine holds no /dev")
    if not nodes:
        return not_applicable("no GPU has a driver that makes device nodes")
    missing = [node for node in nodes if not node.there and node.path != "/dev/nvidia-uvm"]
    closed = [node for node in nodes if node.openable is False]
    if missing:
        return _missing(snapshot, nodes, missing)
    if closed:
        return _closed(closed)
    there = [node for node in nodes if node.there]
    if any(node.openable is None for node in there):
        return unknown("the nodes are there; whether a user may open them only the machine itself can tell")
    return ok(f"{', '.join(node.path for node in there)} can be opened")


def _missing(snapshot: Snapshot, nodes: tuple[DeviceNode, ...], missing: list[DeviceNode]) -> Verdict:
    evidence = tuple(seen(node.path, "not there") for node in missing[:16])
    paths = ", ".join(node.path for node in missing[:8])
    driver = missing[0].driver
    if snapshot.container.kind not in ("none", "wsl"):
        given = "--gpus all" if driver == "nvidia" else "--device /dev/dri"
        given += " --device /dev/kfd" if driver == "amdgpu" else ""
        return Verdict(
            # Not every container is meant to have the host's GPUs; one that got half of them is.
            status="warning" if any(node.there for node in nodes if node.driver == driver) else "info",
            what=f"the host has GPUs that this container ({snapshot.container.kind}) was not given: no {paths}",
            evidence=evidence,
            effect=LOST,
            fix=f"start the container with {given}",
        )
    if driver == "nvidia":
        return Verdict(
            status="info",
            what=f"{paths} not there yet: the first CUDA program makes them if nvidia-modprobe is installed",
            evidence=evidence,
            fix="sudo nvidia-modprobe -c 0 -u",
        )
    return Verdict(
        status="warning",
        what=f"{driver} is bound, but {paths} is missing",
        evidence=evidence,
        effect=LOST,
        fix="sudo udevadm trigger && ls -l /dev/kfd /dev/dri   # then journalctl -k | grep -iE 'kfd|drm'",
    )


def _closed(closed: list[DeviceNode]) -> Verdict:
    groups = sorted({node.group for node in closed if node.group and node.group != "root"})
    return Verdict(
        status="warning",
        what=f"this user may not open {', '.join(node.path for node in closed[:8])}",
        evidence=tuple(seen(node.path, f"group {node.group or 'not known'}, no read and write") for node in closed),
        effect=LOST,
        fix=f'sudo usermod -aG {",".join(groups)} "$USER"   # then log in again' if groups else None,
        undo=" && ".join(f'sudo gpasswd -d "$USER" {group}' for group in groups) or None,
    )


def _suspended(snapshot: Snapshot) -> Verdict:
    devices = gpu_devices(snapshot)
    told = [device for device in devices if device.runtime_status]
    if not devices:
        return not_applicable("no GPU on the PCI bus")
    if not told:
        return unknown("the kernel does not tell whether the GPU sleeps")
    asleep = [device for device in told if device.runtime_status == "suspended"]
    if not asleep:
        return ok("no GPU sleeps")
    names = ", ".join(label(snapshot, device.pci_address) for device in asleep)
    return Verdict(
        status="info",
        what=f"{names} sleeps and was left asleep: its load and temperature were not read; it wakes when used",
        evidence=tuple(seen(f"{PCI_DEVICES}/{d.pci_address}/power/runtime_status", "suspended") for d in asleep),
        fix="nvidia-smi; llmtune doctor   # to have it read too: the first command wakes it for some seconds"
        if all(device.vendor_id == NVIDIA for device in asleep)
        else None,
    )


def _unified(snapshot: Snapshot) -> Verdict:
    unified = snapshot.gpu_setup.unified
    if unified is None:
        return not_applicable("no GPU that shares the CPU's memory is known here")
    evidence = seen(unified.source, unified.kind)
    if unified.own_gpu_memory:
        what = f"{unified.kind}: the GPU has memory of its own and reaches the CPU's over NVLink-C2C"
    elif any(gpu.integrated is False for gpu in snapshot.gpus):
        what = f"{unified.kind} shares the machine's memory, beside a GPU with memory of its own"
    else:
        what = f"{unified.kind}: models and programs share one memory; sizes count against the machine's RAM"
    return Verdict(status="info", what=what, evidence=(evidence,))


CHECKS = (
    Check(
        id="gpu-no-driver",
        topic="gpu",
        title="GPU drivers",
        why="A GPU without a kernel driver is invisible to CUDA, ROCm, SYCL and Vulkan; the model falls back to the CPU.",
        explanation=(
            "Every display device (PCI class 03) and processing accelerator (class 1200) of NVIDIA, AMD and Intel "
            "needs a driver bound in sysfs. Management controllers and the displays of virtual machines are no GPUs. "
            "Integrated graphics without a driver, and AMD devices beside another working GPU (they may be the "
            "processor's graphics, switched off on purpose), are only told. Do not act if the card is kept off "
            "on purpose."
        ),
        judge=_no_driver,
        sources=("Documentation/ABI/testing/sysfs-bus-pci: driver",),
    ),
    Check(
        id="gpu-nouveau",
        topic="gpu",
        title="nouveau",
        why="The free nouveau driver drives displays; CUDA needs NVIDIA's own kernel modules.",
        explanation=(
            "Warned about where nouveau or nova is bound to an NVIDIA GPU of Maxwell (2014) or later. Older ones are "
            "only told: current CUDA does not run them. Vulkan works over nouveau (NVK), much slower than CUDA; no "
            "figure is claimed. Do not act on a card that only drives displays."
        ),
        judge=_nouveau,
        sources=("NVIDIA CUDA Installation Guide for Linux: Disabling Nouveau",),
    ),
    Check(
        id="gpu-vfio",
        topic="gpu",
        title="GPUs for virtual machines",
        why="A GPU bound to vfio-pci belongs to virtual machines; programs on this machine cannot use it.",
        explanation="Told, never warned about: binding a GPU to vfio-pci is always done on purpose.",
        judge=_vfio,
        sources=("Documentation/driver-api/vfio.rst",),
    ),
    Check(
        id="gpu-device-nodes",
        topic="gpu",
        title="GPU device nodes",
        why="Programs reach a GPU through files in /dev; where these are missing or closed, the model runs on the CPU.",
        explanation=(
            "Looked for: /dev/kfd and the render nodes of amdgpu, the render nodes of i915 and xe, /dev/nvidia*. "
            "Whether this user may open them is asked of the kernel, access lists included. NVIDIA's nodes are made "
            "by nvidia-modprobe on first use, so outside containers their absence is only told. A container without "
            "any of the host's nodes is told, one with a part of them warned about."
        ),
        judge=_device_nodes,
        sources=(
            "ROCm installation prerequisites: render and video groups",
            "NVIDIA driver README, chapter 'Configuring device nodes'",
        ),
    ),
    Check(
        id="gpu-suspended",
        topic="gpu",
        title="Sleeping GPUs",
        why="A sleeping GPU wakes by itself when used; asking it for its temperature would wake it for nothing.",
        explanation="Told so that missing figures are understood. Nothing is wrong; a first command can wake the GPU.",
        judge=_suspended,
        sources=("Documentation/ABI/testing/sysfs-devices-power: runtime_status",),
    ),
    Check(
        id="gpu-unified-memory",
        topic="gpu",
        title="Unified memory",
        why="Where CPU and GPU share one memory, a model counts against RAM, and copying layers `to the GPU` gains no room.",
        explanation=(
            "Known: NVIDIA GB10 and Jetson, AMD's APUs (Strix Halo among them) and MI300A, Intel's integrated graphics. "
            "Grace Hopper and Grace Blackwell are told apart: there the GPU also has memory of its own. On AMD's APUs "
            "the memory set aside in the firmware is not the limit; the driver may map much of the rest (GTT)."
        ),
        judge=_unified,
        sources=("LLVM, User Guide for AMDGPU Backend: processors", "drivers/gpu/drm/amd/amdkfd"),
    ),
)
