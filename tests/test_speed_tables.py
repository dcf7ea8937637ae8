"""The data files: found by every name, complete, and true to files of known size."""

import tomllib
from pathlib import Path

import pytest

from llmtune.advisors.speed.catalogue import catalogue, shape_model
from llmtune.advisors.speed.cpu_table import cpu_specs, find_cpu
from llmtune.advisors.speed.devices import rated_flops
from llmtune.advisors.speed.gpu_table import find_gpu, named_gpu, specs
from llmtune.advisors.speed.quantization_mix import QUANTIZATIONS

GIB = 1 << 30


@pytest.mark.parametrize(
    ("name", "memory", "bandwidth"),
    [
        ("NVIDIA GeForce RTX 4090", 24 * GIB, 1008),
        ("NVIDIA GeForce RTX 3080", 12 * GIB, 912),
        ("NVIDIA GeForce RTX 3080", 10 * GIB, 760),
        ("NVIDIA GeForce RTX 4060 Ti", 16 * GIB, 288),
        ("NVIDIA GeForce RTX 3060 Laptop GPU", 6 * GIB, 336),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", 16 * GIB, 672),
        ("NVIDIA H100 80GB HBM3", 80 * GIB, 3350),
        ("NVIDIA H100 PCIe", 80 * GIB, 2039),
        ("NVIDIA H200", 141 * GIB, 4800),
        ("NVIDIA B200", 180 * GIB, 8000),
        ("NVIDIA A100-SXM4-80GB", 80 * GIB, 2039),
        ("NVIDIA A100-PCIE-40GB", 40 * GIB, 1555),
        ("Tesla V100-SXM2-32GB", 32 * GIB, 900),
        ("Tesla P40", 24 * GIB, 346),
        ("Tesla T4", 15 * GIB, 320),
        ("NVIDIA L40S", 45 * GIB, 864),
        ("NVIDIA L4", 23 * GIB, 300),
        ("NVIDIA A10G", 23 * GIB, 600),
        ("NVIDIA RTX A6000", 48 * GIB, 768),
        ("NVIDIA RTX 6000 Ada Generation", 48 * GIB, 960),
        ("Quadro RTX 6000", 24 * GIB, 672),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 96 * GIB, 1792),
        ("NVIDIA GB10", None, 273),
        ("Orin (nvgpu)", None, 204.8),
        ("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]", 20 * GIB, 800),
        ("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]", 24 * GIB, 960),
        ("Radeon RX 7900 XTX", None, 960),
        ("Strix Halo [Radeon Graphics / Radeon 8050S Graphics / Radeon 8060S Graphics]", None, 256),
        ("Aqua Vanjaram [Instinct MI300X]", 192 * GIB, 5300),
        ("AMD Radeon AI PRO R9700", 32 * GIB, 640),
        ("DG2 [Arc A770]", 16 * GIB, 560),
        ("Battlemage G21 [Arc B580]", None, 456),
    ],
)
def test_gpus_are_known_as_drivers_call_them(name: str, memory: int | None, bandwidth: float) -> None:
    spec = find_gpu(name, memory)
    assert spec is not None
    assert spec.bandwidth_gb_s == bandwidth


@pytest.mark.parametrize("name", ["", "NVIDIA Graphics Device", "gfx1100", "RTX 9090", "Tesla K80", "GeForce RTX 4071"])
def test_other_names_are_no_product(name: str) -> None:
    assert find_gpu(name) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("4090", "RTX 4090"),
        ("rtx4070ti", "RTX 4070 Ti"),
        ("3090 ti", "RTX 3090 Ti"),
        ("RTX 3080 12 GB", "RTX 3080 12GB"),
        ("7900xtx", "RX 7900 XTX"),
        ("h100", "H100 80GB HBM3"),
        ("a6000", "RTX A6000"),
        ("dgx spark", "GB10"),
        ("Strix Halo", "Radeon 8060S"),
        ("b60", "Arc Pro B60"),
    ],
)
def test_gpus_are_known_as_people_call_them(text: str, name: str) -> None:
    assert named_gpu(text).name == name


@pytest.mark.parametrize("text", ["RTX 9999", "", "radeon", "x" * 10_000, "\0", "\x1b[31m"])
def test_an_unknown_gpu_is_an_error(text: str) -> None:
    with pytest.raises(LookupError, match="no GPU is known as"):
        named_gpu(text)


def test_an_unknown_gpu_names_what_is_near() -> None:
    with pytest.raises(LookupError, match=r"near are .*RTX 5090"):
        named_gpu("RTX 9090")


