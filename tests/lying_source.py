# ruff: noqa: E501
"""A machine that answers every question, mostly nonsense; always the same for the same seed."""

import random

from llmtune.probe.host import Answer, Json, Question
from llmtune.probe.reading import GapReason, Unreadable

TEXTS = [
    "", "\n", "0", "1", "-1", "2", "7", "N/A", "max", "(null)", "none", "unknown", "yes", "0x10de", "0-3", "0-3,8", "3-0", "0,",
    "0-1,4294967295", "00000000,0000000f", "f" * 400, "9" * 19, "9" * 25, "9" * 5000, "1e999", "nan", "-0", "  5  \0\0", "5 kB",
    "100000 100000", "max 100000", "some avg10=0.00 avg60=x", "some avg10=1.5 avg60=2.0 avg300=3.0 total=99\nfull avg10=-1 total=",
    "always [madvise] never", "[] []", "[always", "10 20", "10 21 21", "performance powersave", "8.0 GT/s PCIe", "16.0 GT/s", "x16",
    "processor\t: 0\nflags\t: avx2\n\nprocessor\t: 99999999999\n", "processor : 1\nphysical id : -1\ncore id : x\n",
    "MemTotal: 99999999999999999999 kB\nMemFree: -5 kB\nHugePages_Total: x\n", "MemTotal:\n:::\n",
    "12:cpu,cpuacct:/a\n0::/../../x\n", "0::/\n", "0::\n", "36 25 0:32 / /data rw - ext4 /dev/sda1 rw\n", "36 25 - - -\n",
    "cpu 1 2 3\ncpu0 9 9\nctxt\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 0 sda\n", "Linux version 6.99.99-x (a@b) #1", "quiet isolcpus=0-",
    "level 99\x1b[31mred\x1b[0m\u202e", "é" * 300, "\t\t\t", "a=b\nc", "{}", "[1]", '{"data": [{"id": 5}], "models": 7}', "[" * 500,
    "DRIVER=nvidia\nPCI_ID=10DE:2684\nPCI_SLOT_NAME=0000:01:00.0", "-2147483648", "4096", "65535", "1048576", "18446744073709551615",
    "S:10 T:20", "0: 210Mhz *\n1: 2100Mhz\n", "Filename Type Size Used Priority\n/dev/zram0 partition 9 x -2\n", "0.5 1 2 3/x 4",
]  # fmt: skip
NAMES = [
    "cpu0", "cpu1", "cpu99999999", "node0", "node1", "policy0", "sda", "nvme0n1", "nvme0", "nvme0c0n1", "dm-0", "md0", "zram0", "card0", "card1",
    "renderD128", "0000:01:00.0", "0000:ff:1f.7", "hwmon0", "hwmon1", "thermal_zone0", "BAT0", "AC", "index0", "index1", "state0", "state1",
    "hugepages-2048kB", "hugepages-xkB", "hugepages-1048576kB", "cpu_capacity", "1", "2", "4711", "nodes", "0", "lo", "eth0", "tile0", "gt0",
    "freq0", "models--a--b", "snapshots", "blobs", "x.gguf", "model.safetensors", "a b", "..", "", "x" * 255, "\u202egnp", "99-local.conf",
    "ollama", "llama-server", "libopenblas.so.0", "nvidia", "amdgpu", "ip_link", "mem_info_vram_total", "temp1_input", "power1_average", "0-1",
]  # fmt: skip
REASONS: list[GapReason] = ["missing", "missing", "missing", "denied", "malformed", "timed out", "not asked"]


class LyingSource:
    """A source of lies."""

    live = False

    def __init__(self, seed: int, silence: float) -> None:
        self.name = f"liar {seed}"
        self.seed = seed
        self.silence = silence

    def ask(self, question: Question) -> Answer:
        dice = random.Random(f"{self.seed} {question!r}")
        if dice.random() < self.silence:
            raise Unreadable(dice.choice(REASONS), "no\n\x1b[1manswer")
        kind = question[0]
        if kind in ("read", "span"):
            return self._bytes(dice)
        if kind == "list":
            return [] if len(str(question[1])) > 200 else [*dice.sample(NAMES, dice.randrange(12))]
        if kind in ("link", "resolve", "command", "http", "environment"):
            return dice.choice(
                [
                    *TEXTS,
                    "/",
                    "/home/x",
                    "../../a",
                    "../../../bus/pci/drivers/nvidia",
                    "/sys/block/sda",
                    "/sys/block/sda/sda1",
                ]
            )
        if kind == "stat":
            return {
                "kind": dice.choice(["file", "directory", "block", "other"]),
                "size": dice.choice([0, 1, 10**19]),
                "uid": dice.choice([0, 1000, -1]),
                "mode": 0o777,
                "device": dice.choice(["8:0", "0:32", ":", "x"]),
                "rdev": dice.choice(["8:0", "259:0", ""]),
            }
        if kind == "space":
            return {
                "total_bytes": dice.choice([0, 10**12]),
                "free_bytes": dice.choice([0, -1, 5]),
                "available_bytes": dice.choice([0, 10**25]),
            }
        if kind in ("clock", "wait"):
            return dice.choice([0.0, 5.5, -1.0, 1e300, None, "x"])
        if kind == "processes":
            return [*(1, 4711, -5, 10**12)[: dice.randrange(5)]]
        if kind == "counts":
            return [dice.choice([0, 1, 10**9]) for _ in question[4:]]
        return self._json(dice, 0)

    def _bytes(self, dice: random.Random) -> bytes:
        if dice.random() < 0.1:
            return dice.randbytes(dice.choice([1, 4, 32, 300]))
        text = dice.choice(TEXTS).encode()
        return text[: dice.randrange(len(text) + 1)] if dice.random() < 0.1 else text

    def _json(self, dice: random.Random, depth: int) -> Json:
        roll = dice.random()
        if depth < 4 and roll < 0.25:
            return [self._json(dice, depth + 1) for _ in range(dice.randrange(4))]
        if depth < 4 and roll < 0.5:
            keys = [
                "total",
                "used",
                "free",
                "pid",
                "usedGpuMemory",
                "ID_SERIAL",
                "ID_MODEL",
                "gpu",
                "memory",
                "flags",
                "brand_raw",
                "/devices/x",
                "bus",
            ]
            return {dice.choice(keys): self._json(dice, depth + 1) for _ in range(dice.randrange(6))}
        if roll < 0.75:
            return dice.choice([0, 1, 2, 8, -1, 10**9, 10**25, 255, 2**64 - 1])
        return dice.choice([*TEXTS, None, True, 0.5, -3.25, 1e300])
