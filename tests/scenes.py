"""The situations by name: each makes one `Scene`."""

from collections.abc import Callable
from typing import Any

from situations import (
    GIB,
    NOW_S,
    Scene,
    Waves,
    blank,
    busy,
    cgroup,
    cpu,
    did,
    drive,
    endpoint,
    engine,
    facts,
    gpu,
    memory,
    model_facts,
    rate,
    rates,
    server,
    slot,
    stalls,
    verdict,
)

from llmtune.advisors.activity.activity import MemoryActivity, SlotActivity
from llmtune.advisors.bottleneck.facts import GpuFacts, NodeFacts, Rate, ServerFacts
from llmtune.probe.reading import Gap
from llmtune.probe.sample.engine import LoadedModel
from llmtune.probe.sample.gpu import GpuUser
from llmtune.probe.sample.sample import NodeBytes, NodeMoment
from llmtune.tui.view import Choice, Event, View

BOUND = verdict(
    "memory bandwidth",
    "Memory-bandwidth bound (CPU): 41.2 of 46.0 GB/s measured",
    "good",
    subject="4711",
    proofs=(
        ("model file", "4.97 GiB read per token"),
        ("/slots", "7.72 tokens/s"),
        ("llmtune doctor --measure", "46.0 GB/s"),
    ),
    helps="a smaller quantization or a draft model: each token has to read the whole model",
)
IDLE = verdict("idle", "Idle: no request is being answered", "good", proofs=(("/slots", "4 of 4 idle"),))
HARMFUL = "hardware slowdown: heat"


def starting() -> View:
    """Nothing was read yet."""
    return View(None, None, None, None, (), [], Waves({}), 60.0, Choice())


def first_reading() -> View:
    """One sample: no rates yet."""
    view = one_cpu_server().view()
    return View(view.sample, None, None, None, (), [], Waves({}), 60.0, Choice())


def no_gpu() -> Scene:
    """A laptop with nothing going on."""
    return Scene(verdict=verdict("idle", "Idle: no inference server runs", "good"), lasts_s=612)


def one_cpu_server() -> Scene:
    """One llama-server that decodes on the processor, at the memory's limit."""
    states = [slot(0), slot(1, "idle"), slot(2, "idle"), slot(3, "idle")]
    told = engine(7.72, 0.0, [SlotActivity(0, 7.72, None)], first_token_s=1.42, cached_share=0.37)
    ready = endpoint(slots=tuple(states), kv_share=0.095, kv_tokens=3120, kv_size_tokens=32768)
    return Scene(
        sample={"servers": (server(endpoint=ready, cgroup=cgroup()),), "memory": memory(62.7, 51.9, 8.3, 8, 0)},
        activity={
            "cpu": busy([0.98, 0.97, 0.99, 0.98, 0.97, 0.98, 0.96, 0.98]),
            "servers": {4711: did(4711, 7.84, told)},
            "stalls": stalls(0.04),
        },
        facts=facts(servers=(ServerFacts(pid=4711, model=model_facts()),)),
        verdict=BOUND,
        series={"decode/4711": 7.72, "prompt/4711": 210.0, "kv/4711": 0.095, "cpu/busy": 7.8, "psi/cpu": 0.04},
        past=(
            Event(NOW_S - 1010, NOW_S - 194, IDLE),
            Event(NOW_S - 1100, NOW_S - 1010, verdict("loading", "Loading Qwen3-8B-Q4_K_M: 1.9 GB/s from nvme0n1")),
        ),
    )


