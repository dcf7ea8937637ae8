"""Models that the tests write as Hugging Face and Ollama keep them: directories, configurations, stores, caches."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "I64": 8, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E8M0": 1}
Shapes = Mapping[str, tuple[str, Sequence[int]]]
"""Tensor -> dtype and shape, outputs first as PyTorch has it."""

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 256,
    "max_position_embeddings": 2048,
}


def header(tensors: Shapes) -> dict[str, Any]:
    """A safetensors header that lists the tensors one after another."""
    entries, end = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = WIDTHS[dtype]
        for length in shape:
            size *= length
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return entries


def data_bytes(entries: Mapping[str, Any]) -> int:
    """Where the last tensor ends."""
    return max((e["data_offsets"][1] for n, e in entries.items() if n != "__metadata__"), default=0)


def write_file(path: Path, entries: Mapping[str, Any] | bytes, *, data: int | None = None) -> Path:
    """A safetensors file with a header and a sparse data part."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    length = data if data is not None else data_bytes(entries) if isinstance(entries, Mapping) else 0
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + length)
    return path


def layer(number: int, hidden: int = 64, ffn: int = 128, kv: int = 32, dtype: str = "BF16") -> dict[str, Any]:
    """The tensors of one block of a llama."""
    stem = f"model.layers.{number}"
    shapes = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (kv, hidden),
        "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (ffn, hidden),
        "mlp.up_proj": (ffn, hidden),
        "mlp.down_proj": (hidden, ffn),
    }
    found: dict[str, Any] = {f"{stem}.{name}.weight": (dtype, shape) for name, shape in shapes.items()}
    return found | {
        f"{stem}.{name}.weight": ("BF16", (hidden,)) for name in ("input_layernorm", "post_attention_layernorm")
    }


def llama_tensors(layers: int = 2, vocabulary: int = 256, hidden: int = 64) -> dict[str, Any]:
    """All tensors of the small llama."""
    found: dict[str, Any] = {"model.embed_tokens.weight": ("BF16", (vocabulary, hidden))}
    for number in range(layers):
        found |= layer(number, hidden)
    return found | {"model.norm.weight": ("BF16", (hidden,)), "lm_head.weight": ("BF16", (vocabulary, hidden))}


LLAMA_PARAMETERS = 2 * 256 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64 + 2 * 64) + 64


def write_directory(
    directory: Path, tensors: Shapes | None = None, config: Mapping[str, Any] | None = None, **more: Any
) -> Path:
    """A model in one safetensors file, with its configuration (`more` replaces keys) and a tokenizer."""
    write_file(directory / "model.safetensors", header(llama_tensors() if tensors is None else tensors))
    (directory / "config.json").write_text(json.dumps({**(LLAMA if config is None else config), **more}))
    (directory / "tokenizer.json").write_text("{}")
    (directory / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    return directory


def write_shards(directory: Path, parts: Sequence[Shapes], config: Mapping[str, Any] | None = None) -> Path:
    """A model in several files with an index."""
    placed: dict[str, str] = {}
    total = 0
    for number, tensors in enumerate(parts, 1):
        name = f"model-{number:05}-of-{len(parts):05}.safetensors"
        entries = header(tensors)
        write_file(directory / name, entries)
        placed |= dict.fromkeys(tensors, name)
        total += data_bytes(entries)
    index = {"metadata": {"total_size": total}, "weight_map": placed}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    (directory / "config.json").write_text(json.dumps(LLAMA if config is None else config))
    return directory


def write_ollama(
    store: Path, name: str, weights: bytes, layers: Mapping[str, bytes] | None = None, *, leave_out: str = ""
) -> Path:
    """A model in a store of Ollama's, called REGISTRY/NAMESPACE/MODEL/TAG; the manifest's path."""
    import hashlib

    listed = []
    for kind, content in {"model": weights, **(layers or {})}.items():
        digest = hashlib.sha256(content).hexdigest()
        listed.append(
            {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}
        )
        blob = store / "blobs" / f"sha256-{digest}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        if kind != leave_out:
            blob.write_bytes(content)
    manifest = store / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": listed}))
    return manifest


def hub_snapshot(cache: Path, repository: str, revision: str = "1" * 40) -> Path:
    """An empty snapshot of a repository in the Hub's cache, the one that main names."""
    folder = cache / ("models--" + repository.replace("/", "--"))
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text(revision)
    snapshot = folder / "snapshots" / revision
    snapshot.mkdir(parents=True, exist_ok=True)
    return snapshot
