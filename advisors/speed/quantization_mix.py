"""Which type `llama-quantize` gives each tensor (src/llama-quant.cpp of llama.cpp b11434), without importance matrix.

The rules below are those that move the size: output and embedding, attention's values, feed-forward down, and what
happens to rows that are no multiple of 256.
"""

import re
from typing import Protocol

from ...probe.model.ggml_types import TYPES_BY_NAME

_BASE = {
    "F32": "f32", "F16": "f16", "BF16": "bf16", "Q8_0": "q8_0", "Q4_0": "q4_0", "Q4_1": "q4_1", "Q5_0": "q5_0",
    "Q5_1": "q5_1", "Q2_K": "q2_K", "Q2_K_S": "q2_K", "Q3_K_S": "q3_K", "Q3_K_M": "q3_K", "Q3_K_L": "q3_K",
    "Q4_K_S": "q4_K", "Q4_K_M": "q4_K", "Q5_K_S": "q5_K", "Q5_K_M": "q5_K", "Q6_K": "q6_K", "IQ4_XS": "iq4_xs",
    "IQ4_NL": "iq4_nl", "IQ3_S": "iq3_s", "IQ3_M": "iq3_s", "IQ3_XXS": "iq3_xxs", "IQ2_XXS": "iq2_xxs",
    "IQ2_XS": "iq2_xs", "IQ2_S": "iq2_xs", "IQ2_M": "iq2_s", "IQ1_S": "iq1_s", "IQ1_M": "iq1_m", "MXFP4": "mxfp4",
}  # fmt: skip
QUANTIZATIONS = tuple(_BASE)
"""The names that are known."""
_LOW = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ1_S", "IQ1_M")
_NARROW = {
    "q2_K": "q4_0", "q3_K": "q4_0", "iq4_xs": "iq4_nl", "q4_K": "q5_0", "q5_K": "q5_1", "q6_K": "q8_0",
    "iq3_s": "iq4_nl", "iq3_xxs": "iq4_nl", "iq2_xxs": "q4_0", "iq2_xs": "q4_0", "iq2_s": "q4_0", "iq1_s": "q4_0",
    "iq1_m": "q4_0",
}  # fmt: skip
"""What takes the place of a type whose block the rows do not divide into."""
_KEPT = re.compile(r"norm|ffn_gate_inp|ssm_conv1d|ssm_ba|altup|laurel|\.inp_gate|\.proj\.|per_layer_model_proj")


