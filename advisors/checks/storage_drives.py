"""Checks of the drives beneath models."""

from ...probe.snapshot import Snapshot
from ..finding import NOT_KNOWN, Check, Effect, Verdict, not_applicable, ok, seen, unknown
from .storage_common import holds_models, is_virtual, model_drives, no_drives, no_mounts, rate, sysfs

LANE_BYTES_PER_S = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.56e9}
"""PCI Express: what one lane carries per direction, by generation."""


def _rotational(snapshot: Snapshot) -> Verdict:
    drives = model_drives(snapshot)
    if not drives:
        return no_drives(snapshot)
    real = tuple(d for d in drives if not is_virtual(snapshot, d))
    if not real:
        return not_applicable("the models' disk is virtual: what it says of itself tells nothing of what is beneath")
    evidence = tuple(seen(sysfs(d, "queue/rotational"), int(d.rotational)) for d in real if d.rotational is not None)
    if all(d.rotational is None for d in real):
        return unknown("the kernel does not tell whether the models' disk spins")
    spinning = tuple(d for d in real if d.rotational and d.kind not in ("md", "dm", "network"))
    if not spinning:
        return ok(f"models lie on flash ({', '.join(d.model or d.name for d in real)})", *evidence)
    flash = next((d for d in snapshot.storage.devices if d.kind == "nvme" and not holds_models(snapshot, d)), None)
    return Verdict(
        status="warning",
        what=f"models lie on a spinning disk ({', '.join(d.model or d.name for d in spinning)})",
        evidence=evidence,
        effect=Effect(
            text="loading at 0.15 to 0.28 GB/s: minutes for 40 GB; nothing once the model is in memory",
            basis="rated",
            source="sustained transfer rates in the data sheets of 3.5 inch drives",
        ),
        fix="move the models to a solid-state drive" + (f"; there is {flash.name}" if flash else ""),
    )


def _scheduler(snapshot: Snapshot) -> Verdict:
    drives = tuple(d for d in model_drives(snapshot) if d.kind == "nvme" and d.scheduler is not None)
    if not drives:
        return not_applicable("no NVMe drive beneath the models: other drives' schedulers are best left alone")
    evidence = tuple(seen(sysfs(d, "queue/scheduler"), d.scheduler) for d in drives)
    others = tuple(d for d in drives if d.scheduler != "none")
    if not others:
        return ok("the NVMe drives use no I/O scheduler, the default", *evidence)
    return Verdict(
        status="info",
        what=", ".join(f"{d.name} uses the scheduler {d.scheduler}" for d in others) + "; the kernel's default is none",
        evidence=evidence,
        effect=Effect(text="none known on tokens/s", basis="not known"),
        fix="\n".join(f"echo none | sudo tee {sysfs(d, 'queue/scheduler')}" for d in others),
        undo="\n".join(
            f"echo {d.scheduler} | sudo tee {sysfs(d, 'queue/scheduler')}; "
            f"echo {d.nr_requests} | sudo tee {sysfs(d, 'queue/nr_requests')}"
            for d in others
        ),
    )


def _best(*values: int | None) -> int | None:
    """The best that both ends can do; None where one of them is not known."""
    known = [value for value in values if value is not None]
    return min(known) if known else None


def _pcie_link(snapshot: Snapshot) -> Verdict:
    drives = tuple(d for d in snapshot.storage.devices if d.kind == "nvme" and d.link is not None)
    if not drives:
        return not_applicable("no NVMe drive with a PCI Express link that can be read")
    narrow, notes, evidence = [], [], []
    for d in drives:
        link, slot = d.link, d.slot
        if link is None or link.width_now is None or link.width_max is None:
            continue
        evidence.append(
            seen(f"/sys/bus/pci/devices/{d.pci_address}/current_link_width", f"{link.width_now} of {link.width_max}")
        )
        possible = _best(link.width_max, slot.width_max if slot else None) or link.width_max
        if link.width_now < possible:
            narrow.append((d, link.width_now, possible, link.generation_now or link.generation_max))
        elif link.width_now < link.width_max:
            notes.append(f"{d.name} has x{link.width_now} in a slot of that width, and could use x{link.width_max}")
        speed = _best(link.generation_max, slot.generation_max if slot else None)
        if link.generation_now is not None and speed is not None and link.generation_now < speed:
            notes.append(f"{d.name} runs at Gen{link.generation_now} of Gen{speed}; some links slow down when idle")
    if not evidence:
        return unknown("the widths of the NVMe drives' links could not be read")
    if narrow:
        d, now, possible, generation = narrow[0]
        lane = LANE_BYTES_PER_S.get(generation or 0)
        return Verdict(
            status="warning" if any(holds_models(snapshot, n[0]) for n in narrow) else "info",
            what="; ".join(f"{n[0].name} runs on {n[1]} of {n[2]} lanes that drive and slot have" for n in narrow),
            evidence=tuple(evidence),
            effect=Effect(
                text=f"loading at no more than {rate(lane * now)} instead of {rate(lane * possible)}",
                basis="rated",
                source="PCI Express Base Specification, data rate per lane",
            )
            if lane
            else NOT_KNOWN,
            fix="power off, reseat the drive or its riser, and look for a firmware setting that splits the slot",
        )
    if notes:
        return Verdict(status="info", what="; ".join(notes), evidence=tuple(evidence), effect=NOT_KNOWN)
    return ok(f"all {len(evidence)} NVMe links run at full width", *evidence)


