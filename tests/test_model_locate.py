"""Finding a model by what people call it: paths, names of Ollama's, ids of the Hub; and what is told if none is."""

import json
import os
from pathlib import Path

import pytest
from made_gguf import dense_metadata, dense_tensors, header, write_dense
from made_hf import LLAMA_PARAMETERS, hub_snapshot, write_directory, write_ollama
from trees import tree_host

from llmtune.probe.host import Host
from llmtune.probe.live import LiveSource
from llmtune.probe.model.choose_gguf import main_files, one_of
from llmtune.probe.model.fault import BadModel
from llmtune.probe.model.locate import open_model
from llmtune.probe.model.ollama import OllamaName, parse_name
from llmtune.probe.model.types import Model

STORE = "usr/share/ollama/.ollama/models"
HUB = "home/me/.cache/huggingface/hub"
LIBRARY = "registry.ollama.ai/library"


def machine(root: Path, **variables: str) -> Host:
    told = {"HOME": "/home/me", **variables}
    return tree_host(root, {}, {("environment", name): value for name, value in told.items()})


def found(root: Path, reference: str, **variables: str) -> Model:
    return open_model(machine(root, **variables), reference)


def fault(root: Path, reference: str, **variables: str) -> str:
    with pytest.raises(BadModel) as caught:
        found(root, reference, **variables)
    return str(caught.value)


def gguf_bytes() -> bytes:
    head, data = header(dense_metadata(), dense_tensors())
    return head + b"\0" * data


