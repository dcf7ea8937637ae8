"""A launch as a compose file (https://github.com/compose-spec/compose-spec), every value in double quotes."""

from collections.abc import Iterator

from ..advisors.plan import Plan
from .escape import printable
from .launch_command import ranges
from .quoting import compose_word

_IMAGES = {
    "llama.cpp": {
        "CUDA": "ghcr.io/ggml-org/llama.cpp:server-cuda",
        "ROCm": "ghcr.io/ggml-org/llama.cpp:server-rocm",
        "Vulkan": "ghcr.io/ggml-org/llama.cpp:server-vulkan",
        "SYCL": "ghcr.io/ggml-org/llama.cpp:server-intel",
        "": "ghcr.io/ggml-org/llama.cpp:server",
    },
    "ollama": {"ROCm": "ollama/ollama:rocm", "": "ollama/ollama:latest"},
    "vllm": {"ROCm": "rocm/vllm:latest", "": "vllm/vllm-openai:latest"},
}
"""The projects' own images. Every one starts the server itself; what follows the program are its arguments."""
_INSIDE = "/models"
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # inside the container; the host opens the port on loopback only


def render_compose(plan: Plan) -> str:
    """The file's text."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    launch = plan.launch
    devices = plan.placement.devices
    kind = next((k for k in ("CUDA", "ROCm", "Vulkan", "SYCL") if devices and devices[0].startswith(k)), "")
    images = _IMAGES[plan.backend]
    source, target = model_mount(plan.model.path, whole=plan.backend == "vllm")
    yield f"# {printable(plan.model.name)} with {plan.backend}, planned by llmtune."
    yield f"# The image brings an engine of its own; the arguments were checked against {printable(launch.checked)}."
    for warning in _lost(plan):
        yield f"# Warning: {printable(warning)}"
    yield "services:"
    yield "  llm:"
    yield f"    image: {compose_word(images.get(kind) or images[''])}"
    yield "    command:"
    for word in _arguments(plan, source, target):
        yield f"      - {compose_word(word)}"
    if launch.env:
        yield "    environment:"
        for name, value in launch.env.items():
            inside = value.replace("127.0.0.1", _EVERYWHERE) if name == "OLLAMA_HOST" else value
            yield f"      {compose_word(name)}: {compose_word(inside)}"
    port = _port(plan)
    yield "    ports:"
    yield f"      - {compose_word(f'127.0.0.1:{port}:{port}')}"
    if source is not None:
        yield "    volumes:"
        yield "      - type: bind"
        yield f"        source: {compose_word(source)}"
        yield f"        target: {compose_word(_INSIDE)}"
        yield "        read_only: true"
    if launch.binding.cpus:
        yield f"    cpuset: {compose_word(ranges(launch.binding.cpus))}"
    if launch.locks_memory:
        yield "    ulimits:"
        yield "      memlock: -1"
    yield from _devices(kind)
    yield "    security_opt:"
    yield '      - "no-new-privileges:true"'
    yield "    restart: unless-stopped"


def model_mount(path: str, *, whole: bool = False) -> tuple[str | None, str]:
    """The directory to show the container, and the model's path in there; `whole`: the model is a directory."""
    if not path.startswith("/"):
        return None, path
    # A file of the Hugging Face cache is a link to a blob beside its snapshot.
    directory = path if whole else path.rpartition("/")[0] or "/"
    if "/snapshots/" in path:
        directory = path.partition("/snapshots/")[0]
    return directory, f"{_INSIDE}/{path[len(directory) :].lstrip('/')}".rstrip("/")


def _arguments(plan: Plan, source: str | None, target: str) -> Iterator[str]:
    argv = plan.launch.argv
    skipped = 2 if argv[1:2] == ("serve",) and plan.backend != "ollama" else 1
    directory = plan.model.path.rpartition("/")[0]
    # Inside, the server listens for the port that is opened on the host's loopback only.
    listening = False
    for word in argv[skipped:]:
        if listening:
            yield _EVERYWHERE
        elif word == plan.model.path:
            yield target
        elif source is not None and word.startswith("/") and word.rpartition("/")[0] == directory:
            yield f"{target.rpartition('/')[0]}/{word.rpartition('/')[2]}"
        else:
            yield word
        listening = word == "--host"


def _port(plan: Plan) -> str:
    argv = plan.launch.argv
    if "--port" in argv:
        return argv[argv.index("--port") + 1]
    return plan.launch.env.get("OLLAMA_HOST", "").rpartition(":")[2] or "8080"


def _lost(plan: Plan) -> Iterator[str]:
    launch = plan.launch
    yield from launch.warnings
    if launch.binding.memory_policy != "default":
        yield f"compose cannot bind memory to NUMA node {ranges(launch.binding.memory_nodes)}"
    if launch.nice is not None or launch.io_class is not None:
        yield "compose sets neither niceness nor I/O class"
    if launch.then:
        yield f"once it runs: {' '.join(launch.then[0])}"


def _devices(kind: str) -> Iterator[str]:
    if kind == "CUDA":
        # All of them, so that they keep their numbers.
        yield "    deploy:"
        yield "      resources:"
        yield "        reservations:"
        yield "          devices:"
        yield "            - driver: nvidia"
        yield "              count: all"
        yield "              capabilities: [gpu]"
    elif kind:
        yield "    devices:"
        for device in ("/dev/kfd", "/dev/dri") if kind == "ROCm" else ("/dev/dri",):
            yield f'      - "{device}:{device}"'
        yield "    group_add:"
        yield '      - "video"'
