"""Coverage-guided fuzzing of the readers of models, `make fuzz`: python tests/fuzz_models.py KIND [OPTION]...

KIND is gguf (any bytes), keys (any values in a well-formed GGUF file), config or safetensors. Failures are any
exception but `BadModel`, a line too long and two seconds spent; the input that causes one is left in a file called
crash-*. Options are libFuzzer's, such as -max_total_time=600. Needs the package atheris.
"""

import json
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["llmtune.probe.model", "llmtune.advisors.model_facts", "llmtune.reports"]):
    from llmtune.advisors.model_facts import model_facts
    from llmtune.probe.model.fault import BadModel
    from llmtune.probe.model.gguf_model import read_gguf
    from llmtune.probe.model.hf_model import read_directory
    from llmtune.reports.model_text import render_model, render_model_markdown

from made_gguf import BOOL, F64, I32, I64, U32, U64, Typed, Value, dense_metadata, dense_tensors, header
from made_hf import LLAMA
from made_hf import header as safetensors_header
from test_model_hf_quantization import CASES

from llmtune.probe.host import Answer, Host, Question
from llmtune.probe.reading import Unreadable

TAIL_BYTES = 1 << 30
"""Zeros that follow a file, so that its tensors may lie somewhere."""
SECONDS = 2.0
SHAPES = {"model.embed_tokens.weight": ("BF16", (256, 64)), "model.layers.0.mlp.up_proj.weight": ("BF16", (4, 4))}
SMALL = safetensors_header(SHAPES)


class Memory:
    """A machine of a few files that are only thought of."""

    name = "memory"
    live = False

    def __init__(self, files: dict[str, bytes], tail: int) -> None:
        self.files, self.tail = files, tail

    def ask(self, question: Question) -> Answer:
        kind, path, *more = question
        if kind == "list":
            return [name.rpartition("/")[2] for name in self.files]
        data = self.files.get(str(path))
        if data is None:
            raise Unreadable("missing")
        tail = 0 if str(path).endswith(".json") else self.tail
        if kind == "stat":
            return {"kind": "file", "size": len(data) + tail}
        if kind == "span":
            start, length = int(more[0]), min(int(more[1]), 1 << 16)
            part = data[start : start + length]
            return part + bytes(min(length - len(part), max(len(data) + tail - start - len(part), 0)))
        raise Unreadable("missing")


def gguf(data: bytes) -> None:
    host = Host(Memory({"/m.gguf": data}, 0 if len(data) % 4 == 1 else TAIL_BYTES))
    show(lambda: read_gguf(host, "/m.gguf"))


KEYS = (
    "block_count embedding_length attention.head_count attention.head_count_kv feed_forward_length expert_count"
    " expert_used_count expert_feed_forward_length leading_dense_block_count nextn_predict_layers attention.key_length"
    " attention.value_length attention.key_length_mla attention.value_length_mla attention.kv_lora_rank vocab_size"
    " attention.sliding_window attention.sliding_window_pattern attention.shared_kv_layers attention.recurrent_layers"
    " full_attention_interval ssm.conv_kernel ssm.inner_size ssm.state_size ssm.group_count wkv.head_size kda.head_dim"
    " shortconv.l_cache attention.indexer.key_length context_length rope.dimension_count expert_shared_count"
)
ARCHITECTURES = (
    "llama gemma2 gemma3 gemma3n gemma4 qwen3next qwen35moe deepseek2 deepseek32 lfm2 nemotron_h_moe granitehybrid"
    " falcon-h1 jamba mamba2 rwkv7 kimi-linear minimax-01 mimo2 step35 llama4 gpt-oss exaone4 bert granite_swa"
)


def keys(data: bytes) -> None:
    """A file that is well-formed, with any values under the names that are read."""
    fuzzed = atheris.FuzzedDataProvider(data)
    architecture = fuzzed.PickValueInList(ARCHITECTURES.split(" "))
    metadata = dense_metadata(architecture, layers=2, embedding=64, heads=4, vocabulary=40)
    for _ in range(fuzzed.ConsumeIntInRange(0, 12)):
        name = f"{architecture}.{fuzzed.PickValueInList(KEYS.split(' '))}"
        count = fuzzed.ConsumeIntInRange(0, 3)
        kind = fuzzed.PickValueInList([U32, I32, F64, BOOL, U64, I64])
        low, high = {U32: (0, 2**32 - 1), I32: (-(2**31), 2**31 - 1), U64: (0, 2**64 - 1)}.get(
            kind, (-(2**63), 2**63 - 1)
        )
        values: list[int | float | bool] = []
        for _ in range(max(count, 1)):
            small = fuzzed.ConsumeBool()
            number = fuzzed.ConsumeIntInRange(max(low, -2), 9) if small else fuzzed.ConsumeIntInRange(low, high)
            values.append(fuzzed.ConsumeFloat() if kind == F64 else bool(number) if kind == BOOL else number)
        metadata[name] = Typed(kind, values if count else values[0])
    tensors = dense_tensors(layers=2, embedding=64, heads=4, vocabulary=40, ffn=64, kind="q4_0", tied=True)
    head = header(metadata, tensors)[0]
    show(lambda: read_gguf(Host(Memory({"/m.gguf": head}, TAIL_BYTES)), "/m.gguf"))


