"""`llmtune model`: what is printed, in each form, and one line where there is no model."""

import json
import os
import re
from pathlib import Path

import pytest
from made_gguf import dense_metadata, dense_tensors, write_dense, write_gguf
from made_hf import LLAMA_PARAMETERS, layer, llama_tensors, write_directory, write_shards
from test_cli import assert_one_clear_line, llmtune_run


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_dense(tmp_path / "m.gguf")


@pytest.mark.parametrize("columns", ["40", "80", "120", "300"])
def test_text_fits_the_terminal(made: Path, columns: str) -> None:
    done = llmtune_run("model", made.name, cwd=made.parent, COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    limit = min(int(columns), 120)
    lines = [line for line in done.stdout.splitlines() if not line.lstrip().startswith(("path", "/"))]
    assert all(len(line) <= max(limit, 68) for line in lines)
    for words in ("llama, Q4_K_M (GGUF)", "bits per weight", "8 heads, 2 for keys", "has a chat template", "as q8_0"):
        assert words in re.sub(r"\s+", " ", done.stdout)


def test_json_is_one_object(made: Path) -> None:
    told = json.loads(llmtune_run("model", str(made), "--format", "json").stdout)
    assert told["schema_version"] == 1
    assert (told["architecture"], told["quantization"], told["kind"]) == ("llama", "Q4_K_M", "gguf")
    assert told["cache"]["f16_bytes_per_token"] == 4 * 2 * 2 * 32 * 2
    assert told["cache"]["q8_0_bytes_per_token"] == 4 * 2 * 68
    assert told["cache"]["sliding_f16_bytes_per_token"] == 0
    assert "tensors" not in told
    assert sum(group["parameters"] for group in told["classes"]) == told["parameters"]
    assert sum(group["size_bytes"] for group in told["classes"]) == told["weights_bytes"]
    assert {group["name"] for group in told["classes"]} == {"embedding", "output", "attention", "dense FFN", "other"}
    more = json.loads(llmtune_run("model", str(made), "--format", "json", "-v").stdout)
    assert len(more["tensors"]) == len(dense_tensors())
    assert more["metadata"]["general.architecture"] == "llama"


def test_sliding_layers_are_told_apart(tmp_path: Path) -> None:
    directory = write_directory(
        tmp_path / "m",
        llama_tensors() | {f"model.layers.{n}.{name}": entry for n in range(2, 6) for name, entry in _short(n).items()},
        architectures=["Gemma3ForCausalLM"],
        num_hidden_layers=6,
        sliding_window=512,
        sliding_window_pattern=6,
    )
    told = json.loads(llmtune_run("model", str(directory), "--format", "json").stdout)
    per_layer = 2 * 2 * 16 * 2
    assert told["cache"]["f16_bytes_per_token"] == per_layer
    assert told["cache"]["sliding_f16_bytes_per_token"] == 5 * per_layer
    assert (told["layers"]["sliding"], told["layers"]["sliding_window"]) == (5, 512)
    text = re.sub(r"\s+", " ", llmtune_run("model", str(directory)).stdout)
    assert "6: 5 that see a window of 512 tokens" in text
    assert "up to the window of 512 tokens and no further" in text


def _short(number: int) -> dict[str, object]:
    stem = f"model.layers.{number}."
    return {name.removeprefix(stem): entry for name, entry in layer(number).items()}


def test_markdown_and_verbose_text(made: Path) -> None:
    shown = llmtune_run("model", str(made), "--format", "markdown").stdout
    assert shown.startswith("# m\n")
    assert "| embedding |" in shown
    verbose = llmtune_run("model", str(made), "-v").stdout
    for words in ("FILES", "METADATA", "TENSORS", "general.architecture: llama", "token_embd.weight 256 x 1000"):
        assert words in verbose


def test_safetensors_and_several_files(tmp_path: Path) -> None:
    whole = llama_tensors()
    names = list(whole)
    write_shards(tmp_path / "m", [{n: whole[n] for n in names[:5]}, {n: whole[n] for n in names[5:]}])
    told = json.loads(llmtune_run("model", "m", "--format", "json", cwd=tmp_path).stdout)
    assert (told["parameters"], len(told["files"])) == (LLAMA_PARAMETERS, 2)
    assert told["bits_per_weight"] == 16
    text = llmtune_run("model", "m", cwd=tmp_path).stdout
    assert "model-00002-of-00002.safetensors" in text
    assert "no chat template" in text


def test_bad_models_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad\n\x1b[31m'\".gguf").write_bytes(b"GGUF")
    assert_one_clear_line(llmtune_run("model", "bad\n\x1b[31m'\".gguf", cwd=tmp_path), 3, "gguf", "truncated")
    assert_one_clear_line(llmtune_run("model", "./gone", cwd=tmp_path), 3, "gone", "no such file")
    assert_one_clear_line(llmtune_run("model", "no-such-model", cwd=tmp_path, home=tmp_path), 3, "no-such-model")
    os.mkfifo(tmp_path / "pipe.gguf")
    assert_one_clear_line(llmtune_run("model", "pipe.gguf", cwd=tmp_path), 3, "pipe or socket")
    assert_one_clear_line(llmtune_run("model", "/dev/zero"), 3, "character device")
    write_directory(tmp_path / "m", num_hidden_layers=-5)
    assert_one_clear_line(llmtune_run("model", "m", cwd=tmp_path), 3, "config.json", "'num_hidden_layers' is -5")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.gguf")
    os.rename(write_dense(tmp_path / "m.gguf"), tmp_path / name)
    for form in ("text", "json", "markdown"):
        done = llmtune_run("model", str(tmp_path / name), "--format", form)
        assert (done.returncode, done.stderr) == (0, "")


def test_foreign_words_are_harmless(tmp_path: Path) -> None:
    metadata = {**dense_metadata(), "general.name": "evil \x1b[31m\u202e| `code` <b>", "general.author": "\x1b]0;x\x07"}
    path = write_gguf(tmp_path / "m.gguf", metadata, dense_tensors())
    for form in (["text", "-v"], ["markdown"]):
        shown = llmtune_run("model", str(path), "--format", *form).stdout
        assert all(line.isprintable() for line in shown.splitlines())
    assert "\\<b\\>" in shown


def test_home_and_recordings(tmp_path: Path, made: Path) -> None:
    done = llmtune_run("model", "~/m.gguf", "--format", "json", home=made.parent)
    assert json.loads(done.stdout)["path"] == str(made)
    tree = tmp_path / "tree"
    (tree / "proc").mkdir(parents=True)
    (tree / "models").mkdir()
    write_dense(tree / "models" / "inside.gguf")
    for reference in ("/models/inside.gguf", "inside"):
        inside = json.loads(llmtune_run("model", reference, "--from", str(tree), "--format", "json").stdout)
        assert inside["path"] == "/models/inside.gguf"
    # Where the recording has no such file, the model lies here.
    here = json.loads(llmtune_run("model", str(made), "--from", str(tree), "--format", "json").stdout)
    assert here["path"] == str(made)
