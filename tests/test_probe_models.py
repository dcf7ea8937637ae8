"""Models on disk: GGUF files and their shards, Hugging Face repositories, Ollama manifests, plain directories."""

import json
from pathlib import Path

import pytest
from trees import Link, tree_host

from llmtune.probe.models import MAX_DIRECTORIES, ModelFile, probe_models

HUB = "/models/hub/models--org--Model-7B"
DIGEST = "a" * 64
MANIFEST = json.dumps(
    {
        "layers": [
            {"mediaType": "application/vnd.ollama.image.license", "digest": f"sha256:{'b' * 64}", "size": 3},
            {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{DIGEST}", "size": 5},
        ]
    }
)


def models(root: Path, files: dict[str, str | bytes | Link]) -> dict[str, ModelFile]:
    return {model.name: model for model in probe_models(tree_host(root, files))}


def test_shards_are_one_model_and_its_size_is_theirs_together(tmp_path: Path) -> None:
    files: dict[str, str | bytes | Link] = {f"/models/big/M-Q4-0000{n}-of-00003.gguf": "x" * n for n in (1, 2, 3)}
    found = models(tmp_path, files | {"/models/small.gguf": "12345", "/models/notes.txt": "no model"})
    assert found == {
        "small.gguf": ModelFile(name="small.gguf", kind="gguf", path="/models/small.gguf", size_bytes=5, files=1),
        "M-Q4.gguf": ModelFile(
            name="M-Q4.gguf", kind="gguf", path="/models/big/M-Q4-00001-of-00003.gguf", size_bytes=6, files=3
        ),
    }


def test_hub_repository_is_its_main_snapshot_through_links(tmp_path: Path) -> None:
    found = models(
        tmp_path,
        {
            f"{HUB}/refs/main": "111",
            f"{HUB}/blobs/one": "1234567",
            f"{HUB}/snapshots/111/model.safetensors": Link("../../blobs/one"),
            f"{HUB}/snapshots/111/config.json": "{}",
            f"{HUB}/snapshots/999/model.safetensors": "old",
        },
    )
    assert list(found) == ["org/Model-7B"]
    assert found["org/Model-7B"].size_bytes == 7
    assert found["org/Model-7B"].path == f"{HUB}/snapshots/111"


def test_the_same_weights_in_two_formats_are_counted_once(tmp_path: Path) -> None:
    place = f"{HUB}/snapshots/111"
    found = models(tmp_path, {f"{place}/model.safetensors": "123", f"{place}/pytorch_model.bin": "1234"})
    assert found["org/Model-7B"].size_bytes == 3


def test_each_quantization_of_a_repository_is_a_model(tmp_path: Path) -> None:
    place = f"{HUB}/snapshots/111"
    found = models(
        tmp_path,
        {
            f"{place}/M-Q4.gguf": "1234",
            f"{place}/M-Q8.gguf": "12345678",
            f"{place}/UD-Q2/M-Q2-00001-of-00002.gguf": "1",
            f"{place}/UD-Q2/M-Q2-00002-of-00002.gguf": "1",
        },
    )
    assert {name: model.size_bytes for name, model in found.items()} == {
        "org/Model-7B/M-Q4.gguf": 4,
        "org/Model-7B/M-Q8.gguf": 8,
        "org/Model-7B/M-Q2.gguf": 2,
    }


def test_ollama_manifest_leads_to_the_weights(tmp_path: Path) -> None:
    base = "/usr/share/ollama/.ollama/models"
    found = models(
        tmp_path,
        {
            f"{base}/manifests/registry.ollama.ai/library/llama3/8b": MANIFEST,
            f"{base}/blobs/sha256-{DIGEST}": "12345",
        },
    )
    assert found == {
        "llama3:8b": ModelFile(
            name="llama3:8b", kind="ollama", path=f"{base}/blobs/sha256-{DIGEST}", size_bytes=5, files=1
        )
    }


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{",
        '{"layers": 7}',
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "../../etc/passwd"}]}',
        "[" * 100_000,
    ],
)
def test_damaged_manifest_is_no_model(tmp_path: Path, manifest: str) -> None:
    base = "/var/lib/ollama/models"
    files: dict[str, str | bytes | Link] = {f"{base}/manifests/r/library/m/t": manifest, f"{base}/blobs/x": ""}
    assert models(tmp_path, files) == {}


def test_directory_with_safetensors_is_a_model(tmp_path: Path) -> None:
    place = "/srv/models/Llama-3.1-8B"
    found = models(
        tmp_path, {f"{place}/config.json": "{}", f"{place}/a.safetensors": "1", f"{place}/b.safetensors": "2"}
    )
    assert found["Llama-3.1-8B"] == ModelFile(
        name="Llama-3.1-8B", kind="safetensors", path=place, size_bytes=2, files=2
    )


def test_blob_that_is_gone_leaves_the_size_open(tmp_path: Path) -> None:
    found = models(tmp_path, {f"{HUB}/snapshots/1/model.safetensors": Link("../../blobs/gone")})
    assert found["org/Model-7B"].size_bytes is None


def test_links_in_circles_are_walked_once(tmp_path: Path) -> None:
    found = probe_models(
        tree_host(tmp_path, {"/models/a.gguf": "1", "/models/again": Link("."), "/srv/models": Link("/models")})
    )
    assert [model.path for model in found] == ["/models/a.gguf"]


def test_a_link_to_a_whole_disk_ends(tmp_path: Path) -> None:
    files: dict[str, str | bytes | Link] = {f"/data/models/{n}/m.gguf": "" for n in range(MAX_DIRECTORIES + 50)}
    assert len(probe_models(tree_host(tmp_path, files))) == MAX_DIRECTORIES - 1