def one_gpu() -> Scene:
    """A workstation card with a narrow link, slowed by its power limit."""
    card = gpu(
        0,
        "NVIDIA GeForce RTX 4090",
        total_bytes=24 * GIB,
        used_bytes=int(21.7 * GIB),
        temperature_c=71,
        slowdown_temperature_c=90,
        power_mw=448_000,
        power_limit_mw=450_000,
        core_mhz=2430,
        core_max_mhz=3105,
        throttle_reasons=("power cap",),
        throttle_harmful=("power cap",),
        dram_percent=None,
        memory_busy_percent=88,
        link_generation_max=4,
        link_generation_now=4,
        link_width_now=8,
        fan_percent=62,
        users=(GpuUser(pid=4711, name="llama-server", used_bytes=21 * GIB, container=None),),
    )
    states = (slot(0, used=9120, size=16384), slot(1, "prompt", used=1024, size=16384))
    told = engine(
        61.3,
        1840.0,
        [SlotActivity(0, 61.3, None), SlotActivity(1, None, 1840.0)],
        first_token_s=0.31,
        accepted_share=0.74,
        cached_share=0.12,
    )
    ready = endpoint(slots=states, running=2.0, kv_share=0.31, kv_size_tokens=32768)
    name = "/srv/models/Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL.gguf"
    running = server(
        endpoint=ready, model=name, model_bytes=int(16.5 * GIB), file_bytes=300 << 20, container="a1b2c3d4e5f6"
    )
    return Scene(
        sample={"gpus": (card,), "servers": (running,)},
        activity={"cpu": busy([0.9, 0.1, 0.05, 0.1, 0.02, 0.0, 0.3, 0.1]), "servers": {4711: did(4711, 1.12, told)}},
        facts=facts(
            servers=(ServerFacts(pid=4711, model=model_facts(16.5, 1.0, active_bytes_per_token=2.1e9)),),
            gpus=(blank(GpuFacts, index=0, memory_bandwidth=Rate(per_s=1008e9, basis="rated", source="data sheet")),),
        ),
        verdict=verdict(
            "throttled",
            "GPU 0 throttled: power cap 450 W, for 62% of the last minute, clock 22% below its best",
            subject="gpu0",
            proofs=(("NVML clocks event reasons", "SW power cap"), ("clock", "2430 of 3105 MHz")),
            helps="a higher limit if the power supply allows it: nvidia-smi -pl, at most 480 W",
        ),
        others=(verdict("memory bandwidth", "Memory-bandwidth bound (GPU 0)", "good", "medium", subject="4711"),),
        series={
            "decode/4711": 61.3,
            "prompt/4711": 1840.0,
            "kv/4711": 0.31,
            "gpu/0/use": 98.0,
            "gpu/0/power": 448_000.0,
            "gpu/0/memory": 21.7 * GIB,
            "cpu/busy": 1.6,
        },
    )


def eight_gpus() -> Scene:
    """A node of eight with vLLM; one fell off the bus, one is too hot."""
    user = GpuUser(pid=9001, name="VLLM::Worker_TP0", used_bytes=70 * GIB, container="3f9c1d2ab7e0")
    cards = [gpu(index, users=(user,), nvlink_rx_bytes=1, nvlink_tx_bytes=1) for index in range(8)]
    cards[3] = gpu(
        3,
        trouble="lost: fell off the bus",
        utilization_percent=None,
        used_bytes=None,
        total_bytes=None,
        temperature_c=None,
        power_mw=None,
        core_mhz=None,
        throttle_reasons=None,
        throttle_harmful=None,
        pcie_rx_bytes_per_s=None,
        pcie_tx_bytes_per_s=None,
        link_generation_now=None,
        dram_percent=None,
    )
    cards[5] = gpu(
        5,
        temperature_c=88,
        core_mhz=1215,
        utilization_percent=100,
        throttle_reasons=(HARMFUL, "application clocks"),
        throttle_harmful=(HARMFUL,),
        users=(user,),
    )
    told = engine(
        1482.0,
        9120.0,
        first_token_s=0.42,
        between_tokens_s=0.031,
        queued_s=0.18,
        cached_share=0.64,
        preemptions_per_s=0.0,
    )
    ready = endpoint(running=48.0, waiting=12.0, kv_share=0.97, kv_size_tokens=1_310_720, generated_when_done=False)
    vllm = server(
        9001,
        "vLLM",
        model="meta-llama/Llama-3.3-70B-Instruct",
        model_bytes=None,
        port=8000,
        endpoint=ready,
        file_bytes=0,
        anon_bytes=19 * GIB,
        container="3f9c1d2ab7e0",
        decode_threads=None,
        cpus_allowed=tuple(range(128)),
    )
    return Scene(
        sample={
            "gpus": tuple(cards),
            "servers": (vllm,),
            "cpu": cpu(128),
            "memory": memory(2015, 1890, 96),
            "drives": tuple(drive(f"nvme{n}n1") for n in range(4)),
        },
        activity={
            "cpu": busy([0.9 if n % 16 == 0 else 0.04 for n in range(128)]),
            "drives": {f"nvme{n}n1": rates(0.2 * n, 1.1, 0.4) for n in range(4)},
            "servers": {9001: did(9001, 9.4, told)},
            "nvlink_bytes_per_s": {n: (41e9, 41e9) for n in range(8) if n != 3},
        },
        facts=facts(
            128,
            [NodeFacts(node=n, cpus=tuple(range(64 * n, 64 * n + 64))) for n in (0, 1)],
            780e9,
            servers=(ServerFacts(pid=9001, model=None),),
        ),
        verdict=verdict(
            "gpu trouble",
            "GPU 3 is lost: it fell off the bus; 7 of 8 answer",
            "bad",
            subject="gpu3",
            proofs=(("NVML", "GPU is lost"), ("kernel log", "Xid 79")),
            helps="a cold start; look for Xid 79 in the kernel's log",
        ),
        others=(
            verdict("throttled", "GPU 5 throttled: heat, 88 of 87 C", "bad", subject="gpu5"),
            verdict("kv cache full", "KV cache 97% full, 12 waiting", subject="9001"),
        ),
        series={
            "decode/9001": 1482.0,
            "prompt/9001": 9120.0,
            "kv/9001": 0.97,
            "gpu/0/use": 98.0,
            "gpu/0/power": 6.1e5,
            "gpu/0/memory": 71.2 * GIB,
            "cpu/busy": 12.0,
        },
    )


