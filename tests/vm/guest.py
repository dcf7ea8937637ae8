"""A machine of our own under QEMU: a real kernel with NUMA nodes, NVMe disks, and a plug that can be pulled."""

import contextlib
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vm.prepare import HERE, prepare

_PATIENCE = 240
"""Seconds until a guest that says nothing is given up: many times what it takes under emulation."""


class GuestFailed(Exception):
    """A guest did not do what it was asked for."""


@dataclass(frozen=True)
class Done:
    """What became of one command in a guest."""

    code: int
    out: str


class Guest:
    """A running guest. `run` gives it a command; leaving the `with` block ends it."""

    def __init__(
        self, *, nodes: int = 1, cpus: int = 2, node_mib: int = 768, disk: Path | None = None, systemd: bool = False
    ) -> None:
        parts = prepare()
        self.job = Path(tempfile.mkdtemp(prefix="llmtune-guest-"))
        shutil.copy(HERE / "agent", self.job)
        shutil.copy(parts.stall, self.job)
        self.command = parts.llmtune
        self._number = 0
        self._heard = b""
        with (self.job / "scratch.img").open("wb") as file:
            file.truncate(64 << 20)
        words = ["console=ttyS0", "panic=-1", "mitigations=off", f"vm.modules={parts.modules}"]
        words += ["vm.systemd", "systemd.show_status=no"] if systemd else []
        words += ["vm.kept=nvme1n1"] if disk else []
        line = self.job / "line"
        command = [
            # A test run that is killed leaves no guest behind.
            *("setpriv", "--pdeathsig", "KILL", "--"),
            *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-nodefaults", "-no-reboot"),
            *("-display", "none", "-kernel", str(parts.kernel), "-initrd", str(parts.initramfs)),
            *("-append", " ".join(words), "-m", f"{node_mib * nodes}M"),
            *("-smp", f"{cpus * nodes},sockets={nodes},cores={cpus},threads=1"),
            *("-serial", f"file:{self.job}/console"),
            *("-chardev", f"socket,id=line,path={line},server=on,wait=off", "-serial", "chardev:line"),
            *_share("host", "/", "readonly=on,multidevs=remap"),
            *_share("job", str(self.job)),
            *_nvme("SCRATCH", self.job / "scratch.img"),
            *(_nvme("KEPT", disk) if disk else ()),
        ]
        for node in range(nodes):
            command += ["-object", f"memory-backend-ram,id=memory{node},size={node_mib}M"]
            command += ["-numa", f"node,nodeid={node},cpus={node * cpus}-{node * cpus + cpus - 1},memdev=memory{node}"]
        with (self.job / "qemu").open("wb") as errors:
            self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        try:
            self._line = self._connect(str(line))
            self._hear("ready")
        except BaseException:
            self.cut_power()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_power()
        shutil.rmtree(self.job, ignore_errors=True)

    def run(self, script: str) -> Done:
        """Run a bash script as root and wait for its end; both its outputs come back as one text."""
        self._send(script)
        said = self._hear("done")
        return Done(int(said.split()[2]), (self.job / f"{self._number}.out").read_text(errors="replace"))

    def sh(self, script: str) -> str:
        """`run`, for what must go well."""
        done = self.run(script)
        if done.code != 0:
            raise GuestFailed(f"{script}\nexit code {done.code}\n{done.out}")
        return done.out

    def llmtune(self, arguments: str, code: int = 0) -> str:
        """Run llmtune, which must end with this exit code."""
        done = self.run(f"{self.command} {arguments}")
        if done.code != code:
            raise GuestFailed(f"llmtune {arguments}\nexit code {done.code} instead of {code}\n{done.out}")
        return done.out

    def llmtune_until_stalled(self, arguments: str, on: str, *, without_fsync: bool = False) -> None:
        """Run llmtune until a step whose description holds the text `on`, and leave it there: see stall.c."""
        more = "NO_FSYNC=1 " if without_fsync else ""
        preload = f"{more}STALL_ON={shlex.quote(on)} LD_PRELOAD=/mnt/job/stall.so"
        self.sh(f"{{ {preload} {self.command} {arguments}; echo stalled never >/dev/ttyS1; }} >/tmp/stalled 2>&1 &")
        told = self._hear("stalled")
        if on not in told:
            raise GuestFailed(f"{told!r} instead of {on!r}\n{self.run('cat /tmp/stalled').out}")

    def cut_power(self) -> None:
        """Pull the plug: what did not reach the disk is lost."""
        if self._qemu.poll() is None:
            self._qemu.send_signal(signal.SIGKILL)
        self._qemu.wait()
        if hasattr(self, "_line"):
            self._line.close()

    def shut_down(self, script: str = "sync; umount /layer 2>/dev/null; sync; echo o >/proc/sysrq-trigger") -> None:
        """Shut it down in good order."""
        self._send(script)
        self._qemu.wait(_PATIENCE)

    def _send(self, script: str) -> None:
        self._number += 1
        (self.job / f"{self._number}.command").write_text(script)
        self._line.sendall(f"{self._number}\n".encode())

    def _connect(self, path: str) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                line.connect(path)
                return line
            if self._qemu.poll() is not None or time.monotonic() > until:
                raise GuestFailed(f"QEMU did not start: {(self.job / 'qemu').read_text(errors='replace')}")
            time.sleep(0.02)

    def _hear(self, start: str) -> str:
        """The next line that the guest says; it must start so."""
        until = time.monotonic() + _PATIENCE
        while b"\n" not in self._heard:
            readable, _, _ = select.select([self._line], [], [], max(0, until - time.monotonic()))
            told = b""
            with contextlib.suppress(ConnectionResetError):
                told = self._line.recv(4096) if readable else b""
            if not told:
                raise GuestFailed(f"the guest fell silent; QEMU and the console end so:\n{self._told()}")
            self._heard += told
        line, _, self._heard = self._heard.partition(b"\n")
        text = line.decode(errors="replace").strip()
        if not text.startswith(start):
            out = self.job / f"{self._number}.out"
            shown = out.read_text(errors="replace") if out.exists() else ""
            raise GuestFailed(f"the guest said {text!r} where {start!r} was awaited\n{shown}")
        return text

    def _told(self) -> str:
        files = (self.job / "qemu", self.job / "console")
        return "\n".join(file.read_text(errors="replace")[-2000:] for file in files if file.exists())


def make_disk(path: Path) -> Path:
    """An empty ext4 disk that a guest keeps its files on, from one boot to the next."""
    with path.open("wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(path)], check=True)
    return path


def _share(name: str, path: str, options: str = "") -> list[str]:
    more = f",{options}" if options else ""
    quoted = path.replace(",", ",,")
    return [
        *("-fsdev", f"local,id={name},path={quoted},security_model=none{more}"),
        *("-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"),
    ]


def _nvme(serial: str, image: Path) -> list[str]:
    drive = f"file={str(image).replace(',', ',,')},if=none,id={serial},format=raw"
    return ["-drive", drive, "-device", f"nvme,serial={serial},drive={serial}"]
