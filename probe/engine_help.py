"""What options the engine's program accepts: from its own `--help`, else from the words in its files.

Options of llama.cpp come and go (`--mlock`, bare `-fa` and `--draft` are gone, `--fit` is new), and forks have their
own, so a command is built from what the program that will run it says. Where the program may not be run (see
engine_live.py), names of options are looked for among the constant strings of the program and of llama.cpp's
libraries that it loads; that tells the names but not which values an option takes.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from .builds import ggml_files
from .elf_libraries import read_cache
from .elf_sections import find_section
from .host import Host
from .parse_help import parse_help, parse_version
from .reading import Reading
from .runtimes import Runtime
from .snapshot import Snapshot

STRINGS = r"\x00(--?[A-Za-z][A-Za-z0-9-]{0,39}|set Flash Attention use \()(?=\x00|')"
"""Options as whole strings; and the start of the help of `--flash-attn` since it takes a value (build 6325)."""
FLASH_VALUES = "set Flash Attention use ("
_MAX_SCAN_BYTES = 256 << 20
_SPAN_BYTES = 64 << 20
_MAX_FILES = 4
_LIBRARIES = ("libllama-common", "libllama-server-impl", "libcommon")
_FEWEST = 20
"""A server has hundreds of options; what tells fewer is no help text."""


class EngineOptions(Reading):
    """One program, and what it accepts."""

    path: str
    argv: tuple[str, ...]
    """The program and, where one program is all of llama.cpp, its word for the server."""
    program: str
    """What runs models: `llama.cpp`."""
    version: str | None
    """As it calls itself."""
    build: int | None
    """llama.cpp's build number."""
    options: frozenset[str]
    """In every spelling, without those that are only kept to say that they are gone; empty where not checked."""
    values: dict[str, tuple[str, ...]]
    """The values that an option lists."""
    source: Literal["--help", "strings", "not checked"]
    why_not_run: str | None
    """Where the source is not `--help`."""


def read_engine_options(host: Host, snapshot: Snapshot, named: str | None = None) -> EngineOptions | None:
    """What the named program accepts, or the first llama-server found; None where none is found."""
    with host.probing("engine options"):
        if named is not None:
            words = ("serve",) if named.rpartition("/")[2] == "llama" else ()
            return _ask(host, named, words, may_run=True)
        runtime = find_server(snapshot.engines.runtimes)
        if runtime is None:
            return None
        in_path = runtime.path.rpartition("/")[0] in (host.environment("PATH") or "").split(":")
        return _ask(host, runtime.path, ("serve",) if runtime.name == "llama" else (), may_run=in_path)


def find_server(runtimes: Iterable[Runtime]) -> Runtime | None:
    """llama-server, else the program that is all of llama.cpp."""
    programs = [r for r in runtimes if r.kind == "program"]
    return next((r for name in ("llama-server", "llama") for r in programs if r.name == name), None)


def _ask(host: Host, path: str, words: tuple[str, ...], may_run: bool) -> EngineOptions:
    why, version, build = "it is not in PATH; name it with --engine", None, None
    answer = None
    if may_run:
        answer, why = host.engine(path, *words, "--help")
    if answer is not None:
        options, values = parse_help(answer)
        if len(options) >= _FEWEST:
            told, _ = host.engine(path, "--version") if not words else (None, "")
            version, build = parse_version(told or "")
            return EngineOptions(
                path=path,
                argv=(path, *words),
                program="llama.cpp",
                version=version,
                build=build,
                options=options,
                values=values,
                source="--help",
                why_not_run=None,
            )
        why = _complaint(answer)
    options, values = _words_of(_strings(host, path))
    return EngineOptions(
        path=path,
        argv=(path, *words),
        program="llama.cpp",
        version=version,
        build=build,
        options=options,
        values=values,
        source="strings" if options else "not checked",
        why_not_run=why,
    )


def _complaint(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"its --help is not understood: {lines[-1][:200]}" if lines else "its --help says nothing"


def _strings(host: Host, path: str) -> Iterator[str]:
    files = ggml_files(host, path, read_cache(host))
    chosen = files[:1] + [file for file in files[1:] if file.rpartition("/")[2].startswith(_LIBRARIES)]
    for file in chosen[:_MAX_FILES]:
        section = find_section(host, file, ".rodata")
        if section is not None:
            offset, size = section
            for start in range(offset, offset + min(size, _MAX_SCAN_BYTES), _SPAN_BYTES):
                # A string that lies across two spans is lost; there are few and each is in its file once.
                yield from host.strings(file, start, min(_SPAN_BYTES, offset + size - start), STRINGS)


def _words_of(found: Iterable[str]) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    words = frozenset(found)
    options = frozenset(word for word in words if word.startswith("-"))
    if len(options) < _FEWEST:
        return frozenset(), {}
    switch = ("on", "off", "auto")
    return options, {"--flash-attn": switch, "-fa": switch} if FLASH_VALUES in words else {}
