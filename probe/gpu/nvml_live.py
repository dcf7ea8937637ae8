"""NVML on this machine, through pynvml; the only file that imports it.

A GPU is named by its index, a MIG device by `GPU/MIG` (such as `0/2`), so that questions and answers are plain JSON.
Only functions that read are called. `nvlinks` is a question of our own: all links of a GPU in one answer.
"""

import ctypes
import re
import threading
from contextlib import suppress
from types import ModuleType
from typing import Any

from ..host import Json
from ..reading import Unreadable
from .nvml_words import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    LIBRARY_NOT_FOUND,
    NO_PERMISSION,
    NOT_FOUND,
    NOT_SUPPORTED,
    VERSION_MISMATCH,
)

MAX_NVLINKS = 36
_READING = re.compile(r"nvml(Device|System)Get[A-Za-z0-9_]{1,80}", re.ASCII)
_MISSING = {NOT_SUPPORTED, NOT_FOUND, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND, VERSION_MISMATCH}
_TWO_GPUS = {"nvmlDeviceGetTopologyCommonAncestor", "nvmlDeviceGetP2PStatus"}
_NO_GPU = {"nvmlDeviceGetCount"}

_started: list[ModuleType | Unreadable] = []
"""pynvml, initialised, or why it cannot be."""
_starting = threading.Lock()
_holders: list[object] = []
"""Who asks again and again; when the last lets go NVML is shut down, for its open files may keep a GPU awake."""


def hold(holder: object, again: bool = False) -> ModuleType:
    """NVML, initialised, for as long as the holder wants it; raises `Unreadable`.

    A failure is kept until someone asks `again`.
    """
    with _starting:
        if again and _started and isinstance(_started[0], Unreadable):
            _started.clear()
        if not _started:
            _started.append(_start())
        nvml = _started[0]
        if isinstance(nvml, Unreadable):
            raise nvml
        _holders.append(holder)
    return nvml


def let_go(holder: object, shut_down: bool = True) -> None:
    """The holder does not need it any more."""
    with _starting:
        if holder in _holders:
            _holders.remove(holder)
        nvml = _started[0] if _started else None
        if shut_down and not _holders and nvml is not None and not isinstance(nvml, Unreadable):
            _started.clear()
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()


def nvml_call(function: str, arguments: tuple[str | int, ...]) -> Json:
    """The answer of an NVML function as plain JSON; raises `Unreadable`."""
    question = object()
    nvml = hold(question)
    try:
        return _answer(nvml, function, arguments)
    finally:
        let_go(question, shut_down=False)


def _answer(nvml: ModuleType, function: str, arguments: tuple[str | int, ...]) -> Json:
    if function != "nvlinks" and not _READING.fullmatch(function):
        raise Unreadable("denied", f"{function} does not only read")
    try:
        if function == "nvlinks":
            return _nvlinks(nvml, _handle(nvml, arguments[0]))
        call = getattr(nvml, function, None)
        if call is None:
            raise Unreadable("missing", f"this pynvml has no {function}")
        return plain(call(*_with_handles(nvml, function, arguments)))
    except nvml.NVMLError as error:
        raise unreadable(error.value, str(error)) from None
    except (nvml.NVMLLibraryMismatchError, UnicodeDecodeError, TypeError, ValueError, IndexError) as error:
        raise Unreadable("malformed", f"{type(error).__name__}: {str(error)[:200]}") from None


def unreadable(code: int, words: str) -> Unreadable:
    """The gap that an NVML error stands for: NVML's words, and its number."""
    detail = f"{words} (NVML error {code})"
    if code == NO_PERMISSION:
        return Unreadable("denied", detail)
    return Unreadable("missing" if code in _MISSING else "malformed", detail)


def plain(value: Any) -> Json:
    """Structures as dicts, bytes as text, arrays and tuples as lists."""
    if value is None or isinstance(value, (bool, int, float)):  # Twice as fast as a union.
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | ctypes.Array):
        return [plain(item) for item in value]
    if isinstance(value, ctypes.Structure):
        # Past pynvml's own reading of members, which costs more than the call did.
        read = object.__getattribute__
        return {str(field[0]): plain(read(value, field[0])) for field in value._fields_}
    if hasattr(value, "__dict__"):  # pynvml's "friendly objects"
        return {str(key): plain(item) for key, item in vars(value).items()}
    return str(value)


def _start() -> ModuleType | Unreadable:
    # Most machines have no NVML: find out before paying for the import of pynvml.
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as error:
        return Unreadable("missing", f"libnvidia-ml.so.1: {str(error)[:200]} (NVML error {LIBRARY_NOT_FOUND})")
    try:
        import pynvml
    except ImportError as error:
        return Unreadable("missing", f"pynvml: {error}")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return unreadable(error.value, str(error))
    module: ModuleType = pynvml
    return module


def _with_handles(nvml: ModuleType, function: str, arguments: tuple[str | int, ...]) -> list[Any]:
    """The arguments with GPUs in place of their indexes."""
    if function.startswith("nvmlSystem") or function in _NO_GPU:
        return list(arguments)
    count = 2 if function in _TWO_GPUS else 1
    return [_handle(nvml, name) for name in arguments[:count]] + list(arguments[count:])


def _handle(nvml: ModuleType, name: str | int) -> Any:
    if isinstance(name, int):
        return nvml.nvmlDeviceGetHandleByIndex(name)
    gpu, _, mig = name.partition("/")
    return nvml.nvmlDeviceGetMigDeviceHandleByIndex(nvml.nvmlDeviceGetHandleByIndex(int(gpu)), int(mig))


def _nvlinks(nvml: ModuleType, handle: Any) -> Json:
    """Each link with its state and the bus address of what it leads to; raises where the GPU has none."""
    links: list[Json] = []
    for link in range(MAX_NVLINKS):
        try:
            active = bool(nvml.nvmlDeviceGetNvLinkState(handle, link))
        except nvml.NVMLError:
            if link == 0:
                raise
            break
        entry: dict[str, Json] = {"link": link, "active": active}
        if active:
            for name, function in (
                ("remote_type", nvml.nvmlDeviceGetNvLinkRemoteDeviceType),
                ("remote", nvml.nvmlDeviceGetNvLinkRemotePciInfo),
            ):
                try:
                    answer = plain(function(handle, link))
                except nvml.NVMLError:
                    continue
                entry[name] = answer["busId"] if isinstance(answer, dict) else answer
        links.append(entry)
    return links
