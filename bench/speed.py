"""Estimated against published speeds: rows of llama-bench (and its like) from other machines, by class of device.

The rows lie outside the repository: LLMTUNE_TRUTH names the folder or the CSV file, else ../shared/truth.
Only rows whose engine the model is made for are judged; the others are counted, with the reason.
"""

import csv
import os
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmtune.advisors.plan import Threads
from llmtune.advisors.resources import Gpu, Processor, Rate, Resources
from llmtune.advisors.settings import HOST, CacheType, Placement, Settings
from llmtune.advisors.speed.calibration import ENGINES, Engine
from llmtune.advisors.speed.catalogue import KnownModel, catalogue, shape_model
from llmtune.advisors.speed.cpu_table import find_cpu
from llmtune.advisors.speed.devices import Backend, rated_bandwidth, rated_flops
from llmtune.advisors.speed.estimate import estimate
from llmtune.advisors.speed.gpu_table import find_gpu, named_gpu
from llmtune.probe.model.types import Model

FILE = "llama_speed.csv"
FORK_TYPES = {"IQ2_K": "IQ2_S", "IQ3_K": "Q3_K_S", "IQ4_K": "Q4_K_S", "IQ5_K": "Q5_K_S", "IQ6_K": "Q6_K"}
"""A fork's types -> llama.cpp's of nearly the same size."""


@dataclass(frozen=True)
class Row:
    """One published run, ready to be estimated."""

    number: int
    hardware: str
    group: str
    """The class it is judged in."""
    model: Model
    resources: Resources
    placement: Placement
    settings: Settings
    threads: Threads
    depth: int
    engine: Engine
    decode: float | None
    prefill: float | None
    odd: str
    """Why it is not counted although it could be estimated."""


@dataclass(frozen=True)
class Judged:
    """A row with what the model says; the ratios are estimated / measured."""

    row: Row
    decode: float | None
    prefill: float | None
    inside: bool | None
    """Whether decode lies within the interval told."""


def truth_file() -> Path | None:
    """The rows, or None."""
    named = os.environ.get("LLMTUNE_TRUTH")
    place = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "truth"
    file = place if place.is_file() else place / FILE
    return file if file.is_file() else None


def read_rows(file: Path) -> tuple[list[Row], dict[str, int]]:
    """What can be estimated, and how many rows cannot for each reason."""
    rows: list[Row] = []
    left_out: dict[str, int] = defaultdict(int)
    with file.open(encoding="utf-8", newline="") as stream:
        for number, fields in enumerate(csv.DictReader(stream)):
            try:
                rows.append(_row(number, fields))
            except _Unfit as why:
                left_out[str(why)] += 1
    return rows, dict(left_out)


class _Unfit(Exception):
    """Why a row cannot be estimated."""


