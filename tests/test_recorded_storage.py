"""Block devices of recorded machines against what lsblk and libnvme say of them."""

import json
import re

import pytest
from recorded import expected_answers, machine_host, readable_machines

from llmtune.probe.storage import probe_storage

LSBLK = [name for name in readable_machines() if name.startswith("util-linux-lsblk")]
LIBNVME = [name for name in readable_machines() if name.startswith("libnvme")]


def table(machine: str, title: str) -> dict[str, dict[str, str]]:
    """lsblk's table of whole disks: name -> column -> cell; cells are cut where the headings' columns end."""
    text = next(t for name, t in expected_answers(machine).items() if name.endswith(f"-{title}.txt"))
    head, *rows = text.splitlines()
    names = head.split()
    found = {}
    for row in rows:
        if row[:1].isalnum():
            cells = row.split()
            # The parent's cell is empty, so the last column is counted from the end.
            found[cells[0]] = dict(zip(names, cells, strict=False)) | {names[-1]: cells[-1]}
    return found


@pytest.mark.parametrize("machine", LSBLK)
def test_equals_lsblk(machine: str) -> None:
    devices = {d.name: d for d in probe_storage(machine_host(machine)).devices}
    basic, state, topology, queue = (table(machine, title) for title in ("basic", "state", "topo", "rw"))
    assert set(devices) == set(basic)
    for name, device in devices.items():
        size = re.fullmatch(r"([0-9.]+)([MGT])", basic[name]["SIZE"])
        assert size
        assert device.size_bytes is not None
        unit = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[size[2]]
        assert device.size_bytes / unit == pytest.approx(float(size[1]), abs=0.06)
        assert device.device_number == basic[name]["MAJ:MIN"]
        assert device.removable == (basic[name]["RM"] == "1")
        assert device.state == state[name]["STATE"]
        assert device.rotational == (state[name]["ROTA"] == "1")
        assert device.read_only == (state[name]["RO"] == "1")
        assert (device.kind == "rom") == (basic[name]["TYPE"] == "rom")
        assert device.logical_block_bytes == int(topology[name]["LOG-SEC"])
        assert device.physical_block_bytes == int(topology[name]["PHY-SEC"])
        assert device.nr_requests == int(topology[name]["RQ-SIZE"])
        assert device.scheduler == state[name]["SCHED"]
        assert device.read_ahead_bytes == int(queue[name]["RA"]) * 1024
        rows = next(t for title, t in expected_answers(machine).items() if title.endswith("-basic.txt"))
        assert set(device.partitions) == set(re.findall(rf"^[|`]-({name}p?\d+)", rows, re.MULTILINE))


@pytest.mark.parametrize("machine", LSBLK)
def test_models_begin_as_lsblks(machine: str) -> None:
    text = next(t for name, t in expected_answers(machine).items() if name.endswith("-vendor.txt"))
    for device in probe_storage(machine_host(machine)).devices:
        row = next(line for line in text.splitlines() if line.startswith(f"{device.name} "))
        assert device.model is not None
        # Without udev the kernel's own model is what there is: cut off, and with spaces.
        words = row.replace("_", " ").upper()
        assert device.kind == "rom" or device.model.replace("_", " ").upper() in words


def namespaces(answer: object) -> dict[str, set[str]]:
    """Namespace -> PCI addresses of the controllers that reach it, anywhere in libnvme's JSON."""
    found: dict[str, set[str]] = {}
    if isinstance(answer, list):
        for part in answer:
            found |= namespaces(part)
    elif isinstance(answer, dict):
        name = answer.get("name", "")
        if isinstance(name, str) and re.fullmatch(r"nvme\d+n\d+", name):
            found[name] = set(re.findall(r'"traddr": "([^"]+)"', json.dumps(answer)))
        else:
            for part in answer.values():
                found |= namespaces(part)
    return found


@pytest.mark.parametrize("machine", [m for m in LIBNVME if "tree" in m])
def test_namespaces_equal_libnvmes_tree(machine: str) -> None:
    text = next(t for name, t in expected_answers(machine).items() if name.endswith(".out"))
    expected = namespaces(json.loads(text))
    devices = {d.name: d for d in probe_storage(machine_host(machine)).devices}
    assert set(devices) == set(expected)
    for name, addresses in expected.items():
        assert devices[name].pci_address in addresses


@pytest.mark.parametrize("machine", readable_machines())
def test_every_machine_is_read(machine: str) -> None:
    host = machine_host(machine)
    for device in probe_storage(host).devices:
        assert device.name
        assert device.kind
        assert device.size_bytes is None or device.size_bytes >= 0
    assert not [gap for gap in host.gaps if gap.reason == "malformed"]
