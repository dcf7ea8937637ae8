"""Cases that cover every pair of settings: a greedy covering array over models, devices, placements and settings."""

from __future__ import annotations

import itertools
import random
from typing import Any, NamedTuple

from llmtune.advisors.settings import Override, Placement, Settings
from llmtune.probe.model.types import Model

SEED = 11434
TRIES = 12
"""Random candidates of which the one with most new pairs becomes a case."""

FACTORS: dict[str, tuple[object, ...]] = {
    "devices": (0, 1, 1, 2, 3),
    "offloaded": ("all", "all", "half", "few", "output", "none"),
    "experts": ("device", "device", "host", "half"),
    "override": ("", "", "", "ffn_down=host", r"blk\.[0-3]\.=host", "attn_.*=host", r"ffn_(up|gate).*=host"),
    "context": (512, 2048, 5000, 8192, 32768, 131072),
    "types": ("f16 f16", "f16 f16", "q8_0 q8_0", "q4_0 q4_0", "q8_0 f16", "bf16 bf16"),
    "attention": (True, True, True, False),
    "ubatch": (512, 512, 128, 1024, 2048),
    "slots": ("1", "1", "2 apart", "3 apart", "4 apart", "4 unified"),
    "rows": ("slots", "slots", "slots", "batch"),
    "cache": ("device", "device", "device", "device", "host"),
    "moving": (True, True, True, False),
}


class Case(NamedTuple):
    """One run: everything that the arithmetic depends on."""

    model: str
    placement: Placement
    settings: Settings
    features: frozenset[str]
    """Of the CPU: repacking depends on them."""

    def json(self) -> dict[str, Any]:
        """As it is kept in a file."""
        return {
            "model": self.model,
            "placement": self.placement.model_dump(mode="json"),
            "settings": self.settings.model_dump(mode="json"),
            "features": sorted(self.features),
        }


def covering(names: list[str], count: int) -> list[dict[str, Any]]:
    """Rows of choices; each model gets its share, and each pair of settings appears where the count allows."""
    source = random.Random(SEED)
    seen: set[tuple[object, ...]] = set()
    rows = []
    for number in range(count):
        model = names[number % len(names)]
        best: dict[str, Any] = {}
        best_pairs: set[tuple[object, ...]] = set()
        for _ in range(TRIES):
            row = {"model": model, **{name: source.choice(choices) for name, choices in FACTORS.items()}}
            pairs: set[tuple[object, ...]] = {(*one, *other) for one, other in itertools.combinations(row.items(), 2)}
            pairs -= seen
            if not best or len(pairs) > len(best_pairs):
                best, best_pairs = row, pairs
        seen |= best_pairs
        rows.append(best)
    return rows


def case_of(row: dict[str, Any], model: Model, features: frozenset[str]) -> Case:
    """The choices as a placement and settings for this model."""
    slots, _, unified = row["slots"].partition(" ")
    fused = bool(row["attention"])
    type_k, type_v = row["types"].split()
    settings = Settings(
        context=row["context"],
        slots=int(slots),
        unified_kv=unified == "unified" or slots == "1",
        type_k=type_k,
        type_v=type_v if fused or type_v in ("f16", "bf16") else "f16",
        flash_attention=fused,
        ubatch=row["ubatch"],
        batch=max(2048, row["ubatch"]),
        output_rows=row["ubatch"] if row["rows"] == "batch" else None,
        kv_offload=row["cache"] == "device",
        op_offload=bool(row["moving"]),
        mapped=False,
    )
    if settings.flash_attention and model.shape.mla:
        settings = settings.model_copy(update={"type_v": settings.type_k})
    return Case(row["model"], _placement(row, model), settings, features)


def _placement(row: dict[str, Any], model: Model) -> Placement:
    count, devices = len(model.shape.layers) + 1, row["devices"]
    if not devices:
        return Placement(devices=(), gpu_layers=0, layers_per_device=())
    offloaded = {"all": count, "half": count // 2, "few": 3, "output": 1, "none": 0}[row["offloaded"]]
    share, rest = divmod(offloaded, devices)
    overrides = []
    if row["override"]:
        pattern, _, place = row["override"].rpartition("=")
        overrides.append(Override(pattern, place))
    experts = {"device": 0, "host": count - 1, "half": (count - 1) // 2}[row["experts"]] if model.shape.experts else 0
    return Placement(
        devices=tuple(f"FAKE{at}" for at in range(devices)),
        gpu_layers=offloaded,
        layers_per_device=tuple(share + (at < rest) for at in range(devices)),
        cpu_expert_layers=0 if overrides else experts,
        overrides=tuple(overrides),
    )
