"""A machine of which only the output of nvidia-smi or rocm-smi is known."""

from ..host import Host
from ..reading import Malformed, Unreadable
from ..recording import RecordingSource
from .rocm_json import parse_rocm_json
from .smi_xml import parse_smi_xml
from .types import Gpu, GpuPair, GpuStack

NVIDIA_SMI = ("/usr/bin/nvidia-smi", "-q", "-x")
ROCM_SMI = ("/opt/rocm/bin/rocm-smi", "--showallinfo", "--json")


def open_smi_output(name: str, text: str) -> RecordingSource | None:
    """A source that answers with `text` what the program printed; None if it is the output of neither."""
    for command, parse in ((NVIDIA_SMI, parse_smi_xml), (ROCM_SMI, parse_rocm_json)):
        try:
            parse(text)
        except Malformed:
            continue
        return RecordingSource(name, {("command", *command): text})
    return None


def read_nvidia_smi(host: Host) -> tuple[tuple[Gpu, ...], GpuStack | None]:
    """NVIDIA's GPUs from nvidia-smi's output; nothing where there is none."""
    text = _output(host, NVIDIA_SMI)
    try:
        return parse_smi_xml(text) if text else ((), None)
    except Malformed as why:
        host.note_gap(" ".join(NVIDIA_SMI), why)
        return (), None


def read_rocm_smi(host: Host) -> tuple[tuple[Gpu, ...], tuple[GpuPair, ...], GpuStack | None]:
    """AMD's GPUs from rocm-smi's output; nothing where there is none. Only asked where sysfs shows no AMD GPU."""
    text = _output(host, ROCM_SMI)
    try:
        return parse_rocm_json(text) if text else ((), (), None)
    except Malformed as why:
        host.note_gap(" ".join(ROCM_SMI), why)
        return (), (), None


def _output(host: Host, command: tuple[str, ...]) -> str | None:
    try:
        answer = host.ask("command", *command)
    except Unreadable:
        return None
    return answer if isinstance(answer, str) else None
