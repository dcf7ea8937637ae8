"""Models of our own making, of many architectures: GGUF headers over a hole, a few KB on disk each.

Small in layers and width, so that hundreds of cases take a minute; like the real ones in what they are made of.
"""

from pathlib import Path

from made_decoders import DECODERS
from made_gguf import Value, write_gguf
from made_layers import Made
from made_others import OTHERS
from made_rarer import RARER

MADE: dict[str, Made] = {**DECODERS, **OTHERS, **RARER}


def write_made(name: str, folder: Path) -> Path:
    """A sparse file of this model."""
    made = MADE[name]
    keys: dict[str, Value] = {
        "general.architecture": made.architecture,
        "general.name": name,
        "tokenizer.ggml.model": "no_vocab",
        f"{made.architecture}.vocab_size": made.vocabulary,
    }
    for key, value in made.metadata.items():
        keys[key if key.startswith("xielu.") else f"{made.architecture}.{key}"] = value
    return write_gguf(folder / f"{name}.gguf", keys, made.tensors)
