"""Weights, caches and their places, worked out by hand; whole runs are compared with llama.cpp elsewhere."""

from pathlib import Path

import pytest
from made_gguf import dense_metadata, dense_tensors, write_dense, write_gguf

from llmtune.advisors.memory.cache import bytes_per_token, key_value_bytes, state_bytes
from llmtune.advisors.memory.host import checkpoint_bytes, output_bytes
from llmtune.advisors.memory.places import PINNED, REPACK, SKIPPED, counts_of_split, layer_places, weight_places
from llmtune.advisors.memory.weights import weights_bytes
from llmtune.advisors.settings import HOST, Override, Placement, Settings, cells_per_stream, cells_sliding
from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.gguf_model import read_gguf
from llmtune.probe.model.types import Model

CPU = Placement(devices=(), gpu_layers=0, layers_per_device=())
AVX2 = frozenset({"avx2"})


def gpu(layers: int, **more: object) -> Placement:
    return Placement(devices=("CUDA0",), gpu_layers=layers, layers_per_device=(layers,), **more)  # type: ignore[arg-type]


def settings(**more: object) -> Settings:
    return Settings(**{"context": 8192, "slots": 1, "unified_kv": False, **more})  # type: ignore[arg-type]


def read(path: Path) -> Model:
    return read_gguf(Host(LiveSource()), str(path))


@pytest.fixture
def dense(tmp_path: Path) -> Model:
    return read(write_dense(tmp_path / "m.gguf"))


def test_offload_begins_at_the_end_and_the_output_is_last(dense: Model) -> None:
    assert layer_places(dense.shape, gpu(0)) == (HOST,) * 5
    assert layer_places(dense.shape, gpu(1)) == (HOST,) * 4 + ("CUDA0",)
    assert layer_places(dense.shape, gpu(3)) == (HOST,) * 2 + ("CUDA0",) * 3
    two = Placement(devices=("CUDA0", "CUDA1"), gpu_layers=5, layers_per_device=(3, 2))
    assert layer_places(dense.shape, two) == ("CUDA0",) * 3 + ("CUDA1",) * 2


@pytest.mark.parametrize(
    ("proportions", "layers", "counts"),
    [
        ((1, 1), 5, (3, 2)),
        ((3, 1), 33, (25, 8)),
        ((40, 41), 81, (40, 41)),
        ((1, 0), 4, (4, 0)),
        ((2, 1, 1), 9, (5, 2, 2)),
    ],
)
def test_proportions_become_counts(proportions: tuple[float, ...], layers: int, counts: tuple[int, ...]) -> None:
    assert counts_of_split(proportions, layers) == counts


def test_the_embedding_stays_on_the_cpu(dense: Model) -> None:
    places = weight_places(dense, gpu(5), settings())
    assert places["token_embd.weight"] == HOST
    assert {place for name, place in places.items() if name != "token_embd.weight"} == {"CUDA0"}
    embedding = 256 * 1000 // 256 * 144
    assert weights_bytes(dense, gpu(5), places)[HOST] == embedding