class TestPaths:
    def test_a_gguf_file(self, tmp_path: Path) -> None:
        write_dense(tmp_path / "m.gguf")
        assert found(tmp_path, "/m.gguf").kind == "gguf"

    def test_a_directory_with_one_gguf_file(self, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        write_dense(tmp_path / "d" / "m.gguf")
        (tmp_path / "d" / "mmproj-m.gguf").write_bytes(b"GGUF")
        (tmp_path / "d" / "README.md").write_text("")
        assert found(tmp_path, "/d/").path == "/d/m.gguf"

    def test_a_directory_with_several_names_them(self, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        for name in ("a-Q4_K_M.gguf", "a-Q8_0.gguf", "b-00001-of-00002.gguf", "b-00002-of-00002.gguf"):
            (tmp_path / "d" / name).write_bytes(b"")
        assert fault(tmp_path, "/d") == (
            "/d: holds 3 models; name one: a-Q4_K_M.gguf, a-Q8_0.gguf, b-00001-of-00002.gguf"
        )

    @pytest.mark.parametrize("name", ["", "/model.safetensors", "/config.json"])
    def test_safetensors_by_directory_or_file(self, tmp_path: Path, name: str) -> None:
        write_directory(tmp_path / "d")
        model = found(tmp_path, "/d" + name)
        assert (model.kind, model.path, model.parameters) == ("safetensors", "/d", LLAMA_PARAMETERS)

    def test_a_directory_without_a_model(self, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        assert fault(tmp_path, "/d") == "/d: holds no model: neither GGUF nor safetensors files"

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert fault(tmp_path, "/gone.gguf") == "/gone.gguf: no such file or directory, or it may not be read"

    def test_the_name_of_a_file_in_a_usual_directory(self, tmp_path: Path) -> None:
        (tmp_path / "models").mkdir()
        write_dense(tmp_path / "models" / "Tiny-Q4_K_M.gguf")
        assert found(tmp_path, "tiny-q4_k_m").path == "/models/Tiny-Q4_K_M.gguf"

    def test_the_nearest_names_are_told(self, tmp_path: Path) -> None:
        (tmp_path / "models").mkdir()
        write_dense(tmp_path / "models" / "Tiny-Q4_K_M.gguf")
        assert fault(tmp_path, "Tiny-Q5_K_M").endswith("did you mean Tiny-Q4_K_M.gguf?")
        assert fault(tmp_path, "something else").endswith("this machine has Tiny-Q4_K_M.gguf")
        assert "in no cache of the Hugging Face Hub on this machine" in fault(tmp_path, "org/Other")

    @pytest.mark.parametrize("reference", ["", "a\0b", "x" * 5000])
    def test_what_is_no_name(self, tmp_path: Path, reference: str) -> None:
        assert fault(tmp_path, reference).endswith("is no name of a model")

    def test_pipes_and_devices_are_refused_at_once(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "m.gguf")
        live = Host(LiveSource())
        for path, words in ((str(tmp_path / "m.gguf"), "a pipe or socket"), ("/dev/zero", "a character device")):
            with pytest.raises(BadModel, match=words):
                open_model(live, path)


class TestOllama:
    def test_names(self) -> None:
        assert parse_name("llama3.2") == OllamaName("registry.ollama.ai", "library", "llama3.2", "latest")
        assert parse_name("llama3.2:3b-q8_0") == OllamaName("registry.ollama.ai", "library", "llama3.2", "3b-q8_0")
        assert parse_name("me/mine:1b") == OllamaName("registry.ollama.ai", "me", "mine", "1b")
        assert parse_name("localhost:5000/a/b:c") == OllamaName("localhost:5000", "a", "b", "c")
        assert parse_name("hf.co/u/R-GGUF:Q4_K_M") == OllamaName("hf.co", "u", "R-GGUF", "Q4_K_M")
        assert parse_name("huggingface.co/u/R") == OllamaName("hf.co", "u", "R", "latest")
        for bad in ("../../etc/passwd", "a/b/c/d", "a:b:c", "", "a b", "..", "x/../y", "a:"):
            assert parse_name(bad) is None

    @pytest.mark.parametrize(
        ("place", "reference"),
        [
            (f"{LIBRARY}/tiny/1b", "tiny:1b"),
            (f"{LIBRARY}/tiny/latest", "tiny"),
            (f"{LIBRARY}/tiny/1b", "library/tiny:1b"),
            (f"{LIBRARY}/tiny/1b", "registry.ollama.ai/library/Tiny:1B"),
            ("registry.ollama.ai/me/tiny/1b", "me/tiny:1b"),
            ("hf.co/me/Tiny-GGUF/Q4_K_M", "hf.co/me/Tiny-GGUF:Q4_K_M"),
            ("example.org/me/tiny/1b", "example.org/me/tiny:1b"),
        ],
    )
    def test_a_model_by_its_name(self, tmp_path: Path, place: str, reference: str) -> None:
        write_ollama(tmp_path / STORE, place, gguf_bytes())
        model = found(tmp_path, reference)
        assert (model.name, model.kind) == (reference, "gguf")
        assert model.path.startswith(f"/{STORE}/blobs/sha256-")

    def test_the_store_that_a_variable_names(self, tmp_path: Path) -> None:
        write_ollama(tmp_path / "mnt/big/store", f"{LIBRARY}/tiny/1b", gguf_bytes())
        assert found(tmp_path, "tiny:1b", OLLAMA_MODELS="/mnt/big/store").kind == "gguf"
        write_ollama(tmp_path / "home/me/.ollama/models", f"{LIBRARY}/own/1b", gguf_bytes())
        assert found(tmp_path, "own:1b").kind == "gguf"

    def test_template_and_parameters_are_layers_of_their_own(self, tmp_path: Path) -> None:
        metadata = {k: v for k, v in dense_metadata().items() if "chat_template" not in k}
        head, data = header(metadata, dense_tensors())
        weights = head + b"\0" * data
        layers = {"template": b"{{ range .Messages }}x{{ end }}", "params": b'{"num_ctx": 8192, "stop": ["a"]}'}
        write_ollama(tmp_path / STORE, f"{LIBRARY}/tiny/chat", weights, layers)
        chat = found(tmp_path, "tiny:chat")
        assert chat.chat_template
        assert not any("chat template" in text for text in chat.oddities)
        assert chat.metadata["ollama.num_ctx"] == 8192
        assert any("context of 8192 tokens" in text for text in chat.oddities)
        write_ollama(tmp_path / STORE, f"{LIBRARY}/tiny/base", weights, {"template": b"{{ .Prompt }}", "adapter": b"x"})
        base = found(tmp_path, "tiny:base")
        assert not base.chat_template
        assert any("LoRA adapter" in text for text in base.oddities)

    def test_missing_weights(self, tmp_path: Path) -> None:
        write_ollama(tmp_path / STORE, f"{LIBRARY}/tiny/1b", gguf_bytes(), leave_out="model")
        assert "the weights of tiny:1b are missing; 'ollama pull tiny:1b' gets them" in fault(tmp_path, "tiny:1b")

    @pytest.mark.parametrize(
        ("manifest", "words"),
        [
            ("", "the file is empty"),
            ("{", "is no valid JSON"),
            ("{}", "it has no layers"),
            ('{"layers": [1]}', "a layer lacks its mediaType"),
            ('{"layers": [{"mediaType": "a", "digest": "sha256:../../../etc/passwd"}]}', "a sha256 digest"),
            ('{"layers": [{"mediaType": "a", "digest": 5}]}', "a sha256 digest"),
            ('{"layers": []}', "keeps the weights nowhere"),
        ],
    )
    def test_a_bad_manifest(self, tmp_path: Path, manifest: str, words: str) -> None:
        path = write_ollama(tmp_path / STORE, f"{LIBRARY}/tiny/1b", gguf_bytes())
        path.write_text(manifest)
        line = fault(tmp_path, "tiny:1b")
        assert line.startswith(f"/{STORE}/manifests/{LIBRARY}/tiny/1b: ")
        assert words in line

    def test_bad_parameters_are_no_fault(self, tmp_path: Path) -> None:
        write_ollama(tmp_path / STORE, f"{LIBRARY}/tiny/1b", gguf_bytes(), {"params": b"[[[["})
        assert found(tmp_path, "tiny:1b").kind == "gguf"


class TestHub:
    @pytest.mark.parametrize("variables", [{}, {"HF_HOME": "/mnt/hf"}, {"HF_HUB_CACHE": "/mnt/cache"}])
    def test_an_id_in_the_cache(self, tmp_path: Path, variables: dict[str, str]) -> None:
        cache = {"HF_HOME": "mnt/hf/hub", "HF_HUB_CACHE": "mnt/cache"}.get(next(iter(variables), ""), HUB)
        write_directory(hub_snapshot(tmp_path / cache, "Org/Model-1B"))
        model = found(tmp_path, "Org/Model-1B", **variables)
        assert (model.name, model.parameters) == ("Org/Model-1B", LLAMA_PARAMETERS)
        assert found(tmp_path, "https://huggingface.co/org/model-1b", **variables).parameters == LLAMA_PARAMETERS

    def test_main_is_read_not_an_older_revision(self, tmp_path: Path) -> None:
        snapshot = hub_snapshot(tmp_path / HUB, "Org/Model")
        write_directory(snapshot)
        (snapshot.parent / ("9" * 40)).mkdir()
        assert found(tmp_path, "Org/Model").path == f"/{HUB}/models--Org--Model/snapshots/{'1' * 40}"

    def test_a_quantization_of_a_repository(self, tmp_path: Path) -> None:
        snapshot = hub_snapshot(tmp_path / HUB, "u/R-GGUF")
        for name in ("R-Q4_K_M.gguf", "R-UD-Q4_K_M.gguf", "R-Q8_0.gguf"):
            write_dense(snapshot / name)
        (snapshot / "BF16").mkdir()
        write_dense(snapshot / "BF16" / "R.gguf")
        for wanted, name in (("Q4_K_M", "R-Q4_K_M.gguf"), ("q8_0", "R-Q8_0.gguf"), ("BF16", "BF16/R.gguf")):
            assert found(tmp_path, f"u/R-GGUF:{wanted}").path.endswith("/" + name)
        assert found(tmp_path, "u/R-GGUF/R-Q8_0.gguf").path.endswith("/R-Q8_0.gguf")
        assert "holds 4 models; name one: BF16/R.gguf, R-Q4_K_M.gguf" in fault(tmp_path, "u/R-GGUF")
        assert "holds no GGUF file 'Q2_K', but BF16/R.gguf" in fault(tmp_path, "u/R-GGUF:Q2_K")

    def test_weights_that_were_not_downloaded(self, tmp_path: Path) -> None:
        snapshot = hub_snapshot(tmp_path / HUB, "u/R")
        assert "its download did not finish" in fault(tmp_path, "u/R")
        write_directory(snapshot)
        (snapshot / "model.safetensors").unlink()
        (snapshot / "model.safetensors").symlink_to("../../blobs/gone")
        assert "model.safetensors: no such file" in fault(tmp_path, "u/R")

    def test_a_directory_of_the_cache(self, tmp_path: Path) -> None:
        write_directory(hub_snapshot(tmp_path / HUB, "Org/Model"))
        assert found(tmp_path, f"/{HUB}/models--Org--Model").parameters == LLAMA_PARAMETERS


def test_the_first_shard_stands_for_all() -> None:
    paths = [f"/d/a-0000{n}-of-00003.gguf" for n in (3, 1, 2)] + ["/d/b.gguf", "/d/mmproj-b.gguf", "/d/c.txt"]
    assert main_files(paths) == ["/d/a-00001-of-00003.gguf", "/d/b.gguf"]
    assert one_of("/d", paths, "a-00001-of-00003.gguf") == "/d/a-00001-of-00003.gguf"


def test_names_of_files_cannot_break_the_line(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a\n\x1b[31m.gguf", "b\"'`$(x).gguf"):
        (tmp_path / "d" / name).write_bytes(b"")
    assert json.dumps(fault(tmp_path, "/d"))  # printable() makes it harmless where it is shown
    from llmtune.reports.escape import printable

    assert printable(fault(tmp_path, "/d")).isprintable()
