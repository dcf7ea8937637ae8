"""Key/value caches that real runs printed, from public issues: rows of a CSV of measurements, where it is at hand."""

import ast
import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmtune.advisors.memory.cache import key_value_bytes
from llmtune.advisors.settings import Placement, Settings
from llmtune.probe.model.types import Layer, Shape

TRUTH = Path(os.environ.get("LLMTUNE_TRUTH") or Path(__file__).parent.parent.parent / "shared" / "truth")
FILE = TRUTH / "llama_memory.csv"
MIB = 1 << 20
CPU = Placement(devices=(), gpu_layers=0, layers_per_device=())


class Run(NamedTuple):
    """One run: what its log says in MiB, and what we say."""

    name: str
    architecture: str
    logged: float
    ours: float
    note: str


def runs() -> Iterator[Run]:
    """Every run whose log and header say enough."""
    groups: dict[str, list[dict[str, str]]] = {}
    with FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["run_id"], []).append(row)
    for name, rows in groups.items():
        row = rows[0]
        if not (row["n_layer"] and row["n_ctx"] and row["head_dim_k"]):
            continue
        devices = sum(float(each["kv_MiB"] or 0) for each in rows)
        logged = float(row["kv_self_MiB"] or 0) or devices
        note = "the log's sum and its devices differ" if devices and abs(devices - logged) > 1 else ""
        yield Run(name, row["arch"], logged, kv_mib(row), note)


def layer(kv_heads: int) -> Layer:
    """A layer that does nothing but keep keys and values."""
    return Layer(
        heads=1, kv_heads=kv_heads, ffn=0, sliding=False, recurrent=False, has_kv=True, experts_used=0, expert_ffn=0
    )


def kv_mib(row: dict[str, str]) -> float:
    """The cache of a row's shape and settings."""
    mla = row["mla_attn"] in ("1", "2", "3")
    heads = [int(n) for n in ast.literal_eval(f"[{row['n_head_kv'].strip('[]')}]")]
    count = int(row["n_layer"])
    heads = heads if len(heads) > 1 else heads * count
    key = 576 if mla else int(row["head_dim_k"])
    value = int(row["head_dim_v"] or row["head_dim_k"])
    layers = tuple(layer(1 if mla else heads[at]) for at in range(count))
    shape = Shape(
        architecture=row["arch"], embedding=1, vocabulary=1, context_trained=None, layers=layers, predict_layers=0,
        key_length=key, value_length=value, key_length_swa=key, value_length_swa=value, rope_dimensions=0,
        sliding_window=0, sliding_kind="none", mla=mla, key_length_mla=0, value_length_mla=0, kv_lora_rank=0,
        q_lora_rank=0, experts=0, experts_shared=0, shared_expert_ffn=0, state_conv_elements=0, state_elements=0,
        indexer_head=0,
    )  # fmt: skip
    kind = row["type_k"].split()[-1]
    settings = Settings.model_validate(
        {
            "context": int(row["n_ctx"]),
            "slots": 1,
            "unified_kv": False,
            "type_k": kind,
            "type_v": row["type_v"] or kind,
        }
    )
    return sum(key_value_bytes(shape, CPU, settings).values()) / MIB