def config(data: bytes) -> None:
    head = json.dumps(SMALL).encode()
    files = {
        "/m/config.json": data,
        "/m/model.safetensors": struct.pack("<Q", len(head)) + head + bytes(1 << 15) + bytes(32),
    }
    show(lambda: read_directory(Host(Memory(files, 0)), "/m"))


def safetensors(data: bytes) -> None:
    files = {"/m/config.json": json.dumps(LLAMA).encode(), "/m/model.safetensors": struct.pack("<Q", len(data)) + data}
    show(lambda: read_directory(Host(Memory(files, TAIL_BYTES)), "/m"))


def show(read: Callable[[], object]) -> None:
    start = time.process_time()
    try:
        facts = model_facts(read(), everything=True)  # type: ignore[arg-type]
    except BadModel as fault:
        if len(str(fault)) > 300:
            raise AssertionError("a line too long") from fault
    else:
        facts.model_dump_json()
        text = render_model(facts, verbose=True) + render_model_markdown(facts)
        assert all(line.replace("\x1b[", "").isprintable() for line in text.split("\n"))
    assert time.process_time() - start < SECONDS


def gguf_seeds() -> list[bytes]:
    more: dict[str, dict[str, Value]] = {
        "gemma3": {"attention__sliding_window": 512, "attention__sliding_window_pattern": [True, False]},
        "qwen3next": {"ssm__conv_kernel": 4, "ssm__inner_size": 64, "ssm__state_size": 16, "ssm__group_count": 2},
        "deepseek2": {"attention__key_length_mla": 9, "attention__value_length_mla": 8, "attention__kv_lora_rank": 5},
        "qwen3moe": {"expert_count": 8, "expert_used_count": 2, "expert_feed_forward_length": 32},
        "lfm2": {"shortconv__l_cache": 3},
        "glm4moe": {"nextn_predict_layers": 1},
        "llama": {"rope__freq_base": 1e4, "attention__head_count_kv": [2, 1]},
        "mamba2": {},
        "rwkv7": {"wkv__head_size": 64},
    }
    sizes = {"layers": 2, "embedding": 64, "heads": 4, "vocabulary": 40, "ffn": 64}
    seeds = []
    for architecture, keys in more.items():
        metadata = {
            **dense_metadata(architecture, **sizes),
            "tokenizer.ggml.tokens": ["a", "b"],
            "general.file_type": 15,
        }
        metadata |= {f"{architecture}.{key.replace('__', '.')}": value for key, value in keys.items()}
        experts = 8 if "expert_count" in keys else 0
        tensors = dense_tensors(**sizes, kind="q4_0", tied=True, experts=experts)
        seeds.append(header(metadata, tensors)[0])
    return seeds


def config_seeds() -> list[bytes]:
    types = ["sliding_attention", "full_attention"]
    keys: list[dict[str, object]] = [
        {"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "n_routed_experts": 8},
        {"model_type": "qwen3_next", "linear_num_value_heads": 32, "layer_types": ["linear_attention"] * 2},
        {"model_type": "nemotron_h", "hybrid_override_pattern": "M*", "mamba_num_heads": 8},
        {"model_type": "gemma4", "text_config": {"sliding_window": 512, "global_head_dim": 32}},
        {"model_type": "gpt_oss", "sliding_window": 128, "layer_types": types},
        {"model_type": "kimi_linear", "linear_attn_config": {"full_attn_layers": [2], "head_dim": 128}},
    ]
    quantized: list[dict[str, object]] = [{"quantization_config": case[1]} for case in CASES.values()]
    return [json.dumps({**LLAMA, "architectures": [], **more}).encode() for more in (*keys, *quantized)]


def safetensors_seeds() -> list[bytes]:
    seeds = [SMALL]
    for pack, *_ in CASES.values():
        seeds.append(safetensors_header({**SHAPES, **pack("model.layers.0.mlp.down_proj", 64, 128)}))
    return [json.dumps(seed).encode() for seed in seeds]


def main() -> None:
    kinds: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
        "gguf": (gguf, gguf_seeds),
        "keys": (keys, lambda: [bytes(64)]),
        "config": (config, config_seeds),
        "safetensors": (safetensors, safetensors_seeds),
    }
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in kinds:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(kinds)} [OPTION OF LIBFUZZER]...")
    target, seeds = kinds[kind]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *sys.argv[2:], folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
