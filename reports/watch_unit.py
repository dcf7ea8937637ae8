"""A systemd unit for `llmtune watch`: a user of its own that may look and nothing else."""

from .quoting import systemd_word

_UNIT = """\
# llmtune watch as a service: it observes and tells, it changes nothing. To use it:
#   llmtune watch --systemd-unit | sudo tee /etc/systemd/system/llmtune-watch.service
#   sudo systemctl daemon-reload && sudo systemctl enable --now llmtune-watch
#   journalctl -u llmtune-watch -f
#
# It runs as a user of its own without privileges. What such a user cannot see: which files and ports other users'
# servers have open (so the model's size and some endpoints), where their pages lie (NUMA), their bytes from drives, and
# models in home directories that are closed to others. Verdicts that need these say "cannot tell". Who wants them sets
# User= to the user that runs the server.
{warning}
[Unit]
Description=llmtune watch: tells what slows language models down

[Service]
ExecStart={command}
# The address of a webhook goes into a file that only root can read, as LLMTUNE_WEBHOOK=https://...
EnvironmentFile=-/etc/llmtune/watch.env
Restart=on-failure
RestartSec=30
DynamicUser=yes
# It may use little, whatever happens.
MemoryMax=256M
TasksMax=128
Nice=10
# It may change nothing.
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
# Netlink: devices that come and go.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def watch_unit(program: str, interval_s: float, verify: bool, everything: bool) -> str:
    """The unit's text."""
    words = [program, "watch", "--interval", f"{interval_s:g}", *["--verify"] * verify, *["--all"] * everything]
    closed = program.startswith(("/root/", "/home/"))
    warning = "#\n# NOTE: the program lies in a home directory, which that user may not enter: sudo make install.\n"
    return _UNIT.format(command=" ".join(map(systemd_word, words)), warning=warning if closed else "")
