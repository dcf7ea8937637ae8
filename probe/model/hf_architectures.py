"""Hugging Face names of architectures to those of GGUF (src/llama-arch.cpp and conversion/ of llama.cpp b11434)."""

import re
from collections.abc import Sequence

_GGUF = (
    "llama llama4 deci falcon grok gpt2 gptj gptneox mpt baichuan starcoder refact bert modern-bert nomic-bert"
    " nomic-bert-moe neo-bert eurobert bloom stablelm qwen qwen2 qwen2moe qwen2vl qwen3 qwen3moe qwen3next qwen3vl"
    " qwen3vlmoe qwen35 qwen35moe qwen4exp phi2 phi3 phimoe plamo plamo2 plamo3 codeshell orion internlm2 minicpm"
    " minicpm3 gemma gemma2 gemma3 gemma3n gemma4 starcoder2 mamba mamba2 maple jamba falcon-h1 xverse command-r"
    " cohere2 cohere2moe dbrx olmo olmo2 olmoe muse-glimmer openelm arctic deepseek deepseek2 deepseek32 deepseek4"
    " chatglm glm4 glm4moe glm-dsa bitnet t5 jais jais2 nemotron nemotron_h nemotron_h_moe exaone exaone4 exaone-moe"
    " rwkv6 rwkv7 granite granitemoe granitehybrid graniteswitch granite_swa chameleon plm bailingmoe bailingmoe2"
    " bailingmoe3 dots1 dots3note arcee afmoe laguna ernie4_5 ernie4_5-moe hunyuan-moe hunyuan-dense hunyuan_vl hy_v3"
    " hy_v4 smollm3 gpt-oss lfm2 lfm2moe dream smallthinker llada llada-moe seed_oss grovemoe apertus minimax-01"
    " minimax-m2 minimax-m3 cogvlm rnd1 pangu-embedded mistral3 mistral4 paddleocr mimo2 step35 spark2_5 maincoder"
    " kimi-linear kimi-k3 glm5-next talkie mellum nanbeige"
)

_ALIASES = {
    "mistral": "llama", "mixtral": "llama", "internlm3": "llama", "yi": "llama", "aquila": "llama", "januspro": "llama",
    "sarashina2vision": "llama", "ultravox": "llama", "deepseekv2": "deepseek2", "deepseekv3": "deepseek2",
    "deepseekv32": "deepseek32", "deepseekv4": "deepseek4", "deepseekref": "deepseek4", "kimik2": "deepseek2",
    "kimik25": "deepseek2", "kimivl": "deepseek2", "youtu": "deepseek2", "youtuvl": "deepseek2",
    "glm4moelite": "deepseek2", "deepseekocr": "deepseek2", "glmmoedsa": "glm-dsa", "qwen25vl": "qwen2vl",
    "qwen25omni": "qwen2vl", "qwen3omnimoe": "qwen3vlmoe", "qwen2audio": "qwen2", "mimo": "qwen2", "dotsocr": "qwen2",
    "glm": "chatglm", "glm4v": "glm4", "glmocr": "glm4", "glm4vmoe": "glm4moe", "solaropen": "glm4moe",
    "phi": "phi2", "phimsft": "phi2", "phi3v": "phi3", "phi4": "phi3", "phi4mm": "phi3", "phi3small": "phi3",
    "mimov2": "mimo2", "mimov2flash": "mimo2", "nemotronhpuzzle": "nemotron_h_moe", "granitemoeshared": "granitemoe",
    "granitemoehybrid": "granitehybrid", "bamba": "granitehybrid", "graniteswa": "granite_swa",
    "granitemoeswa": "granite_swa", "minimax": "minimax-01", "minimaxtext01": "minimax-01",
    "minimaxm3sparse": "minimax-m3", "minimaxm3vl": "minimax-m3", "lfm2vl": "lfm2", "gptbigcode": "starcoder",
    "rw": "falcon", "refinedweb": "falcon", "refinedwebmodel": "falcon", "falconmamba": "mamba", "olmo3": "olmo2",
    "cohere": "command-r", "cohere2vision": "cohere2", "hunyuanv1dense": "hunyuan-dense",
    "hunyuanv1moe": "hunyuan-moe", "hunyuan": "hunyuan-moe", "ministral3": "mistral3", "ministral": "llama",
    "step3p5": "step35", "step3p7": "step35", "step3p7flash": "step35", "stepvl": "qwen3", "grok1": "grok",
    "stablelmepoch": "stablelm", "ernie45moevl": "ernie4_5-moe", "bailingmoev2": "bailingmoe2",
    "bailingmoev3": "bailingmoe3", "sarvammoe": "bailingmoe2", "exaone45": "exaone4", "gemma4unified": "gemma4",
    "codellama": "llama", "gptrefact": "refact", "roberta": "bert", "xlmroberta": "bert", "distilbert": "bert",
    "nomicbert": "nomic-bert", "mambalmhead": "mamba", "minicpmv46": "qwen35", "paddleocrvl": "paddleocr",
}  # fmt: skip

_ENDING = re.compile(
    r"(ForCausalLMV?|ForConditionalGeneration|ForSequenceClassification|ForMaskedLM|LMHeadModel|TextModel|Model)$"
)


def _squeezed(name: str) -> str:
    """Class names and model types of one architecture fall together: `Qwen3MoeForCausalLM` and `qwen3_moe`."""
    return re.sub(r"[^a-z0-9]", "", _ENDING.sub("", name.rpartition(".")[2]).lower()).removesuffix("text")


_KNOWN = {_squeezed(name): name for name in _GGUF.split()} | _ALIASES


def gguf_architecture(names: Sequence[str]) -> str | None:
    """GGUF's name for the first of the class names and model types that is known."""
    return next((_KNOWN[key] for key in map(_squeezed, names) if key in _KNOWN), None)