def unified() -> Scene:
    """A GB10, whose GPU uses the machine's own memory."""
    card = gpu(
        0,
        "NVIDIA GB10",
        memory_kind="unified",
        used_bytes=None,
        total_bytes=None,
        dram_percent=None,
        power_limit_mw=None,
        power_mw=61_000,
        temperature_c=66,
        slowdown_temperature_c=None,
        core_mhz=2405,
        core_max_mhz=3003,
        pcie_rx_bytes_per_s=None,
        pcie_tx_bytes_per_s=None,
        link_generation_now=None,
        memory_busy_percent=None,
    )
    ready = endpoint(slots=(slot(0),), kv_share=0.38, kv_size_tokens=8192)
    running = server(
        endpoint=ready,
        model="/m/gpt-oss-120b-mxfp4.gguf",
        model_bytes=59 * GIB,
        file_bytes=59 * GIB,
        cpus_allowed=tuple(range(20)),
    )
    return Scene(
        sample={"gpus": (card,), "servers": (running,), "cpu": cpu(20), "memory": memory(119.7, 48.2, 61)},
        activity={
            "cpu": busy([0.1] * 20),
            "servers": {4711: did(4711, 1.0, engine(38.4, 0.0, [SlotActivity(0, 38.4, None)]))},
        },
        facts=facts(
            20,
            bandwidth=246e9,
            gpus=(blank(GpuFacts, index=0, memory_bandwidth=rate(246e9)),),
            servers=(ServerFacts(pid=4711, model=model_facts(59, 1.0, active_bytes_per_token=3.1e9)),),
        ),
        verdict=verdict(
            "memory bandwidth",
            "Memory-bandwidth bound (GPU 0, unified memory): 137 of 246 GB/s measured",
            "good",
            "medium",
        ),
        series={"decode/4711": 38.4, "gpu/0/use": 96.0, "gpu/0/power": 61_000.0},
    )


