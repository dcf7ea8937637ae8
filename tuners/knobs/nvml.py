"""NVML for knobs: through pynvml, GPUs by their UUID, errors as what the rest of llmtune understands."""

import ctypes
import errno
import functools
from types import ModuleType
from typing import Any

from .knob import Gone, Unavailable

_NOT_FOUND, _GPU_IS_LOST = 6, 15
_ERRNOS = {
    2: errno.EINVAL,
    3: errno.EOPNOTSUPP,
    4: errno.EPERM,
    10: errno.ETIMEDOUT,
    13: errno.ENOSYS,
    _GPU_IS_LOST: errno.ENODEV,
    19: errno.EBUSY,
}
"""NVML_ERROR_INVALID_ARGUMENT, _NOT_SUPPORTED, _NO_PERMISSION, _TIMEOUT, _FUNCTION_NOT_FOUND, _GPU_IS_LOST, _IN_USE."""


@functools.cache
def _library() -> ModuleType | str:
    """pynvml, initialised once for the life of the process, or why it cannot be."""
    try:
        ctypes.CDLL("libnvidia-ml.so.1")  # most machines have none: know it before paying for the import
    except OSError:
        return "this machine has no NVIDIA driver (libnvidia-ml.so.1)"
    try:
        import pynvml
    except ImportError:
        return "the Python package nvidia-ml-py is missing"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"the NVIDIA driver does not answer: {error}"
    module: ModuleType = pynvml
    return module


def ask(key: str, uuid: str, function: str, *arguments: int) -> Any:
    """The answer of a reading function of NVML about one GPU; raises `Unavailable` and `Gone`."""
    nvml = _library()
    if isinstance(nvml, str):
        raise Unavailable(f"{key}: {nvml}")
    try:
        return getattr(nvml, function)(_handle(nvml, key, uuid), *arguments)
    except nvml.NVMLError as error:
        if error.value == _GPU_IS_LOST:
            raise Gone(f"{key}: the GPU has fallen off the bus") from None
        raise Unavailable(f"{key}: the driver does not tell it: {error}") from None


def tell(key: str, uuid: str, function: str, *arguments: int) -> None:
    """Call a function of NVML that changes one GPU; raises OSError with what the driver answered, `Unavailable`."""
    nvml = _library()
    if isinstance(nvml, str):
        raise Unavailable(f"{key}: {nvml}")
    try:
        getattr(nvml, function)(_handle(nvml, key, uuid), *arguments)
    except nvml.NVMLError as error:
        raise OSError(_ERRNOS.get(error.value, errno.EIO), f"the NVIDIA driver refused it: {error}") from None


def uuids() -> list[str]:
    """The UUIDs of the GPUs, in the driver's order; empty where there is no driver."""
    nvml = _library()
    if isinstance(nvml, str):
        return []
    found = []
    try:
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                found.append(_text(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetHandleByIndex(index))))
            except nvml.NVMLError:
                continue  # a GPU that is lost cannot be set either
    except nvml.NVMLError:
        return []
    return found


def _handle(nvml: ModuleType, key: str, uuid: str) -> Any:
    try:
        return nvml.nvmlDeviceGetHandleByUUID(uuid)
    except nvml.NVMLError as error:
        if error.value in (_NOT_FOUND, _GPU_IS_LOST):
            raise Gone(f"{key}: there is no such GPU") from None
        raise Unavailable(f"{key}: the driver does not give access to it: {error}") from None


def _text(value: str | bytes) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
