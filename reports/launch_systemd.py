"""A launch as a systemd service (systemd.service(5), systemd.exec(5)).

The hardening leaves GPUs alone: PrivateDevices= and ProtectClock= would close their device files, and
MemoryDenyWriteExecute= breaks compilers of kernels.
"""

import re
from collections.abc import Iterator

from ..advisors.plan import Launch, Plan
from .escape import printable
from .launch_command import ranges
from .quoting import systemd_value, systemd_word

_HARDENING = (
    "NoNewPrivileges=yes",
    "ProtectSystem=full",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
)
_TEMPORARY = ("/tmp/", "/var/tmp/")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_NVIDIA = "/usr/bin/nvidia-modprobe"


def render_systemd(plan: Plan) -> str:
    """The unit's text."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    launch = plan.launch
    yield "# Planned by llmtune. Install as root: save as /etc/systemd/system/llm.service, then"
    yield "# systemctl daemon-reload && systemctl enable --now llm"
    yield _comment(f"Checked against {launch.checked}.")
    for warning in launch.warnings:
        yield _comment(f"Warning: {warning}")
    for why in plan.threads.why:
        yield _comment(f"Threads: {why}")
    yield "[Unit]"
    yield f"Description={printable(plan.model.name).replace('%', '%%')} with {plan.backend}".rstrip("\\")
    yield "After=network.target"
    yield ""
    yield "[Service]"
    yield "Type=exec"
    if any(device.startswith("CUDA") for device in plan.placement.devices):
        yield "# Makes the device files that CUDA needs, which the service itself may not."
        yield f"ExecStartPre=-+/bin/sh -c '[ ! -x {_NVIDIA} ] || exec {_NVIDIA} -c 0 -u'"
    yield f"ExecStart={' '.join(_command(launch))}"
    for step in launch.then:
        yield _comment(f"Once it runs: {' '.join(step)}")
    for name, value in launch.env.items():
        yield f"Environment={systemd_value(f'{name}={value}')}"
    yield from _user(plan)
    yield "Restart=on-failure"
    yield "RestartSec=5"
    yield from _resources(launch)
    yield from _HARDENING
    if not any(path.startswith(_TEMPORARY) for path in (plan.model.path, launch.argv[0])):
        yield "PrivateTmp=yes"
    yield ""
    yield "[Install]"
    yield "WantedBy=multi-user.target"


def _comment(text: str) -> str:
    return f"# {printable(text)}".rstrip("\\")


def _command(launch: Launch) -> Iterator[str]:
    # Variables are not undone in the program's own name.
    if "$" in launch.argv[0]:
        yield "/usr/bin/env"
    yield from map(systemd_word, launch.argv)


def _user(plan: Plan) -> Iterator[str]:
    """A user of its own, unless the files lie where only their owner reads."""
    homes = [path.split("/") for path in (plan.model.path, plan.launch.argv[0]) if path.startswith("/home/")]
    if homes and _USER.fullmatch(homes[0][2]):
        yield "# The owner of the files, by their path; name another where that is not so."
        yield f"User={homes[0][2]}"
        yield "ProtectHome=read-only"
    elif any(path.startswith(_TEMPORARY) for path in (plan.model.path, plan.launch.argv[0])):
        yield "# Files lie in /tmp, which a service with a user of its own does not see and a boot empties: move them."
        yield "User=nobody"
    elif any(path.startswith("/root/") for path in (plan.model.path, plan.launch.argv[0])):
        yield "# The files lie in root's home: better move them, and take out this line."
        yield "User=root"
    else:
        yield "DynamicUser=yes"
        yield "StateDirectory=llm"
        yield "Environment=HOME=%S/llm"
        yield f"ProtectHome={'read-only' if homes else 'yes'}"
    if plan.placement.devices:
        yield "SupplementaryGroups=video render"


def _resources(launch: Launch) -> Iterator[str]:
    if launch.binding.cpus:
        yield f"CPUAffinity={ranges(launch.binding.cpus)}"
    if launch.binding.memory_policy != "default" and launch.binding.memory_nodes:
        yield f"NUMAPolicy={launch.binding.memory_policy}"
        yield f"NUMAMask={ranges(launch.binding.memory_nodes)}"
    if launch.locks_memory:
        yield "LimitMEMLOCK=infinity"
    if launch.nice is not None:
        yield f"Nice={launch.nice}"
    if launch.io_class is not None:
        yield f"IOSchedulingClass={launch.io_class}"