def amd_and_intel() -> Scene:
    """Cards of two other vendors, which tell less."""
    radeon = gpu(
        0,
        "AMD Radeon RX 7900 XTX",
        vendor="amd",
        total_bytes=24 * GIB,
        used_bytes=int(3.1 * GIB),
        utilization_percent=4,
        power_mw=38_000,
        power_limit_mw=339_000,
        core_mhz=132,
        core_max_mhz=2482,
        throttle_reasons=None,
        throttle_harmful=None,
        dram_percent=None,
        slowdown_temperature_c=110,
        temperature_c=44,
        link_generation_now=1,
        link_generation_max=4,
        pcie_rx_bytes_per_s=None,
        pcie_tx_bytes_per_s=None,
        uuid=None,
    )
    arc = gpu(
        1,
        "Intel(R) Arc(TM) B580 Graphics",
        vendor="intel",
        total_bytes=None,
        used_bytes=None,
        utilization_percent=None,
        power_mw=31_000,
        power_limit_mw=190_000,
        core_mhz=600,
        core_max_mhz=2850,
        throttle_reasons=(),
        throttle_harmful=(),
        dram_percent=None,
        memory_busy_percent=None,
        temperature_c=41,
        slowdown_temperature_c=None,
        link_generation_now=None,
        pcie_rx_bytes_per_s=None,
        pcie_tx_bytes_per_s=None,
        uuid=None,
    )
    return Scene(sample={"gpus": (radeon, arc)}, verdict=verdict("idle", "Idle: no inference server runs", "good"))


def asleep() -> Scene:
    """A laptop's second GPU that the kernel suspended."""
    return Scene(sample={"gpus": (gpu(0, "NVIDIA GeForce RTX 4070 Laptop GPU", asleep=True),)}, verdict=IDLE)


def no_nvml() -> Scene:
    """A driver that does not answer."""
    gap = Gap(probe="gpu", source="NVML", reason="missing", detail="libnvidia-ml.so.1: driver and library differ")
    return Scene(sample={"gaps": (gap,)}, verdict=IDLE)


def no_metrics() -> Scene:
    """A server that was not started with --metrics."""
    silent = endpoint(state="no metrics", detail="start it with --metrics to see tokens/s", running=None, waiting=None)
    return Scene(
        sample={"servers": (server(endpoint=silent),)},
        activity={"servers": {4711: did(4711, 7.8)}, "cpu": busy([0.97] * 8)},
        verdict=verdict(
            "cannot tell",
            "Cannot tell: llama-server (pid 4711) has no metrics",
            confidence="low",
            helps="start it with --metrics",
        ),
    )


def many_slots() -> Scene:
    """Sixty-four slots, most of them busy."""
    states = tuple(
        slot(n, "idle" if n % 7 == 6 else "prompt" if n % 11 == 5 else "generating", 500 + 97 * n, 8192, 3 * n)
        for n in range(64)
    )
    moving = [SlotActivity(n, 21.5 + n % 5, None) for n in range(64)]
    ready = endpoint(slots=states, running=55.0, waiting=9.0, kv_share=0.44, kv_size_tokens=524288)
    return Scene(
        sample={"gpus": (gpu(),), "servers": (server(endpoint=ready, file_bytes=0),)},
        activity={"servers": {4711: did(4711, 2.1, engine(1180.0, 950.0, moving, first_token_s=2.2))}},
        verdict=verdict(
            "queue full",
            "Queue: all 55 slots in use, 9 requests wait",
            subject="4711",
            helps="more slots (-np), if memory allows",
        ),
        series={"decode/4711": 1180.0, "prompt/4711": 950.0, "kv/4711": 0.44, "gpu/0/use": 98.0},
    )


def two_servers() -> Scene:
    """Ollama beside llama-server."""
    scene = one_cpu_server()
    held = LoadedModel(name="llama3.2:3b", total_bytes=int(3.4 * GIB), gpu_bytes=int(1.1 * GIB))
    ollama = server(
        5822,
        "Ollama",
        model="llama3.2:3b",
        port=11434,
        container="ollama.service",
        decode_threads=None,
        endpoint=endpoint(models=(held,), running=None, waiting=None),
        file_bytes=2 * GIB,
        model_bytes=int(3.4 * GIB),
    )
    scene.sample["servers"] = (*scene.sample["servers"], ollama)
    scene.activity["servers"][5822] = did(5822, 0.01, engine(None, None))
    scene.facts = facts(servers=(*(scene.facts.servers if scene.facts else ()), ServerFacts(pid=5822, model=None)))
    return scene


