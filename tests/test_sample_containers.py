"""What a process belongs to, by the text of its cgroup file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtune.probe.sample.containers import container_of

ID = "4f3c2a1b0d9e" + "0123456789abcdef" * 3 + "0123"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"0::/system.slice/docker-{ID}.scope", "docker 4f3c2a1b0d9e"),
        (f"0::/system.slice/docker-{ID}.scope/init", "docker 4f3c2a1b0d9e"),
        (f"12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/system.slice/containerd.service",
         "docker 4f3c2a1b0d9e"),
        (f"0::/machine.slice/libpod-{ID}.scope/container", "podman 4f3c2a1b0d9e"),
        (f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "podman 4f3c2a1b0d9e"),
        (f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f_1.slice/cri-containerd-{ID}.scope",
         "kubernetes 4f3c2a1b0d9e"),
        (f"0::/kubepods.slice/kubepods-pod8f.slice/crio-{ID}.scope", "kubernetes 4f3c2a1b0d9e"),
        (f"5:cpu,cpuacct:/kubepods/besteffort/pod8f-1/{ID}", "kubernetes 4f3c2a1b0d9e"),
        (f"0::/system.slice/nerdctl-{ID}.scope", "containerd 4f3c2a1b0d9e"),
        ("0::/lxc.payload.inference/system.slice/llama.service", "lxc inference"),
        ("0::/system.slice/ollama.service", "ollama.service"),
        ("0::/system.slice/llama\\x2dserver.service", "llama-server.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/llama.service", "llama.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-kitty-7.scope", None),
        ("0::/user.slice/user-1000.slice/session-3.scope", None),
        ("3:cpuset:/\n1:cpu:/\n0::/", None),
        ("", None),
        ("0::/docker/4f3c", None),
    ],
)  # fmt: skip
def test_the_container_or_unit(text: str, expected: str | None) -> None:
    assert container_of(text) == expected


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    told = container_of(text)
    assert told is None or told
