"""Reading GGUF: what a file says, and that nothing it says is believed without a check."""

import struct
from pathlib import Path

import pytest
from made_gguf import STR, Typed, dense_metadata, dense_tensors, header, write_dense, write_gguf

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.fault import BadModel
from llmtune.probe.model.gguf import read_header
from llmtune.probe.model.gguf_model import read_gguf


def live() -> Host:
    return Host(LiveSource())


def test_a_dense_model(tmp_path: Path) -> None:
    model = read_gguf(live(), str(write_dense(tmp_path / "m.gguf")))
    shape = model.shape
    assert (shape.architecture, shape.embedding, shape.vocabulary, shape.context_trained) == ("llama", 256, 1000, 32768)
    assert (len(shape.layers), shape.layers[0].heads, shape.layers[0].kv_heads, shape.layers[0].ffn) == (4, 8, 2, 1024)
    assert (shape.key_length, shape.value_length, shape.rope_dimensions) == (32, 32, 32)
    assert (model.quantization, model.title, model.chat_template, model.oddities) == (
        "Q4_K_M",
        "Made of holes",
        True,
        (),
    )
    assert model.parameters == 2 * 256 * 1000 + 256 + 4 * (2 * 256 + 2 * 256 * 256 + 2 * 256 * 64 + 3 * 256 * 1024)
    # The embedding is looked up, not multiplied with.
    assert model.active_parameters == model.parameters - 256 * 1000