def two_nodes() -> Scene:
    """A server on node 0 whose model lies half on node 1."""
    scene = one_cpu_server()
    lies = (NodeBytes(node=0, bytes=int(3.1 * GIB)), NodeBytes(node=1, bytes=int(2.79 * GIB)))
    running = scene.sample["servers"][0]
    scene.sample["servers"] = (
        running.model_copy(update={"nodes": lies, "cpus_allowed": tuple(range(32)), "decode_threads": 32}),
    )
    scene.sample["cpu"] = cpu(64, 2900)
    scene.sample["nodes"] = tuple(
        blank(NodeMoment, node=n, total_bytes=126 * GIB, free_bytes=(40 + 60 * n) * GIB, file_bytes=(18 - 9 * n) * GIB)
        for n in (0, 1)
    )
    scene.sample["memory"] = memory(252, 190, 27)
    scene.activity["cpu"] = busy([0.96] * 32 + [0.02] * 32)
    scene.activity["servers"] = {4711: did(4711, 31.2, engine(5.1, 0.0, [SlotActivity(0, 5.1, None)]))}
    known = (ServerFacts(pid=4711, model=model_facts(41.0)),)
    scene.facts = facts(
        64, [NodeFacts(node=n, cpus=tuple(range(32 * n, 32 * n + 32))) for n in (0, 1)], 310e9, servers=known
    )
    scene.verdict = verdict(
        "remote memory",
        "Remote memory: 47% of the pages that llama-server reads lie on node 1, its threads run on node 0",
        "bad",
        subject="4711",
        proofs=(("numa_maps", "N0=3.10 GiB N1=2.79 GiB"),),
        helps="numactl --interleave=all, or load it again with the cache dropped",
    )
    return scene


def disk_bound() -> Scene:
    """A model larger than memory, read again for each token."""
    scene = one_cpu_server()
    running = scene.sample["servers"][0]
    update = {
        "file_bytes": int(24.8 * GIB),
        "model_bytes": int(41.1 * GIB),
        "model": "/srv/models/Llama-3.3-70B-Instruct-Q4_K_M.gguf",
    }
    scene.sample["servers"] = (running.model_copy(update=update),)
    scene.sample["memory"] = memory(31.2, 25.9, 25.2, 8, 0.3)
    scene.sample["drives"] = (drive("nvme0n1"), drive("sda", 4096))
    scene.activity |= {
        "cpu": busy([0.21] * 8, iowait=4.6),
        "memory": MemoryActivity(3120.0, 0.0, 0.0, 2.4e9),
        "stalls": stalls(0.02, 0.31, 0.83),
        "drives": {"nvme0n1": rates(3120.0, 0.3, 99.4, 0.52, 13.1), "sda": rates(0, 0.01, 0.1)},
        "servers": {4711: did(4711, 1.6, engine(0.07, 0.0, [SlotActivity(0, 0.07, None)]), major_faults_per_s=3120.0)},
    }
    scene.facts = facts(servers=(ServerFacts(pid=4711, model=model_facts(41.1)),))
    scene.verdict = verdict(
        "disk",
        "Disk bound: 3120 major faults/s, nvme0n1 99% busy, model 41.1 GiB > 31.2 GiB RAM",
        "bad",
        subject="nvme0n1",
        proofs=(("/proc/vmstat", "pgmajfault +3120/s"), ("/proc/diskstats", "3.12 GB/s read")),
        helps="a quantization of at most 27 GiB, or more layers on a GPU",
    )
    scene.series |= {
        "faults": 3120.0,
        "drive/nvme0n1/read": 3.12e9,
        "drive/nvme0n1/write": 3e5,
        "psi/io": 0.83,
        "decode/4711": 0.07,
    }
    return scene