def _row(number: int, fields: dict[str, str]) -> Row:
    engine = _engine(fields)
    model = _model(fields)
    count = int(fields["n_gpus"] or 1)
    if fields["tool"] == "harness" and count > 1:
        raise _Unfit("llama.cpp splitting tensors, not layers")
    if "cluster" in fields["hardware"].lower():
        raise _Unfit("several machines")
    gpu = _gpu(fields)
    threads = _threads(fields)
    resources = _resources(fields, gpu, count, threads)
    layers = len(model.shape.layers) + 1
    on_gpu = _offloaded(fields, layers) if gpu is not None else 0
    names = tuple(each.name for each in resources.gpus)
    shares = [on_gpu // count + (at < on_gpu % count) for at in range(count)] if names else []
    depth = int(float(fields["depth"])) if fields["depth"] else 0
    # A run that makes its tokens from nothing is at half of their number on average.
    depth += _number(fields["tg_test"], 128) // 2
    cache: CacheType = "q8_0" if "kv q8" in fields["notes"] else "f16"
    return Row(
        number=number,
        hardware=fields["hardware"],
        group=_group(resources.gpus, engine),
        model=model,
        resources=resources,
        placement=Placement(devices=names, gpu_layers=on_gpu, layers_per_device=tuple(shares)),
        settings=Settings(context=32768, slots=1, unified_kv=False, type_k=cache, type_v=cache),
        threads=threads,
        depth=depth,
        engine=engine,
        decode=float(fields["tg128_tps"]) if fields["tg128_tps"] else None,
        prefill=float(fields["pp512_tps"]) if fields["pp512_tps"] and fields["pp_test"] == "pp512" else None,
        odd=_odd(fields, count),
    )


def _number(text: str, default: int) -> int:
    found = re.match(r"[a-z]+(\d+)", text)
    return int(found[1]) if found else default


def _engine(fields: dict[str, str]) -> Engine:
    backend = fields["backend"].lower()
    for other in ("vllm", "exllama", "mlx", "tensorrt", "sglang"):
        if other in backend:
            raise _Unfit(f"{other}, another engine")
    if "ik_llama" in backend:
        return ENGINES["ik_llama.cpp"]
    return ENGINES["llama.cpp of 2024" if fields["date"] < "2025" else "llama.cpp"]


def _model(fields: dict[str, str]) -> Model:
    known = known_model(fields["model"])
    if known is None:
        raise _Unfit(f"unknown model {fields['model']}")
    quantization = fields["quant"].upper().removeprefix("GGUF-").replace("UD-", "")
    quantization = {"Q4_K - MEDIUM": "Q4_K_M", "Q4": "Q4_K_M", "": "Q4_K_M"}.get(quantization, quantization)
    quantization = re.sub(r"-REAP\d+$", "", quantization)
    quantization = re.sub(r" - (MEDIUM|SMALL|LARGE)", lambda m: f"_{m[1][0]}", quantization).replace(
        "Q4_K_M_M", "Q4_K_M"
    )
    try:
        model = shape_model(known, FORK_TYPES.get(quantization, quantization))
    except ValueError:
        raise _Unfit(f"unknown quantization {quantization}") from None
    if not fields["model_GiB"]:
        return model
    # The true size is known: mixes differ from publisher to publisher.
    factor = float(fields["model_GiB"]) * (1 << 30) / model.weights_bytes
    if fields["backend"].endswith("ik_llama.cpp") and known.tied:
        return model  # its files hold the output apart from the embedding, which is not read
    if not 0.7 < factor < 1.6:
        raise _Unfit(f"{fields['model']} {quantization} has {factor:.2f} times the size expected")
    tensors = tuple(t._replace(size_bytes=round(t.size_bytes * factor)) for t in model.tensors)
    return model.model_copy(update={"tensors": tensors})


def known_model(name: str) -> KnownModel | None:
    """The catalogue's entry for a name of llama-bench, a file or a person."""
    plain = re.sub(r"[-_ ]+", " ", name.lower())
    plain = re.sub(r"\.(?=q\d|gguf)", " ", plain)
    best: tuple[int, KnownModel] | None = None
    for pattern, entry in _ALIASES:
        if re.search(pattern, plain) and (best is None or len(pattern) > best[0]):
            best = (len(pattern), next(known for known in catalogue() if known.name == entry))
    if best is not None:
        return best[1]
    for known in catalogue():
        words = re.sub(r"[-_ ]+", " ", known.name.lower()).replace("/ r1", "").strip()
        if re.search(rf"\b{re.escape(words)}\b", plain) and (best is None or len(words) > best[0]):
            best = (len(words), known)
    return best[1] if best else None


_ALIASES = (
    (r"^llama 1b", "Llama 3.2 1B"),
    (r"^llama 3b", "Llama 3.2 3B"),
    (r"^llama 7b|^llama 2 7b", "Llama 2 7B"),
    (r"^llama 8b|llama 3(\.1)? 8b|r1 distill llama 8b", "Llama 3.1 8B"),
    (r"^llama 13b|llama 2 13b", "Llama 2 13B"),
    (r"^llama 70b|llama 3(\.[13])? 70b", "Llama 3.1 70B"),
    (r"^qwen2 7b|qwen 2\.5 7b|r1 distill qwen 7b", "Qwen2.5 7B"),
    (r"distill qwen 14b|^qwen2 14b|qwen 2\.5 14b", "Qwen2.5 14B"),
    (r"distill qwen 32b|^qwen2 32b|qwen 2\.5 32b", "Qwen2.5 32B"),
    (r"^qwen2 1\.5b|distill qwen 1\.5b", "Qwen2.5 1.5B"),
    (r"deepseek r1$|deepseek2 671b|deepseek v3|deepseek r1 671b", "DeepSeek V3 / R1"),
    (r"glm 4\.7 flash", "GLM-4.7 Flash"),
    (r"minimax m2", "MiniMax M2"),
    (r"nemotron 3 super", "Nemotron 3 Super 120B-A12B"),
    (r"nemotron 3 nano", "Nemotron 3 Nano 30B-A3B"),
    (r"qwen3 (coder|vl|omni) 30b a3b", "Qwen3 30B-A3B"),
    (r"qwen3 next", "Qwen3 Next 80B-A3B"),
    (r"devstral 2 123b", "Devstral 2 123B"),
    (r"gpt oss 20b", "gpt-oss 20B"),
    (r"gpt oss 120b", "gpt-oss 120B"),
    (r"gemma 4 e2b", "Gemma 4 E2B"),
    (r"gemma 4 e4b", "Gemma 4 E4B"),
    (r"ternary bonsai 8b", "Qwen3 8B"),
    (r"^mistral 7b", "Mistral 7B"),
    (r"phi 4$", "Phi-4 14B"),
    (r"gemma 3 27b", "Gemma 3 27B"),
    (r"gemma 3 12b", "Gemma 3 12B"),
    (r"gemma 3 4b", "Gemma 3 4B"),
    (r"gemma 3 1b", "Gemma 3 1B"),
)


def _gpu(fields: dict[str, str]) -> Gpu | None:
    backend, hardware = fields["backend"], fields["hardware"]
    if re.search(r"\bcpu\b", backend.lower()) or fields["ngl"] == "0" or fields["n_gpus"] == "0":
        return None
    inside = re.search(r"\((?:nvidia |amd |intel )?([^()]*)\)", hardware, re.IGNORECASE)
    spec = None
    for name in (re.split(r" / |: | x\d", hardware)[0], hardware, inside[1] if inside else ""):
        spec = spec or find_gpu(name)
    if spec is None and inside:
        try:
            spec = named_gpu(inside[1])
        except LookupError:
            spec = None
    if spec is None:
        raise _Unfit(f"unknown GPU {hardware}")
    kind: Backend = "CUDA" if "NVIDIA" in spec.source else "ROCm" if spec.source.startswith("AMD") else "SYCL"
    if "vulkan" in backend.lower() and not ("rocm" in backend.lower() and kind == "CUDA"):
        kind = "Vulkan"
    if "Vulkan/ROCm" in backend:
        kind = "CUDA" if "NVIDIA" in spec.source else "Vulkan"
    unified = spec.pcie_lanes is None
    lane = 0.985e9 if "PCIe Gen3 x1" in fields["notes"] else 16 * 1.97e9
    return Gpu(
        name=f"{kind}0",
        title=spec.name,
        backend=kind,
        unified=unified,
        total_bytes=int(spec.memory_gib * (1 << 30)),
        free_bytes=int(spec.memory_gib * (1 << 30)),
        reserve_bytes=0,
        bandwidth_bytes=rated_bandwidth(spec),
        flops_fp16=rated_flops(spec),
        link_bytes=None if unified else Rate(per_s=lane, basis="assumed", source="PCIe"),
        numa_node=None,
        generation=spec.generation,
        power_share=_power_share(hardware, spec.name),
    )


def _power_share(hardware: str, product: str) -> float:
    cap = re.search(r"\((\d+) W cap\)", hardware)
    return min(1.0, int(cap[1]) / {"RTX 3090": 350}.get(product, int(cap[1]))) if cap else 1.0


def _processor(fields: dict[str, str]) -> tuple[str, str, int, float] | None:
    return next((each for each in CPUS if re.search(each[0], fields["hardware"].lower())), None)


def _threads(fields: dict[str, str]) -> Threads:
    numbers = [int(each) for each in re.findall(r"\d+", fields["threads"])]
    match = _processor(fields)
    decode = numbers[0] if numbers else match[2] if match else 8
    batch = numbers[1] if len(numbers) > 1 else decode
    return Threads(decode=decode, batch=batch, cpus=(), memory_nodes=(), memory_policy="default", numa="none", why=())


CPUS = (
    (r"7950x", "AMD Ryzen 9 7950X", 16, 5.0e9),
    (r"5950x", "AMD Ryzen 9 5950X", 16, 4.4e9),
    (r"9950x", "AMD Ryzen 9 9950X", 16, 5.2e9),
    (r"n150|n100", "Intel N150", 4, 3.2e9),
    (r"pi 5|cm5|pi 500", "Cortex-A76", 4, 2.4e9),
    (r"ms-r1|orion o6", "Cortex-A720", 8, 2.6e9),
    (r"framework 13.*340", "AMD Ryzen AI 5 340", 6, 4.0e9),
    (r"framework mainboard|max\+ 395", "AMD Ryzen AI Max+ 395", 16, 4.4e9),
    (r"ampereone", "AmpereOne", 192, 3.2e9),
    (r"altra|thelio astra", "Ampere Altra", 128, 3.0e9),
    (r"xeon 6980p", "Intel Xeon 6980P", 128, 2.8e9),
    (r"xeon 5218|gold 5218", "Intel Xeon Gold 5218", 16, 2.8e9),
    (r"i7-8550u", "Intel Core i7-8550U", 4, 2.6e9),
    (r"risc-v", "RISC-V", 8, 1.8e9),
    (r"6800 xt host", "AMD Ryzen 9 5950X", 16, 4.4e9),
    (r"i7-8700", "Intel Core i7-8700", 6, 4.2e9),
    (r"i9-14900k|13900k", "Intel Core i9-14900K", 24, 4.8e9),
    (r"5800h", "AMD Ryzen 7 5800H", 8, 4.0e9),
)


def _resources(fields: dict[str, str], gpu: Gpu | None, count: int, threads: Threads) -> Resources:
    match = _processor(fields)
    if match is None and gpu is None:
        raise _Unfit(f"unknown processor {fields['hardware']}")
    _, name, cores, clock = match or ("", "Intel Core i5-13400", 8, 4.2e9)
    spec = find_cpu(name)
    assert spec is not None, name
    bandwidth = Rate(per_s=spec.bandwidth_bytes_per_s, basis="rated", source=spec.source)
    if gpu is None and fields["mem_bandwidth_GBps_theoretical"]:
        rate = float(fields["mem_bandwidth_GBps_theoretical"]) * 1e9
        bandwidth = Rate(per_s=rate, basis="rated", source="row")
    gpus = (
        tuple(
            gpu.model_copy(update={"name": f"{gpu.backend}{number}"}) for number in range(max(count, 1) if gpu else 0)
        )
        if gpu
        else ()
    )
    return Resources(
        title=fields["hardware"],
        gpus=gpus,
        processor=Processor(
            cpus=float(max(cores, threads.decode, threads.batch)),
            cpu_list=tuple(range(cores)),
            cores=cores,
            bandwidth_bytes=bandwidth,
            flops=Rate(per_s=cores * clock * spec.flops_per_cycle, basis="rated", source=spec.source),
            features=frozenset({"avx2"}),
            busy_cpus=0.0,
            core_bytes=spec.core_bytes_per_s,
            core_flops=clock * spec.flops_per_cycle,
            fabric_bytes=spec.fabric_bytes_per_s,
        ),
        host_total_bytes=None,
        host_free_bytes=None,
        disk_bytes=None,
        numa_nodes=(),
    )


def _offloaded(fields: dict[str, str], layers: int) -> int:
    part = re.match(r"(\d+)/(\d+)", fields["ngl"])
    return round(layers * int(part[1]) / int(part[2])) if part else layers


def _group(gpus: Sequence[Gpu], engine: Engine) -> str:
    if not gpus:
        return f"CPU, {engine.name}"
    kind = f"{gpus[0].generation} {gpus[0].backend}"
    return f"{len(gpus)} GPUs: {kind}" if len(gpus) > 1 else kind


def _odd(fields: dict[str, str], count: int) -> str:
    """Rows that no model of the hardware could tell, and why."""
    hardware, backend = fields["hardware"], fields["backend"]
    if "Vulkan/ROCm" in backend and "Nvidia" not in hardware:
        return "AMD and Intel cards on a Raspberry Pi: its PCIe is not coherent, a third to a tenth of the speed"
    if "P550" in hardware or "RISC-V" in hardware:
        return "RISC-V boards: no vector kernels, PCIe not coherent"
    if "13900K" in hardware:
        return "a slow host: its RTX 5090 decodes slower than another host's RTX 4090"
    if "Thelio Astra" in hardware and "A4000" in hardware:
        return "half the speed of its like: the RTX A400 beside it reaches 74 % of its bandwidth, this one 41 %"
    if "UHD 620" in hardware or "i7-8550U" in hardware:
        return "a laptop in its best-power-efficiency mode"
    if "5453 MiB used" in fields["notes"] or "browser" in fields["notes"]:
        return "the GPU's memory was overcommitted by other programs"
    if "Qwen3-Next" in fields["model"] and fields["date"] < "2026":
        return "before there were kernels for its kind of layer: a third of the speed"
    if fields["tool"] == "harness" and fields["tg_test"] == "single_stream_wall" and fields["pp_test"] == "prompt 512":
        return "wall time of prompt and answer together"
    if "L40S" in hardware and fields["quant"] == "F16" and "8B" in fields["model"]:
        return "its prefill is a fifth of what the 70B model on the same machine reaches"
    return ""


def judge(rows: Iterable[Row]) -> list[Judged]:
    """Estimate every row."""
    found = []
    for row in rows:
        places = {tensor.name: _place(tensor.name, row) for tensor in row.model.tensors}
        if not any(tensor.name == "output.weight" for tensor in row.model.tensors):
            places["output.weight"] = row.placement.devices[-1] if row.placement.devices else HOST
        plan = estimate(
            row.model, row.placement, row.settings, places, row.resources, row.threads, row.depth, engine=row.engine
        )
        speed = plan.decode_tokens_per_s
        found.append(
            Judged(
                row,
                speed.expected / row.decode if row.decode else None,
                plan.prefill_tokens_per_s.expected / row.prefill if row.prefill else None,
                speed.low <= row.decode <= speed.high if row.decode else None,
            )
        )
    return found


def _place(name: str, row: Row) -> str:
    from llmtune.advisors.memory.places import is_input, layer_of, layer_places

    if is_input(name):
        return HOST
    layers = layer_places(row.model.shape, row.placement)
    layer = layer_of(name)
    return layers[-1] if layer is None else layers[layer]


def errors(ratios: Iterable[float | None]) -> tuple[int, float, float] | None:
    """How many, the median and the 90th percentile of |estimated / measured - 1|."""
    values = sorted(abs(ratio - 1) for ratio in ratios if ratio is not None)
    if not values:
        return None
    return len(values), statistics.median(values), values[min(len(values) - 1, round(0.9 * len(values) - 0.5))]


def _line(name: str, judged: Sequence[Judged]) -> str:
    cells = []
    for ratios in ([each.decode for each in judged], [each.prefill for each in judged]):
        found = errors(ratios)
        cells.append(f"{found[0]:5d} {found[1]:8.1%} {found[2]:8.1%}" if found else " " * 23)
    within = [each.inside for each in judged if each.inside is not None]
    share = f"{sum(within) / len(within):8.0%}" if within else ""
    return f"{name:34}{cells[0]}  {cells[1]}  {share}"


def main() -> int:
    file = truth_file()
    if file is None:
        print(f"{FILE} is not at hand (LLMTUNE_TRUTH): nothing to compare with")
        return 0
    rows, left_out = read_rows(file)
    judged = judge(rows)
    counted = [each for each in judged if not each.row.odd]
    groups: dict[str, list[Judged]] = defaultdict(list)
    for each in counted:
        groups[each.row.group].append(each)
    print(f"{'':34}{'decode':>23}  {'prefill':>23}  {'decode in':>9}")
    print(f"{'class':34}{'rows':>5} {'median':>8} {'p90':>8}  {'rows':>5} {'median':>8} {'p90':>8}  {'interval':>9}")
    for name in sorted(groups):
        print(_line(name, groups[name]))
    single = [each for each in counted if len(each.row.resources.gpus) == 1]
    print()
    print(_line("one GPU", single))
    print(_line("CPU", [each for each in counted if not each.row.resources.gpus]))
    print(_line("several GPUs", [each for each in counted if len(each.row.resources.gpus) > 1]))
    print(_line("one GPU and CPU", [each for each in counted if len(each.row.resources.gpus) < 2]))
    print(_line("the same with odd rows", [each for each in judged if len(each.row.resources.gpus) < 2]))
    print()
    for why, count in sorted(left_out.items()):
        print(f"left out: {count:3d} rows, {why}")
    for why in sorted({each.row.odd for each in judged if each.row.odd}):
        print(f"odd: {sum(each.row.odd == why for each in judged):3d} rows, {why}")
    if "-v" in sys.argv:
        for each in judged:
            row = each.row
            decode = f"{each.decode - 1:+7.0%}" if each.decode else "       "
            prefill = f"{each.prefill - 1:+7.0%}" if each.prefill else "       "
            name = f"{row.model.name} {row.model.quantization}"
            print(f"{row.number:4d} {row.group:24} {row.hardware[:30]:30} {name:36}{decode}{prefill} {row.odd[:20]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