def test_the_weights_are_where_the_table_says(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf")
    found = read_header(live(), str(path))
    assert found.tensors[0].offset == found.data_start == found.data_start // 32 * 32
    last = found.tensors[-1]
    assert last.offset + last.size_bytes <= path.stat().st_size < last.offset + last.size_bytes + 32


def test_values_for_each_layer(tmp_path: Path) -> None:
    keys = dense_metadata("lfm2", attention__head_count_kv=[0, 2, 0, 2], shortconv__l_cache=3)
    shape = read_gguf(live(), str(write_gguf(tmp_path / "m.gguf", keys, dense_tensors()))).shape
    assert [layer.recurrent for layer in shape.layers] == [True, False, True, False]
    assert [layer.has_kv for layer in shape.layers] == [False, True, False, True]
    assert (shape.state_conv_elements, shape.state_elements) == (256 * 2, 0)


@pytest.mark.parametrize(
    ("architecture", "more", "sliding"),
    [
        ("gemma3", {"attention__sliding_window": 1024}, "SSSSSF"),
        ("gemma3", {}, "FFFFFF"),
        ("gemma2", {}, "SFSFSF"),
        ("gpt-oss", {"attention__sliding_window": 128}, "SFSFSF"),
        ("cohere2moe", {"attention__sliding_window": 4096}, "FSSSFS"),
        ("llama4", {}, "SSSFSS"),
        ("llama4", {"attention__sliding_window": 0}, "FFFFFF"),
        ("gemma3", {"attention__sliding_window": 512, "attention__sliding_window_pattern": 2}, "SFSFSF"),
        (
            "gemma4",
            {"attention__sliding_window": 512, "attention__sliding_window_pattern": [True] * 5 + [False]},
            "SSSSSF",
        ),
        ("llama", {"attention__sliding_window": 4096}, "FFFFFF"),
        ("phi3", {"attention__sliding_window": 2047}, "FFFFFF"),
    ],
)
def test_which_layers_slide(tmp_path: Path, architecture: str, more: dict[str, object], sliding: str) -> None:
    keys = dense_metadata(architecture, layers=6, **more)  # type: ignore[arg-type]
    shape = read_gguf(live(), str(write_gguf(tmp_path / "m.gguf", keys, dense_tensors(layers=6)))).shape
    assert "".join("S" if layer.sliding else "F" for layer in shape.layers) == sliding
    assert (shape.sliding_window > 0) == ("S" in sliding)


def test_blocks_for_further_tokens_do_not_run(tmp_path: Path) -> None:
    keys = dense_metadata("glm4moe", nextn_predict_layers=1)
    model = read_gguf(live(), str(write_gguf(tmp_path / "m.gguf", keys, dense_tensors())))
    assert (len(model.shape.layers), len(model.shape.run_layers), model.shape.layers[3].has_kv) == (4, 3, False)
    assert any("predict further tokens" in oddity for oddity in model.oddities)


def test_experts_count_by_their_share(tmp_path: Path) -> None:
    keys = dense_metadata("qwen3moe", expert_count=16, expert_used_count=4, expert_feed_forward_length=256)
    tensors = dense_tensors(ffn=256, experts=16)
    model = read_gguf(live(), str(write_gguf(tmp_path / "m.gguf", keys, tensors)))
    all_experts = 4 * 3 * 256 * 256 * 16
    assert model.parameters - model.active_parameters == 256 * 1000 + all_experts * 12 // 16


def write_shards(folder: Path, count: int) -> list[Path]:
    tensors = dense_tensors()
    step = -(-len(tensors) // count)
    paths = []
    for number in range(count):
        split = {
            "split.no": Typed(2, number),
            "split.count": Typed(2, count),
            "split.tensors.count": Typed(5, len(tensors)),
        }
        keys = {**(dense_metadata() if number == 0 else {}), **split}
        path = folder / f"m-{number + 1:05}-of-{count:05}.gguf"
        paths.append(write_gguf(path, keys, tensors[number * step : (number + 1) * step]))
    return paths


def test_shards_are_one_model_whichever_is_named(tmp_path: Path) -> None:
    paths = write_shards(tmp_path, 3)
    first, last = read_gguf(live(), str(paths[0])), read_gguf(live(), str(paths[2]))
    assert first == last
    assert [part.path for part in first.files] == [str(path) for path in paths]
    assert len(first.tensors) == len(dense_tensors())
    assert {tensor.file for tensor in first.tensors} == {0, 1, 2}


def test_faults_of_shards(tmp_path: Path) -> None:
    paths = write_shards(tmp_path, 3)
    paths[1].rename(tmp_path / "aside")
    with pytest.raises(BadModel, match=r"00002-of-00003\.gguf: shard 2 of 3 is missing"):
        read_gguf(live(), str(paths[0]))
    paths[1].symlink_to(paths[0])
    with pytest.raises(BadModel, match="calls itself shard 0 of 3"):
        read_gguf(live(), str(paths[0]))
    paths[1].unlink()
    paths[0].rename(tmp_path / "renamed.gguf")
    with pytest.raises(BadModel, match="is the first of 3 shards, but is not called"):
        read_gguf(live(), str(tmp_path / "renamed.gguf"))


def test_a_truncated_file_says_how_much_is_there(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf")
    whole = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(whole // 2)
    with pytest.raises(BadModel, match=r"is truncated: its tensors end at byte \d+, but the file has \d+ \(\d\d %\)"):
        read_gguf(live(), str(path))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "the file is empty"),
        (b"GG", "does not begin with 'GGUF'"),
        (b"\x89PNG\r\n\x1a\n" * 4, "does not begin with 'GGUF'"),
        (b"ggjt" + bytes(64), "from before August 2023"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(64), "is GGUF version 1"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(64), "is a big-endian GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 0), "claims 9223372036854775808 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40), "claims 1099511627776 metadata keys"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 60) + bytes(40), "a metadata key is"),
        (header({"a": 1}, [("t", (1,), "f32")])[0] + bytes(32), "has no general.architecture"),
        (header({"general.architecture": "llama", "llama.block_count": 0}, [])[0], "holds no tensors"),
    ],
)
def test_one_line_for_each_fault(tmp_path: Path, data: bytes, fault: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(BadModel, match=fault) as caught:
        read_gguf(live(), str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"llama.block_count": 513}, "'llama.block_count' is 513, outside 1 to 512"),
        ({"llama.block_count": Typed(5, -1)}, "'llama.block_count' is -1"),
        ({"llama.embedding_length": Typed(10, 1 << 60)}, "'llama.embedding_length' is 1152921504606846976"),
        ({"llama.attention.head_count": Typed(STR, "many")}, "'llama.attention.head_count' is 'many', not an integer"),
        ({"llama.attention.head_count_kv": [1, 2]}, "'llama.attention.head_count_kv' has 2 elements for 4 layers"),
        ({"llama.expert_count": 8, "llama.expert_used_count": 9}, "9 of 8 experts"),
        ({"general.alignment": 3}, "general.alignment is 3"),
        ({"split.count": Typed(2, 60000)}, "split.count is 60000"),
        ({"general.architecture": "clip"}, "is a multimodal projector"),
        ({"general.type": "adapter"}, "is a LoRA adapter"),
    ],
)
def test_absurd_metadata_names_the_key(tmp_path: Path, more: dict[str, object], fault: str) -> None:
    path = write_gguf(tmp_path / "m.gguf", {**dense_metadata(), **more}, dense_tensors())  # type: ignore[dict-item]
    with pytest.raises(BadModel, match=fault):
        read_gguf(live(), str(path))


def test_tensors_that_overlap(tmp_path: Path) -> None:
    data, _ = header(dense_metadata(), dense_tensors())
    name = b"output_norm.weight"
    at = data.index(name) + len(name) + 4 + 8 + 4
    path = tmp_path / "m.gguf"
    path.write_bytes(data[:at] + struct.pack("<Q", 32) + data[at + 8 :] + bytes(1 << 20))
    with pytest.raises(BadModel, match=r"tensor 'output_norm\.weight' lies at 32, not at"):
        read_gguf(live(), str(path))


def test_a_vocabulary_is_stepped_over(tmp_path: Path) -> None:
    keys = {**dense_metadata(), "tokenizer.ggml.tokens": [f"token {number}" for number in range(5000)]}
    del keys["llama.vocab_size"]
    model = read_gguf(live(), str(write_gguf(tmp_path / "m.gguf", keys, dense_tensors())))
    assert model.shape.vocabulary == 5000
    assert any("1000 rows for a vocabulary of 5000" in oddity for oddity in model.oddities)
    assert not any(key.startswith("tokenizer.") for key in model.metadata)