def _layers(snapshot: Snapshot) -> Verdict:
    mapped = tuple(d for d in snapshot.storage.devices if d.kind in ("dm", "md"))
    if not snapshot.storage.mounts:
        return no_mounts(snapshot)
    tops = {m.top_device for m in snapshot.storage.mounts}
    below = tuple(d for d in mapped if d.name in tops)
    if not below:
        return ok("models lie on a plain drive: no mapped device or array between")
    crypt = tuple(
        d for d in mapped if d.layer == "crypt" and (d.name in tops or any(d.name in t.underlying for t in below))
    )
    words = ", ".join(f"{d.mapped_name or d.name} ({d.layer or d.kind})" for d in below)
    evidence = tuple(seen(sysfs(d, "slaves"), " ".join(d.underlying)) for d in below)
    if not crypt:
        return ok(f"models lie on {words}", *evidence)
    return Verdict(
        status="info",
        what=f"models lie on an encrypted device ({words}): loading costs CPU time",
        evidence=evidence,
        effect=NOT_KNOWN,
        fix="cryptsetup benchmark -c aes-xts   # slower than the drive? then weights may lie on a plain partition",
    )


def _numa(snapshot: Snapshot) -> Verdict:
    drives = tuple(d for d in snapshot.storage.devices if d.kind == "nvme" and d.numa_node is not None)
    nodes = {d.numa_node for d in drives}
    if not drives:
        return not_applicable("no NVMe drive whose NUMA node is known")
    evidence = tuple(seen(sysfs(d, "device/numa_node"), d.numa_node) for d in drives)
    words = ", ".join(f"{d.name} on node {d.numa_node}" for d in drives)
    return Verdict(status="info" if len(nodes) > 1 else "ok", what=words, evidence=evidence)


CHECKS = (
    Check(
        id="storage-rotational",
        topic="storage",
        title="Spinning disk",
        why="Loading a model reads it once from end to end, at the speed of the disk.",
        explanation=(
            "Warned of is a real disk that turns beneath a model directory. Virtual disks often call themselves "
            "rotational whatever is beneath, so they are not judged: `doctor --measure` reads them."
        ),
        judge=_rotational,
        sources=("Documentation/ABI/stable/sysfs-block: rotational",),
    ),
    Check(
        id="storage-scheduler",
        topic="storage",
        title="I/O scheduler of NVMe",
        why="NVMe drives order requests themselves, so the kernel uses no scheduler on them by default.",
        explanation=(
            "Told only, for no effect on inference is known. On SATA and virtual disks the scheduler is left alone. "
            "Changing it resets nr_requests and the scheduler's own settings, so the undo sets nr_requests again."
        ),
        judge=_scheduler,
        sources=("Documentation/block/switching-sched.rst",),
    ),
    Check(
        id="storage-pcie-link",
        topic="storage",
        title="NVMe link width",
        why="A drive that trained fewer lanes than it has reads the model that much slower.",
        explanation=(
            "Width is compared with what both the drive and the port above it can do. A lower generation than "
            "possible is told only: links may slow down when idle. A drive in a narrower slot is told, not warned of."
        ),
        judge=_pcie_link,
        sources=("Documentation/ABI/testing/sysfs-bus-pci: current_link_width",),
    ),
    Check(
        id="storage-layers",
        topic="storage",
        title="Layers beneath models",
        why="Encryption and arrays between file system and drive cost CPU time while a model loads.",
        explanation="Mapped devices and arrays under model directories. Only encryption is told.",
        judge=_layers,
        sources=("Documentation/admin-guide/device-mapper/dm-crypt.rst",),
    ),
    Check(
        id="storage-numa",
        topic="storage",
        title="NUMA node of drives",
        why="A file's pages are placed by the CPU that reads them, wherever the drive hangs; so this is for knowing.",
        explanation="The nodes that NVMe drives hang on. No loss by reading across sockets is known that matters.",
        judge=_numa,
    ),
)