def test_every_gpu_is_found_by_its_own_name_and_has_sane_numbers() -> None:
    assert len(specs()) > 200
    for spec in specs():
        found = find_gpu(spec.name, int(spec.memory_gib * GIB))
        assert found == spec
        assert 1 < spec.memory_gib <= 300
        assert 30 < spec.bandwidth_gb_s <= 8000
        assert 0.3 < spec.fp32_tflops <= 170
        assert spec.fp16_tflops >= 0.99 * spec.fp32_tflops
        assert len(spec.source) > 10


def test_geforce_multiplies_twice_as_fast_with_16_bit_sums() -> None:
    for name, tera in [("RTX 4090", 330.5), ("RTX 6000 Ada", 364.2), ("H100 PCIe", 756.5), ("RTX 3090", 142)]:
        rate = rated_flops(find_gpu(name))
        assert rate is not None
        assert rate.per_s == pytest.approx(tera * 1e12, rel=0.01)


@pytest.mark.parametrize(
    ("name", "gb_s"),
    [
        ("AMD Ryzen 9 7950X 16-Core Processor", 83.2),
        ("AMD Ryzen 7 5800X 8-Core Processor", 51.2),
        ("AMD EPYC 9654 96-Core Processor", 460.8),
        ("AMD EPYC 7763 64-Core Processor", 204.8),
        ("AMD EPYC 7302P 16-Core Processor", 204.8),
        ("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S", 256),
        ("AMD Ryzen Threadripper PRO 7975WX 32-Cores", 332.8),
        ("Intel(R) Xeon(R) Platinum 8480+", 307.2),
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 140.8),
        ("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", 76.8),
        ("Intel(R) Xeon(R) 6980P", 614.4),
        ("13th Gen Intel(R) Core(TM) i9-13900K", 89.6),
        ("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", 42.7),
        ("Intel(R) N150", 38.4),
        ("Neoverse-N1", 204.8),
        ("Cortex-A76", 17.1),
    ],
)
def test_processors_are_known_by_family(name: str, gb_s: float) -> None:
    spec = find_cpu(name)
    assert spec is not None
    assert spec.bandwidth_bytes_per_s / 1e9 == pytest.approx(gb_s, rel=0.01)


def test_unknown_processors_are_unknown() -> None:
    assert find_cpu("Some Processor 3000") is None
    assert all(spec.title and spec.flops_per_cycle > 0 for spec in cpu_specs())


def test_shapes_have_the_parameters_they_are_known_for() -> None:
    assert len(catalogue()) > 80
    assert len({known.name for known in catalogue()}) == len(catalogue())
    for known in catalogue():
        model = shape_model(known, "F16")
        assert model.parameters == pytest.approx(known.parameters * 1e9, rel=0.01), known.name
        assert 0 < known.active <= known.parameters
        assert len(model.shape.layers) == known.layers


@pytest.mark.parametrize(
    ("name", "quantization", "gib"),
    [
        ("Llama 3.1 8B", "Q4_K_M", 4.58),
        ("Llama 3.1 8B", "Q8_0", 7.95),
        ("Llama 3.1 8B", "F16", 14.96),
        ("Llama 3.1 8B", "Q6_K", 6.14),
        ("Llama 3.1 8B", "IQ4_XS", 4.13),
        ("Llama 3.1 8B", "IQ3_S", 3.42),
        ("Llama 3.1 8B", "IQ2_XXS", 2.23),
        ("Llama 3.2 3B", "Q4_K_M", 1.87),
        ("Llama 3.1 70B", "Q4_K_M", 39.59),
        ("Qwen2.5 14B", "Q4_K_M", 8.37),
        ("Qwen3 30B-A3B", "Q4_K_M", 17.28),
        ("gpt-oss 20B", "MXFP4", 11.27),
        ("gpt-oss 120B", "MXFP4", 59.02),
        ("DeepSeek V3 / R1", "Q4_K_M", 376.65),
        ("Devstral 2 123B", "Q3_K_S", 50.63),
    ],
)
def test_sizes_are_those_of_true_files(name: str, quantization: str, gib: float) -> None:
    model = shape_model(next(known for known in catalogue() if known.name == name), quantization)
    assert model.weights_bytes / GIB == pytest.approx(gib, rel=0.01)
    assert model.kind == "shape"


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_every_quantization_fits_every_shape(quantization: str) -> None:
    for known in catalogue()[::3]:
        model = shape_model(known, quantization)
        assert 0.2 < 8 * model.weights_bytes / model.parameters <= 32.01, known.name


def test_an_unknown_quantization_is_an_error() -> None:
    with pytest.raises(ValueError, match="Q9_9"):
        shape_model(catalogue()[0], "Q9_9")


def test_all_data_files_are_packaged() -> None:
    root = Path(__file__).parent.parent
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["llmtune"]
    packaged = {path for pattern in patterns for path in root.glob(pattern)}
    assert {path for path in (root / "advisors" / "data").iterdir() if path.is_file()} <= packaged