class _Known(Protocol):
    @property
    def layers(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...
    @property
    def experts(self) -> int: ...
    @property
    def tied(self) -> bool: ...
    @property
    def parameters(self) -> float: ...


class Mix:
    """One quantization of one model."""

    def __init__(self, name: str, known: _Known) -> None:
        plain = name.upper().removeprefix("UD-").replace("_K_XL", "_K_M").replace("Q8_K_M", "Q8_0")
        plain = plain.replace("Q6_K_M", "Q6_K").replace("Q2_K_M", "Q2_K").replace("MXFP4_MOE", "MXFP4")
        if plain not in _BASE:
            raise ValueError(f"no quantization is known as {name!r}; known are {', '.join(_BASE)}")
        self.name, self.base, self.known = plain, _BASE[plain], known

    def type_of(self, name: str, shape: tuple[int, ...]) -> str:
        """The tensor's type."""
        if len(shape) < 2 or _KEPT.search(name):
            return "bf16" if self.base == "bf16" and len(shape) > 1 and "proj" in name else "f32"
        if self.base in ("f32", "f16", "bf16"):
            return self.base
        kind = self._wanted(name)
        while shape[0] % TYPES_BY_NAME[kind].block:
            kind = _NARROW.get(kind, "f16")
        return kind

    def _wanted(self, name: str) -> str:
        number = int(name[4:].partition(".")[0]) if name.startswith("blk.") else 0
        if self.name == "MXFP4":
            # As the original weights are published: only experts in 4 bits, the rest in 16 made 8.
            return "mxfp4" if "_exps" in name else "q8_0"
        if name == "output.weight" or (name == "token_embd.weight" and self.known.tied):
            return "q5_K" if self.name in _LOW or self.name == "IQ3_XXS" else "q8_0" if self.base == "q8_0" else "q6_K"
        if "token_embd" in name:
            return {"IQ2_XXS": "q2_K", "IQ2_XS": "q2_K", "IQ1_S": "q2_K", "IQ1_M": "q2_K"}.get(
                self.name, "iq3_s" if self.name in ("IQ2_S", "IQ2_M", "IQ3_XXS") else self.base
            )
        if self.base == "q8_0":
            return "q8_0"
        if "attn_v" in name:
            return self._values(number)
        if self.known.experts == 8 and "attn_k" in name:
            return "q8_0"
        if "ffn_down" in name:
            return self._down(number)
        if "attn_output" in name:
            return self._attention_output()
        if "attn_qkv" in name:
            return {"Q3_K_M": "q4_K", "Q3_K_L": "q4_K", "Q4_K_M": "q5_K", "Q5_K_M": "q6_K"}.get(self.name, self.base)
        return self.base

    def _more_bits(self, number: int) -> bool:
        eighth = self.known.layers // 8
        return number < eighth or number >= 7 * self.known.layers // 8 or (number - eighth) % 3 == 2

    def _values(self, number: int) -> str:
        if self.known.experts == 8:
            return "q8_0"
        grouped = self.known.heads >= 4 * self.known.kv_heads
        kind = self.base
        if self.name in ("Q4_K_M", "Q5_K_M"):
            kind = "q6_K" if self._more_bits(number) else self.base
        elif self.name == "Q4_K_S":
            kind = "q5_K" if number < 4 else "q4_K"
        elif self.name == "Q3_K_M":
            kind = "q5_K" if number < 2 else "q4_K"
        elif self.name == "Q3_K_L" or (self.name.startswith("IQ4") and grouped):
            kind = "q5_K"
        elif self.name in ("Q2_K", "Q2_K_S") or self.base.startswith(("iq1", "iq2", "iq3")):
            kind = "q4_K" if grouped or self.known.experts >= 4 else "q3_K"
        if 65 < self.known.parameters < 75 and grouped and kind in ("q3_K", "q4_K"):
            kind = "q5_K"
        return kind

    def _down(self, number: int) -> str:
        layers = self.known.layers
        if self.name in ("Q4_K_M", "Q5_K_M"):
            return "q6_K" if self._more_bits(number) else self.base
        if self.name == "Q4_K_S":
            return "q5_K" if number < layers // 8 else "q4_K"
        if self.name == "Q3_K_M":
            return "q5_K" if number < layers // 16 else "q4_K"
        early = number < layers // 8
        kinds = {"Q2_K": "q3_K", "Q3_K_L": "q5_K", "IQ3_XXS": "q4_K" if early else "q3_K"}
        if early:
            kinds |= {"IQ4_XS": "q5_K", "IQ4_NL": "q5_K", "IQ3_M": "q4_K", "Q2_K_S": "q4_K"}
            kinds |= dict.fromkeys(_LOW, "q2_K") | {"IQ2_S": "iq3_s", "IQ2_M": "iq3_s"}
        return kinds.get(self.name, self.base)

    def _attention_output(self) -> str:
        if self.known.experts == 8:
            return "q5_K" if self.base not in ("q5_K", "q6_K") else self.base
        kinds = {"Q2_K": "q3_K", "IQ3_XXS": "iq3_s", "Q3_K_M": "q4_K", "Q3_K_L": "q5_K", "IQ3_M": "q4_K"}
        kinds |= {"IQ2_S": "iq3_s", "IQ2_M": "iq3_s", "IQ1_S": "iq2_xxs", "IQ1_M": "iq2_xxs"}
        return kinds.get(self.name, self.base)