def test_a_tied_output_is_counted_twice_only_when_apart(tmp_path: Path) -> None:
    keys, tensors = dense_metadata(), dense_tensors(tied=True)
    model = read(write_gguf(tmp_path / "m.gguf", keys, tensors))
    together = weights_bytes(model, CPU, weight_places(model, CPU, settings()))
    assert sum(together.values()) == model.weights_bytes
    apart = weights_bytes(model, gpu(5), weight_places(model, gpu(5), settings()))
    embedding = 256 * 1000 // 256 * 144
    # On the GPU its rows of 256 are padded to 512: a further half kilobyte's worth of weights at the end.
    padded = -(-(embedding + 144) // 128) * 128
    others = sum(-(-(t.size_bytes + pad(t.shape[0], t.type)) // 128) * 128 for t in model.tensors[1:])
    assert apart == {HOST: embedding, "CUDA0": padded + others}


def pad(row: int, kind: str) -> int:
    return 0 if kind == "f32" or row % 512 == 0 else (512 - row % 512) // 256 * {"q4_K": 144, "q6_K": 210}[kind]


def test_repacking_is_a_copy_of_what_the_cpu_multiplies_with(dense: Model) -> None:
    places = weight_places(dense, CPU, settings(), AVX2)
    assert places["blk.0.attn_q.weight"] == places["blk.3.ffn_down.weight"] == REPACK
    # Looked up, not multiplied; a type without a repacked form; not a matrix.
    assert places["token_embd.weight"] == places["output.weight"] == places["blk.0.attn_norm.weight"] == HOST
    assert REPACK not in weight_places(dense, CPU, settings(repack=False), AVX2).values()
    assert REPACK not in weight_places(dense, CPU, settings()).values()
    # With a GPU the driver's memory comes first, and mapped weights stay where the file is.
    assert REPACK not in weight_places(dense, gpu(2), settings(), AVX2).values()
    assert PINNED in weight_places(dense, gpu(2), settings(mapped=False), AVX2).values()
    assert REPACK in weight_places(dense, gpu(2), settings(pinned_host=False), AVX2).values()


def test_experts_leave_first(tmp_path: Path) -> None:
    keys = dense_metadata("qwen3moe", expert_count=16, expert_used_count=4, expert_feed_forward_length=256)
    model = read(write_gguf(tmp_path / "m.gguf", keys, dense_tensors(ffn=256, experts=16)))
    places = weight_places(model, gpu(5, cpu_expert_layers=2), settings())
    assert places["blk.1.ffn_up_exps.weight"] == HOST
    assert places["blk.2.ffn_up_exps.weight"] == places["blk.1.attn_q.weight"] == "CUDA0"
    override = Override(r"blk\.3\.ffn_down_exps", HOST)
    places = weight_places(model, gpu(5, overrides=(override,)), settings())
    assert [name for name, place in places.items() if place == HOST] == [
        "token_embd.weight",
        "blk.3.ffn_down_exps.weight",
    ]


def test_blocks_that_do_not_run_are_not_loaded(tmp_path: Path) -> None:
    model = read(write_gguf(tmp_path / "m.gguf", dense_metadata("glm4moe", nextn_predict_layers=1), dense_tensors()))
    places = weight_places(model, gpu(5), settings())
    assert {place for name, place in places.items() if name.startswith("blk.3.")} == {SKIPPED}
    # The block still counts as a layer: with 4 the first one stays behind.
    assert weight_places(model, gpu(4), settings())["blk.0.attn_q.weight"] == HOST


def test_the_cache_of_each_layer_is_where_the_layer_is(dense: Model) -> None:
    per_layer = 8192 * 2 * (2 * 32) * 2
    assert key_value_bytes(dense.shape, CPU, settings()) == {HOST: 4 * per_layer}
    assert key_value_bytes(dense.shape, gpu(3), settings()) == {HOST: 2 * per_layer, "CUDA0": 2 * per_layer}
    assert key_value_bytes(dense.shape, gpu(5), settings(kv_offload=False)) == {HOST: 4 * per_layer}
    quantized = key_value_bytes(dense.shape, CPU, settings(type_k="q8_0", type_v="q8_0"))
    assert quantized[HOST] * 32 == 4 * per_layer * 17


@pytest.mark.parametrize(
    ("context", "slots", "unified", "cells"),
    [
        (8192, 1, False, 8192),
        (5000, 1, False, 5120),
        (5000, 3, False, 1792),
        (8192, 4, True, 8192),
        (8192, 4, False, 2048),
    ],
)
def test_cells(context: int, slots: int, unified: bool, cells: int) -> None:
    assert cells_per_stream(settings(context=context, slots=slots, unified_kv=unified)) == cells


def test_sliding_layers_stop_growing(tmp_path: Path) -> None:
    keys = dense_metadata("gemma3", attention__sliding_window=1024, attention__sliding_window_pattern=2)
    shape = read(write_gguf(tmp_path / "m.gguf", keys, dense_tensors())).shape
    assert cells_sliding(settings(context=32768), 1024) == 1536
    assert cells_sliding(settings(context=32768, slots=4, unified_kv=True), 1024) == 4608
    assert cells_sliding(settings(context=1024), 1024) == 1024
    row = 2 * (2 * 32) * 2
    assert key_value_bytes(shape, CPU, settings(context=32768)) == {HOST: row * 2 * (32768 + 1536)}
    assert (
        bytes_per_token(shape, "f16", "f16", sliding=False)
        == bytes_per_token(shape, "f16", "f16", sliding=True)
        == 2 * row
    )
    assert checkpoint_bytes(shape, settings()) == 1024 * 2 * row


def test_recurrent_state_grows_with_slots_only(tmp_path: Path) -> None:
    keys = dense_metadata("mamba", ssm__conv_kernel=4, ssm__inner_size=512, ssm__state_size=16, attention__head_count=0)
    shape = read(write_gguf(tmp_path / "m.gguf", keys, dense_tensors())).shape
    one = 4 * 4 * (3 * 512 + 16 * 512 + 3 * 2 * 0)
    assert key_value_bytes(shape, CPU, settings()) == {}
    assert state_bytes(shape, CPU, settings()) == {HOST: one}
    assert state_bytes(shape, CPU, settings(slots=4, context=65536)) == {HOST: 4 * one}


def test_logits_for_every_slot(dense: Model) -> None:
    assert output_bytes(dense.shape, settings(slots=4)) == 4 * 1000 * 4
