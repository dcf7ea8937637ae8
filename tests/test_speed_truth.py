"""Estimates against published runs where these are at hand, and the bench that prints them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parent.parent / "bench" / "speed.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_speed", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_speed"] = module
    spec.loader.exec_module(module)
    return module


def test_without_the_table_the_bench_says_so(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMTUNE_TRUTH", str(tmp_path))
    assert bench.main() == 0
    assert "nothing to compare with" in capsys.readouterr().out


def test_published_speeds_are_met(bench: ModuleType) -> None:
    file = bench.truth_file()
    if file is None:
        return  # the bench says so itself: tried above
    rows, _ = bench.read_rows(file)
    judged = [each for each in bench.judge(rows) if not each.row.odd and len(each.row.resources.gpus) < 2]
    decode, prefill = bench.errors(each.decode for each in judged), bench.errors(each.prefill for each in judged)
    assert decode is not None
    assert prefill is not None
    assert decode[1] < 0.10
    assert decode[2] < 0.25
    assert prefill[1] < 0.20


def test_rows_become_plans(bench: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "llama_speed.csv"
    table.write_text(
        "source_url,hardware,mem_bandwidth_GBps_theoretical,model,quant,model_GiB,backend,threads,ngl,pp512_tps,"
        "tg128_tps,pp_test,tg_test,params_B,moe,n_gpus,flash_attn,depth,build,date,tool,bw_source,eff_dense,notes\n"
        "made,A box (Nvidia RTX 4090),1008,llama 8B,Q4_K - Medium,4.58,CUDA,,99,7000,130,pp512,tg128,8,0,1,1,0,1,"
        "2026-01,llama-bench,,,\n"
        "made,Some CPU,,llama 8B,Q4_0,,CPU,8,0,,9,,tg128,8,0,0,,0,1,2026-01,llama-bench,,,\n"
        "made,RTX 4090,1008,llama 8B,AWQ,,vllm 0.9,,99,,9,,tg128,8,0,1,,0,1,2026-01,harness,,,\n"
        "made,RTX 4090,1008,Mystery 9B,Q4_0,,CUDA,,99,,9,,tg128,8,0,1,,0,1,2026-01,llama-bench,,,\n"
    )
    rows, left_out = bench.read_rows(table)
    assert len(rows) == 1
    assert (rows[0].resources.gpus[0].title, rows[0].model.name) == ("RTX 4090", "Llama 3.1 8B")
    assert (rows[0].decode, rows[0].prefill, rows[0].placement.gpu_layers) == (130.0, 7000.0, 33)
    assert left_out == {
        "unknown processor Some CPU": 1,
        "vllm, another engine": 1,
        "unknown model Mystery 9B": 1,
    }


def test_errors_are_of_the_estimate(bench: ModuleType) -> None:
    assert bench.errors([1.0, 1.1, 0.8, None]) == (3, pytest.approx(0.1), pytest.approx(0.2))
    assert bench.errors([None]) is None
