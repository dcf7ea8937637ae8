"""Reading the header of a 671B model in 20 shards: llmtune against the `gguf` package's reader on the same files.

The files are made here: true names, shapes and a vocabulary of 129,280 with merges, over a hole in place of weights.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from made_gguf import Entry, Typed, Value, write_gguf

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf

SHARDS, VOCABULARY, EMBEDDING, LAYERS = 20, 129280, 7168, 61
RUNS = 5


def metadata() -> dict[str, Value]:
    keys: dict[str, int] = {
        "block_count": LAYERS,
        "context_length": 163840,
        "embedding_length": EMBEDDING,
        "feed_forward_length": 18432,
        "attention.head_count": 128,
        "attention.head_count_kv": 1,
        "attention.key_length": 576,
        "attention.value_length": 512,
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
        "attention.kv_lora_rank": 512,
        "attention.q_lora_rank": 1536,
        "expert_count": 256,
        "expert_used_count": 8,
        "expert_feed_forward_length": 2048,
        "leading_dense_block_count": 3,
    }
    return {
        "general.architecture": "deepseek2",
        "general.file_type": 15,
        **{f"deepseek2.{key}": value for key, value in keys.items()},
        "tokenizer.ggml.tokens": [f"token{number}" for number in range(VOCABULARY)],
        "tokenizer.ggml.token_type": Typed(5, [1] * VOCABULARY),
        "tokenizer.ggml.merges": [f"to ken{number}" for number in range(VOCABULARY - 1000)],
    }


def tensors() -> list[Entry]:
    found: list[Entry] = [
        ("token_embd.weight", (EMBEDDING, VOCABULARY), "q4_K"),
        ("output_norm.weight", (EMBEDDING,), "f32"),
        ("output.weight", (EMBEDDING, VOCABULARY), "q6_K"),
    ]
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        found += [
            (block + "attn_norm.weight", (EMBEDDING,), "f32"),
            (block + "attn_q_a_norm.weight", (1536,), "f32"),
            (block + "attn_kv_a_norm.weight", (512,), "f32"),
            (block + "attn_q_a.weight", (EMBEDDING, 1536), "q4_K"),
            (block + "attn_q_b.weight", (1536, 24576), "q4_K"),
            (block + "attn_kv_a_mqa.weight", (EMBEDDING, 576), "q4_K"),
            (block + "attn_k_b.weight", (128, 512, 128), "q8_0"),
            (block + "attn_v_b.weight", (512, 128, 128), "q8_0"),
            (block + "attn_output.weight", (16384, EMBEDDING), "q4_K"),
            (block + "ffn_norm.weight", (EMBEDDING,), "f32"),
        ]
        for name in ("gate", "up", "down"):
            wide, narrow = (18432, EMBEDDING) if layer < 3 else (2048, EMBEDDING)
            row, rows = (wide, narrow) if name == "down" else (narrow, wide)
            if layer < 3:
                found.append((f"{block}ffn_{name}.weight", (row, rows), "q4_K"))
            else:
                found.append((f"{block}ffn_{name}_exps.weight", (row, rows, 256), "q4_K"))
                found.append((f"{block}ffn_{name}_shexp.weight", (row, rows), "q4_K"))
        if layer >= 3:
            found.append((block + "ffn_gate_inp.weight", (EMBEDDING, 256), "f32"))
            found.append((block + "exp_probs_b.bias", (256,), "f32"))
    return found


def write(folder: Path) -> list[Path]:
    entries = tensors()
    step = -(-len(entries) // SHARDS)
    paths = []
    for number in range(SHARDS):
        split: dict[str, Value] = {
            "split.no": Typed(2, number),
            "split.count": Typed(2, SHARDS),
            "split.tensors.count": Typed(5, len(entries)),
        }
        path = folder / f"model-{number + 1:05}-of-{SHARDS:05}.gguf"
        keys = {**(metadata() if number == 0 else {}), **split}
        paths.append(write_gguf(path, keys, entries[number * step : (number + 1) * step]))
    return paths


def ours(paths: list[str]) -> str:
    model = read_gguf(Host(LiveSource()), paths[0])
    return f"{model.parameters / 1e9:.0f} billion parameters, {model.weights_bytes / 2**30:.0f} GiB"


def theirs(paths: list[str]) -> str:
    from gguf import GGUFReader

    count = sum(tensor.n_elements for path in paths for tensor in GGUFReader(path).tensors)
    return f"{count / 1e9:.0f} billion parameters"


def measure(reader: str, paths: list[Path]) -> tuple[float, float, str]:
    """Seconds (the fastest run) and MB of a process that imports the reader and reads."""
    times, megabytes, said = [], 0.0, ""
    for _ in range(RUNS if reader == "ours" else 3):
        done = subprocess.run(
            [sys.executable, __file__, reader, *map(str, paths)], capture_output=True, text=True, check=True
        )
        seconds, peak, said = done.stdout.strip().split("\t")
        times.append(float(seconds))
        megabytes = max(megabytes, float(peak))
    return min(times), megabytes, f"{said} (median {statistics.median(times):.3f} s)"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder))
        size = sum(path.stat().st_size for path in paths)
        print(f"{len(paths)} shards, {size / 2**30:.0f} GiB as the files claim")
        mine = measure("ours", paths)
        print(f"llmtune   {mine[0]:8.3f} s  {mine[1]:6.0f} MB  {mine[2]}")
        try:
            other = measure("theirs", paths)
        except subprocess.CalledProcessError:
            print("gguf      is not installed: pip install gguf")
            return
        print(f"gguf      {other[0]:8.3f} s  {other[1]:6.0f} MB  {other[2]}")
        print(f"llmtune is {other[0] / mine[0]:.0f} times as fast")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        start = time.perf_counter()
        told = {"ours": ours, "theirs": theirs}[sys.argv[1]](sys.argv[2:])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{time.perf_counter() - start:.4f}\t{peak:.0f}\t{told}")
    else:
        main()