def swapping() -> Scene:
    """A server whose own memory went to swap, in a group with a quota."""
    scene = one_cpu_server()
    running = scene.sample["servers"][0]
    group = cgroup(quota_cpus=4.0, memory_bytes=int(7.96 * GIB), memory_limit_bytes=8 * GIB, oom_kills=1)
    scene.sample["servers"] = (running.model_copy(update={"swapped_bytes": int(2.2 * GIB), "cgroup": group}),)
    scene.sample["memory"] = memory(15.5, 0.6, 2.9, 16, 5.4)
    scene.activity |= {
        "cpu": busy([0.5] * 8, iowait=1.1, steal=0.9),
        "memory": MemoryActivity(410.0, 96e6, 41e6, 1.2e7),
        "stalls": stalls(0.33, 0.42, 0.4),
        "drives": {"nvme0n1": rates(96, 41, 71.0, 0.8, 2.1)},
        "servers": {4711: did(4711, 3.9, engine(1.1, 0.0), throttled_share=0.62, throttled_cpus=2.2, waiting_cpus=2.6)},
    }
    scene.verdict = verdict(
        "swapping",
        "Swapping: 96 MB/s in, 41 MB/s out, 2.2 GiB of llama-server in swap",
        "bad",
        helps="a smaller context or --mlock",
    )
    scene.others = (verdict("cpu quota", "CPU quota of 4 CPUs cuts 62% of periods", "bad"),)
    scene.series |= {"swap": 137e6, "faults": 410.0}
    return scene


def many_cpus() -> Scene:
    """Three hundred and twenty CPUs on four nodes."""
    nodes = [NodeFacts(node=n, cpus=tuple(range(80 * n, 80 * n + 80))) for n in range(4)]
    shares = [0.95 if n < 160 else 0.3 if n % 3 else 0.02 for n in range(320)]
    return Scene(
        sample={
            "cpu": cpu(320, 2200),
            "memory": memory(1511, 1400, 80),
            "nodes": tuple(
                blank(NodeMoment, node=n, total_bytes=378 * GIB, free_bytes=310 * GIB, file_bytes=20 * GIB)
                for n in range(4)
            ),
        },
        activity={"cpu": busy(shares)},
        facts=facts(320, nodes, 900e9),
        verdict=verdict("oversubscribed", "Oversubscribed: 160 threads on 80 cores"),
        series={"cpu/busy": 180.0},
    )


def nothing_told() -> Scene:
    """Everything that may be unknown is."""
    unknown = blank(type(memory(1, 1, 1)))
    return Scene(
        sample={
            "cpu": None,
            "memory": unknown,
            "drives": (),
            "gpus": (gpu(0, **_GPU_UNKNOWN),),
            "servers": (
                server(
                    model=None,
                    port=None,
                    model_bytes=None,
                    file_bytes=None,
                    anon_bytes=None,
                    endpoint=None,
                    cpus_allowed=None,
                    decode_threads=None,
                ),
            ),
        },
        activity={
            "cpu": None,
            "memory": MemoryActivity(None, None, None, None),
            "stalls": stalls(None, None, None),
            "drives": {},
        },
        facts=facts(bandwidth=None, effective_cpus=None, cores=None),
        verdict=verdict("cannot tell", "Cannot tell: nothing could be read", confidence="low"),
        series={},
    )


_GPU_UNKNOWN: dict[str, Any] = dict.fromkeys(
    (
        "name",
        "uuid",
        "pci_address",
        "numa_node",
        "utilization_percent",
        "memory_busy_percent",
        "dram_percent",
        "memory_kind",
        "used_bytes",
        "total_bytes",
        "temperature_c",
        "slowdown_temperature_c",
        "power_mw",
        "power_limit_mw",
        "core_mhz",
        "core_max_mhz",
        "memory_mhz",
        "memory_max_mhz",
        "throttle_reasons",
        "throttle_harmful",
        "pcie_rx_bytes_per_s",
        "pcie_tx_bytes_per_s",
        "link_generation_now",
        "link_generation_max",
        "link_width_now",
        "link_width_max",
    )
)

SCENES: dict[str, Callable[[], Scene]] = {
    made.__name__: made
    for made in (
        no_gpu,
        one_cpu_server,
        one_gpu,
        eight_gpus,
        unified,
        amd_and_intel,
        asleep,
        no_nvml,
        no_metrics,
        many_slots,
        two_servers,
        two_nodes,
        disk_bound,
        swapping,
        many_cpus,
        nothing_told,
    )
}


def views() -> dict[str, View]:
    """Every situation."""
    return {
        "starting": starting(),
        "first_reading": first_reading(),
        **{name: made().view() for name, made in SCENES.items()},
    }
