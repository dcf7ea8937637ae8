"""A launch as a script for any POSIX shell. The arguments are the script's own, never read twice by the shell."""

import shlex
from collections.abc import Iterator
from itertools import groupby

from ..advisors.plan import Plan
from .escape import printable
from .launch_command import binding_words, broken_lines
from .quoting import printf_word

_TRIES = 60


def render_shell(plan: Plan) -> str:
    """The script."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    launch = plan.launch
    yield "#!/bin/sh"
    yield f"# {printable(plan.model.name)} with {plan.backend}, planned by llmtune."
    yield f"# Checked against {printable(launch.checked)}."
    for warning in launch.warnings:
        yield f"# Warning: {printable(warning)}"
    yield "set -eu"
    for name, value in launch.env.items():
        yield from _assign(name, value)
        yield f"export {name}"
    words = (*binding_words(launch), *launch.argv)
    if launch.files or launch.then:
        yield from _arguments(words)
        yield from _afterwards(plan)
    elif all(word.isprintable() for word in words):
        yield " \\\n".join(broken_lines(["exec", *map(shlex.quote, words)]))
    else:
        yield from _arguments(words)
        yield 'exec "$@"'


def _assign(name: str, value: str) -> Iterator[str]:
    if value.isprintable():
        yield f"{name}={shlex.quote(value)}"
    else:
        # What $(...) returns loses line feeds at its end: a dot stands there and is taken off again.
        yield f"{name}=$(printf -- '{printf_word(value)}.')"
        yield f"{name}=${{{name}%.}}"


def _arguments(words: tuple[str, ...]) -> Iterator[str]:
    so_far = "set --"
    for printable_words, group in groupby(words, str.isprintable):
        if printable_words:
            yield " ".join([so_far, *map(shlex.quote, group)])
            so_far = 'set -- "$@"'
            continue
        for word in group:
            yield from _assign("word", word)
            yield f'{so_far} "$word"'
            so_far = 'set -- "$@"'


def _afterwards(plan: Plan) -> Iterator[str]:
    """Start the server, write its files, and tell it of the model as soon as it answers."""
    yield "directory=$(mktemp -d)"
    for name, content in plan.launch.files.items():
        yield from _assign("content", content)
        yield f'printf \'%s\' "$content" > "$directory"/{shlex.quote(name)}'
    yield '"$@" &'
    yield "server=$!"
    yield "trap 'kill \"$server\"' INT TERM"
    yield 'cd "$directory"'
    for step in plan.launch.then:
        yield from _arguments(step)
        yield "tries=0"
        yield 'until "$@"; do'
        yield "  tries=$((tries + 1))"
        yield f'  [ "$tries" -lt {_TRIES} ] && kill -0 "$server" || exit 1'
        yield "  sleep 1"
        yield "done"
    yield 'wait "$server"'
