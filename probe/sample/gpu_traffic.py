"""What goes in and out of one NVIDIA GPU: over PCIe, over NVLink and to its memory.

Three ways to the PCIe rate, the cheapest that the GPU has: byte counters (NVML_FI_DEV_PCIE_COUNT_*), GPM, and
nvmlDeviceGetPcieThroughput, which blocks while it counts.
"""

import time
from typing import NamedTuple

from ..gpu.nvml_gpu import ALL_LINKS, Field, NvmlGpu

PCIE_TX, PCIE_RX = (197, 0), (198, 0)
NVLINK_TX_KIB, NVLINK_RX_KIB = (138, ALL_LINKS), (139, ALL_LINKS)
FIELDS = (PCIE_TX, PCIE_RX, NVLINK_TX_KIB, NVLINK_RX_KIB)
LINKS = range(18)
LINK_TX, LINK_RX = [(202, link) for link in LINKS], [(204, link) for link in LINKS]
"""Bytes of each link, since NVLink 5 (Blackwell), where the counters of all links together are gone."""
GPM_DRAM, GPM_PCIE_TX, GPM_PCIE_RX = 10, 20, 21
THROUGHPUT_TX, THROUGHPUT_RX = 0, 1
BLOCKING_SECONDS = 1.9


class TrafficMoment(NamedTuple):
    """Rates since the last reading, and NVLink's counters."""

    dram_percent: float | None
    pcie_rx_bytes_per_s: int | None
    pcie_tx_bytes_per_s: int | None
    nvlink_rx_bytes: int | None
    nvlink_tx_bytes: int | None


class Traffic:
    """Remembers what a rate needs."""

    def __init__(self) -> None:
        self._before: tuple[float, int, int] | None = None
        self._asked_at = float("-inf")
        self._blocking: tuple[int | None, int | None] = (None, None)

    def read(self, gpu: NvmlGpu) -> TrafficMoment:
        """Now."""
        counters = gpu.fields(FIELDS)
        shares = gpu.gpm((GPM_DRAM, GPM_PCIE_TX, GPM_PCIE_RX))
        if PCIE_TX in counters and PCIE_RX in counters:
            rx, tx = self._rates(counters[PCIE_RX], counters[PCIE_TX])
        elif GPM_PCIE_RX in shares and GPM_PCIE_TX in shares:
            rx, tx = int(shares[GPM_PCIE_RX] * (1 << 20)), int(shares[GPM_PCIE_TX] * (1 << 20))
        elif shares or not gpu.has_gpm:
            rx, tx = self._throughput(gpu)
        else:  # The first sample of two.
            rx = tx = None
        dram = shares.get(GPM_DRAM)
        nvlink_rx, nvlink_tx = _nvlink(gpu, counters)
        return TrafficMoment(
            dram_percent=round(dram, 1) if dram is not None and 0 <= dram <= 100 else None,
            pcie_rx_bytes_per_s=rx,
            pcie_tx_bytes_per_s=tx,
            nvlink_rx_bytes=nvlink_rx,
            nvlink_tx_bytes=nvlink_tx,
        )

    def _rates(self, rx: int, tx: int) -> tuple[int | None, int | None]:
        now = time.monotonic()
        before, self._before = self._before, (now, rx, tx)
        if before is None or now <= before[0] or rx < before[1] or tx < before[2]:  # The counters may wrap.
            return None, None
        seconds = now - before[0]
        return int((rx - before[1]) / seconds), int((tx - before[2]) / seconds)

    def _throughput(self, gpu: NvmlGpu) -> tuple[int | None, int | None]:
        now = time.monotonic()
        if now - self._asked_at > BLOCKING_SECONDS:
            self._asked_at = now
            rx, tx = (gpu.integer("nvmlDeviceGetPcieThroughput", 0, way) for way in (THROUGHPUT_RX, THROUGHPUT_TX))
            # NVML tells KB/s; nvidia-smi prints them as MB/s by a division by 1000.
            self._blocking = (None if rx is None else rx * 1000, None if tx is None else tx * 1000)
        return self._blocking


def _nvlink(gpu: NvmlGpu, counters: dict[Field, int]) -> tuple[int | None, int | None]:
    if NVLINK_RX_KIB in counters and NVLINK_TX_KIB in counters:
        return counters[NVLINK_RX_KIB] << 10, counters[NVLINK_TX_KIB] << 10
    links = gpu.fields(LINK_TX + LINK_RX)
    received = [links[field] for field in LINK_RX if field in links]
    sent = [links[field] for field in LINK_TX if field in links]
    return sum(received) if received else None, sum(sent) if sent else None
