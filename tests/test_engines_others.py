"""vLLM, SGLang, TGI, Ollama and others: the names of their versions, and what they do not tell."""

import pytest
from effort import examples
from engine_servers import Pages, pages
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtune.advisors.activity.engine import engine_activity
from llmtune.probe.reading import Unreadable
from llmtune.probe.sample.engine import EngineMoment, LoadedModel, MeanOf
from llmtune.probe.sample.engines.read import READERS, read_engine

VLLM_V1 = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen/Qwen3-8B"} 3.0
vllm:num_requests_running{engine="1",model_name="Qwen/Qwen3-8B"} 2.0
vllm:num_requests_waiting{engine="0",model_name="Qwen/Qwen3-8B"} 0.0
vllm:num_requests_waiting{engine="1",model_name="Qwen/Qwen3-8B"} 7.0
vllm:engine_sleep_state{engine="0",model_name="Qwen/Qwen3-8B",sleep_state="awake"} 1.0
vllm:engine_sleep_state{engine="0",model_name="Qwen/Qwen3-8B",sleep_state="weights_offloaded"} 0.0
vllm:kv_cache_usage_perc{engine="0",model_name="Qwen/Qwen3-8B"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="Qwen/Qwen3-8B"} 0.75
vllm:prefix_cache_queries_total{engine="0",model_name="Qwen/Qwen3-8B"} 1000.0
vllm:prefix_cache_queries_created{engine="0",model_name="Qwen/Qwen3-8B"} 1.75e+09
vllm:prefix_cache_hits_total{engine="0",model_name="Qwen/Qwen3-8B"} 600.0
vllm:num_preemptions_total{engine="0",model_name="Qwen/Qwen3-8B"} 4.0
vllm:prompt_tokens_total{engine="0",model_name="Qwen/Qwen3-8B"} 1000.0
vllm:prompt_tokens_total{engine="1",model_name="Qwen/Qwen3-8B"} 500.0
vllm:generation_tokens_total{engine="0",model_name="Qwen/Qwen3-8B"} 400.0
vllm:generation_tokens_total{engine="1",model_name="Qwen/Qwen3-8B"} 100.0
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="Qwen/Qwen3-8B"} 300.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="Qwen/Qwen3-8B"} 240.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="Qwen/Qwen3-8B"} 0.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="Qwen/Qwen3-8B"} 10.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="Qwen/Qwen3-8B"} 10.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="Qwen/Qwen3-8B"} 2.5
vllm:inter_token_latency_seconds_count{engine="0",model_name="Qwen/Qwen3-8B"} 390.0
vllm:inter_token_latency_seconds_sum{engine="0",model_name="Qwen/Qwen3-8B"} 7.8
vllm:request_queue_time_seconds_count{engine="0",model_name="Qwen/Qwen3-8B"} 10.0
vllm:request_queue_time_seconds_sum{engine="0",model_name="Qwen/Qwen3-8B"} 0.5
vllm:estimated_read_bytes_per_gpu_total{engine="0",model_name="Qwen/Qwen3-8B"} 5e+12
vllm:estimated_read_bytes_per_gpu_total{engine="1",model_name="Qwen/Qwen3-8B"} 4e+12
vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="1000",sliding_window="None"} 1.0
"""
VLLM_V0 = """\
vllm:num_requests_running{model_name="m"} 1.0
vllm:num_requests_swapped{model_name="m"} 2.0
vllm:num_requests_waiting{model_name="m"} 3.0
vllm:gpu_cache_usage_perc{model_name="m"} 0.5
vllm:num_preemptions_total{model_name="m"} 1.0
vllm:generation_tokens_total{model_name="m"} 50.0
vllm:time_per_output_token_seconds_sum{model_name="m"} 2.0
vllm:time_per_output_token_seconds_count{model_name="m"} 40.0
vllm:time_in_queue_requests_sum{model_name="m"} 3.0
vllm:time_in_queue_requests_count{model_name="m"} 6.0
vllm:avg_generation_throughput_toks_per_s{model_name="m"} 12.0
"""
SGLANG = """\
sglang:num_running_reqs{engine_type="unified",model_name="llama",pp_rank="0",tp_rank="0",dp_rank="0"} 4.0
sglang:num_running_reqs{engine_type="unified",model_name="llama",pp_rank="0",tp_rank="1",dp_rank="0"} 4.0
sglang:num_running_reqs{engine_type="unified",model_name="llama",pp_rank="0",tp_rank="0",dp_rank="1"} 2.0
sglang:num_queue_reqs{model_name="llama",tp_rank="0"} 3.0
sglang:token_usage{model_name="llama",tp_rank="0"} 0.94
sglang:num_used_tokens{model_name="llama",tp_rank="0"} 9400
sglang:max_total_num_tokens{model_name="llama",tp_rank="0"} 10000
sglang:gen_throughput{model_name="llama",tp_rank="0"} 86.5
sglang:prompt_tokens_total{model_name="llama"} 8.0e+06
sglang:generation_tokens_total{model_name="llama"} 7.5e+06
sglang:cached_tokens_total{model_name="llama"} 2.0e+06
sglang:num_retracted_requests_total{model_name="llama"} 5.0
sglang:time_to_first_token_seconds_sum{model_name="llama"} 12.0
sglang:time_to_first_token_seconds_count{model_name="llama"} 40.0
sglang:inter_token_latency_seconds_sum{model_name="llama"} 3.0
sglang:inter_token_latency_seconds_count{model_name="llama"} 300.0
sglang:queue_time_seconds_sum{model_name="llama"} 1.0
sglang:queue_time_seconds_count{model_name="llama"} 50.0
"""
TGI = """\
tgi_queue_size 6
tgi_batch_current_size 2
tgi_request_generated_tokens_bucket{le="10"} 20
tgi_request_generated_tokens_sum 12500
tgi_request_generated_tokens_count 150
tgi_request_input_length_sum 18000
tgi_request_input_length_count 150
tgi_request_mean_time_per_token_duration_sum 2
tgi_request_mean_time_per_token_duration_count 100
tgi_request_queue_duration_sum 4.5
tgi_request_queue_duration_count 150
"""
OLLAMA = {
    "models": [
        {
            "name": "llama3.2:3b",
            "model": "llama3.2:3b",
            "size": 4_000_000_000,
            "size_vram": 3_000_000_000,
            "digest": "x",
        },
        {"model": "other", "size": "big"},
        {"size": 3},
        "no model",
    ]
}


def a_second_later(before: EngineMoment, now: EngineMoment) -> EngineMoment:
    return now.model_copy(update={"clock_s": before.clock_s + 1})


def test_vllm_adds_its_engines_up_and_tells_the_fullest_cache() -> None:
    told = read_engine(pages(metrics=VLLM_V1, version={"version": "0.33.0"}), "vLLM")
    assert (told.state, told.detail, told.version, told.model) == ("ready", "", "0.33.0", "Qwen/Qwen3-8B")
    assert (told.running, told.waiting, told.preemptions) == (5, 7, 4)
    assert (told.generated_tokens, told.prompt_tokens, told.generated_when_done) == (500, 1500, False)
    assert (told.cached_tokens, told.cache_queries) == (600, 1000)
    assert (told.drafted_tokens, told.accepted_tokens) == (300, 240)
    assert (told.kv_share, told.kv_size_tokens, told.kv_tokens) == (0.75, 16_000, 12_000)
    assert (told.first_token, told.between_tokens) == (MeanOf(seconds=2.5, count=10), MeanOf(seconds=7.8, count=390))
    assert told.queued == MeanOf(seconds=0.5, count=10)
    assert told.read_bytes_estimate == 5e12


def test_vllms_rate_is_its_counter() -> None:
    before = read_engine(pages(metrics=VLLM_V1), "vLLM")
    text = VLLM_V1.replace("400.0", "450.0").replace("5e+12", "5.5e+12")
    text = text.replace("} 10.0\n", "} 12.0\n").replace(" 2.5\n", " 3.5\n")
    rates = engine_activity(before, a_second_later(before, read_engine(pages(metrics=text), "vLLM", before)))
    assert (rates.decode_tokens_per_s, rates.decode_basis) == (50, "counter")
    assert (rates.first_token_s, rates.between_tokens_s, rates.queued_s) == (0.5, None, 0)
    assert rates.read_bytes_per_s == 5e11


def test_a_row_for_each_process_is_not_added_up() -> None:
    rows = "".join(f'vllm:num_requests_running{{engine="0",pid="{pid}"}} {pid}\n' for pid in (3, 4, 5))
    assert read_engine(pages(metrics=rows), "vLLM").running == 5


def test_vllm_v0() -> None:
    told = read_engine(pages(metrics=VLLM_V0), "vLLM")
    assert (told.running, told.waiting, told.kv_share, told.generated_tokens) == (1, 5, 0.5, 50)
    assert (told.between_tokens, told.queued) == (MeanOf(seconds=2, count=40), MeanOf(seconds=3, count=6))
    assert (told.cached_tokens, told.read_bytes_estimate, told.version) == (None, None, None)
    assert told.rate_tokens_per_s is None


def test_vllm_asleep() -> None:
    text = VLLM_V1.replace('sleep_state="awake"} 1.0', 'sleep_state="awake"} 0.0')
    assert read_engine(pages(metrics=text), "vLLM").state == "sleeping"


def test_vllms_version_is_asked_for_once() -> None:
    get = pages(metrics=VLLM_V1, version={"version": "0.33.0"})
    told = read_engine(get, "vLLM")
    assert read_engine(get, "vLLM", told).version == "0.33.0"
    assert get.asked == ["/metrics", "/version", "/metrics"]


@pytest.mark.parametrize("prefix", ["sglang:", "sglang_"])
def test_sglang(prefix: str) -> None:
    told = read_engine(pages(metrics=SGLANG.replace("sglang:", prefix)), "SGLang")
    assert (told.state, told.model, told.running, told.waiting, told.preemptions) == ("ready", "llama", 6, 3, 5)
    assert (told.kv_share, told.kv_tokens, told.kv_size_tokens) == (0.94, 9400, 10_000)
    assert (told.cached_tokens, told.cache_queries) == (2e6, 8e6)
    assert told.queued == MeanOf(seconds=1, count=50)
    rates = engine_activity(None, told)
    assert (rates.decode_tokens_per_s, rates.decode_basis) == (86.5, "gauge")


def test_sglangs_gauge_keeps_its_last_value_when_there_is_nothing_to_do() -> None:
    idle = "sglang:num_running_reqs 0\nsglang:gen_throughput 86.5\n"
    assert engine_activity(None, read_engine(pages(metrics=idle), "SGLang")).decode_tokens_per_s == 0


def test_tgi_tells_tokens_when_a_request_ends() -> None:
    before = read_engine(pages(metrics=TGI), "TGI")
    assert (before.running, before.waiting, before.generated_tokens, before.prompt_tokens) == (2, 6, 12_500, 18_000)
    now = a_second_later(before, read_engine(pages(metrics=TGI.replace("12500", "12600")), "TGI"))
    rates = engine_activity(before, now)
    assert (rates.decode_tokens_per_s, rates.decode_basis) == (100, "counter, moves when a request ends")


def test_ollama_tells_its_models_and_no_speed() -> None:
    get = Pages({"/api/ps": OLLAMA, "/api/version": {"version": "0.12.1"}})
    told = read_engine(get, "Ollama")
    assert (told.state, told.version) == ("ready", "0.12.1")
    assert "tokens/s" in told.detail
    assert told.models == (
        LoadedModel(name="llama3.2:3b", total_bytes=4_000_000_000, gpu_bytes=3_000_000_000),
        LoadedModel(name="other", total_bytes=None, gpu_bytes=None),
    )
    rates = engine_activity(told, a_second_later(told, read_engine(get, "Ollama", told)))
    assert (rates.decode_tokens_per_s, rates.decode_basis) == (None, "not told")
    assert get.asked.count("/api/version") == 1


def test_an_unknown_engine_is_asked_for_what_most_tell() -> None:
    text = 'lmdeploy:num_requests_running{model_name="m"} 2\nlmdeploy:generation_tokens_total{model_name="m"} 70\n'
    told = read_engine(pages(metrics=text), "LMDeploy")
    assert (told.state, told.running, told.generated_tokens, told.model) == ("ready", 2, 70, "m")
    get = Pages({"/prometheus/metrics": "trtllm_kv_cache_utilization 0.5\ntrtllm_time_to_first_token_seconds_sum 3\n"})
    assert read_engine(get, "TensorRT-LLM").kv_share == 0.5


@pytest.mark.parametrize(
    ("engine", "words"), [("vLLM", "--disable-log-stats"), ("SGLang", "--enable-metrics"), ("Triton", "/metrics")]
)
def test_what_to_do_where_nothing_is_told(engine: str, words: str) -> None:
    for page in ((404, "Not Found"), "python_gc_objects_collected_total 3\n"):
        told = read_engine(pages(metrics=page), engine)
        assert told.state == "no metrics"
        assert words in told.detail


@pytest.mark.parametrize("engine", [*READERS, "llama.cpp", "Triton"])
@pytest.mark.parametrize("reason", ["missing", "timed out", "malformed"])
def test_a_server_that_cannot_be_asked(engine: str, reason: str) -> None:
    def get(path: str) -> None:
        raise Unreadable(reason, "why")  # type: ignore[arg-type]

    told = read_engine(get, engine)  # type: ignore[arg-type]
    assert told.state == {"missing": "unreachable", "timed out": "timed out", "malformed": "bad answer"}[reason]
    assert told.detail == "why"


@pytest.mark.fuzz
@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from([*READERS, "llama.cpp", "Triton"]), st.binary(max_size=60), st.integers(200, 599), st.data())
def test_any_answer_is_a_moment(engine: str, body: bytes, status: int, data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from((VLLM_V1 + SGLANG + TGI).splitlines()), max_size=5))
    page = ("\n".join(lines) + body.decode("utf-8", "replace")).encode()
    get = Pages(dict.fromkeys(("/metrics", "/props", "/slots", "/version", "/api/ps", "/api/version"), page))
    EngineMoment.model_validate(read_engine(get, engine).model_dump())
    get = Pages(dict.fromkeys(get.pages, (status, page.decode("utf-8", "replace"))))
    EngineMoment.model_validate(read_engine(get, engine).model_dump())
