"""One NVIDIA GPU that is asked again and again, by a thread of its own.

Its handle is kept, and what it does not support is asked once. Only functions that read are called. GPM (Hopper and
newer) tells shares between two samples of the driver's counters: NVML API reference, chapter GPM.
"""

import struct
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from ..host import Host, Json
from ..reading import Unreadable
from .nvml_ask import Asker
from .nvml_live import hold, let_go, plain, unreadable
from .nvml_words import FUNCTION_NOT_FOUND, NO_PERMISSION, NOT_SUPPORTED, VERSION_MISMATCH

INVALID_ARGUMENT, GPU_IS_LOST, RESET_REQUIRED = 2, 15, 16
NEVER = {INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, VERSION_MISMATCH, 25}
"""Errors that the next call would have too; 25 is NVML_ERROR_ARGUMENT_VERSION_MISMATCH."""
_INVALID = f"(NVML error {INVALID_ARGUMENT})"
ALL_LINKS = 0xFFFFFFFF
GPM_SAMPLES = 2
_FIELD = struct.Struct("@IIqqiiQ")
"""nvmlFieldValue_t: id, scope, time, latency, kind of value, error, value."""
_WHOLE, _NARROW = (2, 3, 4), (1, 5, 6)
"""nvmlValueType_t: of 64 bits, and of fewer. Counters are never fractions."""

_read = object.__getattribute__
"""Past pynvml's own reading of members, which costs more than the call did."""

Field = tuple[int, int]
"""A field's id and its scope (a link, or ALL_LINKS)."""


class GpuLost(Exception):
    """It fell off the bus, or waits for a reset; the text is NVML's."""


class NvmlGpu(Asker):
    """One GPU by bus address or index. `before_call` is told of every call, so that one that hangs is noticed.

    With `again` NVML is begun anew if it could not be before.
    """

    def __init__(self, host: Host, gpu: str | int, before_call: Callable[[float], None], again: bool) -> None:
        super().__init__(host)
        self._before_call = before_call
        self._nvml: ModuleType = hold(self, again)
        self._never: set[tuple[str | int, ...]] = set()
        self._never_fields: set[Field] = set()
        self._samples: list[Any] = []
        self._metrics: Any = None
        self._metric_entries: list[Any] = []
        by_address = isinstance(gpu, str)
        name = "nvmlDeviceGetHandleByPciBusId" if by_address else "nvmlDeviceGetHandleByIndex"
        try:
            self._handle = self._guarded(name, gpu.encode() if isinstance(gpu, str) else gpu)
        except (GpuLost, Unreadable):
            let_go(self)
            raise

    def close(self) -> None:
        """Let go of it: an open handle may keep a GPU awake."""
        let_go(self)

    def ask(self, function: str, *arguments: str | int) -> Json:
        """The answer as it is; the first argument stands for the GPU, as in `Asker`. Raises `GpuLost`."""
        key = (function, *arguments[1:])
        if key in self._never:
            return None
        try:
            return plain(self._guarded(function, self._handle, *arguments[1:]))
        except Unreadable as why:
            if why.reason in ("missing", "denied") or _INVALID in why.detail:
                self._never.add(key)
            return None

    def fields(self, wanted: Sequence[Field]) -> dict[Field, int]:
        """Those of the counters that the GPU has."""
        ids = [field for field in wanted if field not in self._never_fields]
        if not ids or ("nvmlDeviceGetFieldValues",) in self._never:
            return {}
        try:
            values = self._guarded("nvmlDeviceGetFieldValues", self._handle, ids)
        except Unreadable as why:
            if why.reason == "missing":
                self._never.add(("nvmlDeviceGetFieldValues",))
            return {}
        told = {}
        for field, value in zip(ids, _FIELD.iter_unpack(bytes(values)), strict=True):
            kind, error, number = value[4:]
            # A counter of 32 bits wraps several times a second on a busy link.
            if error in NEVER or (error == 0 and kind in _NARROW):
                self._never_fields.add(field)
            elif error == 0 and kind in _WHOLE and number < 1 << 63:
                told[field] = number
        return told

    def gpm(self, metrics: Sequence[int]) -> dict[int, float]:
        """Metrics since the last call; empty at first, and for ever where there is no GPM."""
        if ("gpm",) in self._never:
            return {}
        try:
            if not self._samples:
                return self._begin_gpm(metrics)
            self._samples.reverse()
            self._guarded("nvmlGpmSampleGet", self._handle, self._samples[1])
            self._metrics.sample1, self._metrics.sample2 = self._samples
            self._guarded("nvmlGpmMetricsGet", self._metrics)
        except Unreadable as why:
            if why.reason in ("missing", "denied"):
                self._never.add(("gpm",))
            return {}
        told = {}
        for wanted, entry in zip(metrics, self._metric_entries, strict=True):
            if _read(entry, "nvmlReturn") == 0:
                told[wanted] = float(_read(entry, "value"))
        return told

    @property
    def has_gpm(self) -> bool:
        """False once it is known that there is none."""
        return ("gpm",) not in self._never

    def _begin_gpm(self, metrics: Sequence[int]) -> dict[int, float]:
        if not self._guarded("nvmlGpmQueryDeviceSupport", self._handle).isSupportedDevice:
            raise Unreadable("missing", "no GPM")
        self._samples = [self._guarded("nvmlGpmSampleAlloc") for _ in range(GPM_SAMPLES)]
        self._metrics = self._nvml.c_nvmlGpmMetricsGet_t(
            version=self._nvml.NVML_GPM_METRICS_GET_VERSION, numMetrics=len(metrics)
        )
        self._metric_entries = [self._metrics.metrics[number] for number in range(len(metrics))]
        for entry, metric in zip(self._metric_entries, metrics, strict=True):
            entry.metricId = metric
        self._guarded("nvmlGpmSampleGet", self._handle, self._samples[1])
        return {}

    def _guarded(self, function: str, *arguments: Any) -> Any:
        nvml = self._nvml
        self._before_call(time.monotonic())
        try:
            return getattr(nvml, function)(*arguments)
        except nvml.NVMLError as error:
            if error.value in (GPU_IS_LOST, RESET_REQUIRED):
                raise GpuLost(f"{error} (NVML error {error.value})") from None
            raise unreadable(error.value, str(error)) from None
        except AttributeError:
            raise Unreadable("missing", f"this pynvml has no {function}") from None
        except (nvml.NVMLLibraryMismatchError, UnicodeDecodeError, TypeError, ValueError) as error:
            raise Unreadable("malformed", f"{type(error).__name__}: {str(error)[:200]}") from None
