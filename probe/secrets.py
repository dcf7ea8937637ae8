"""What must never be stored: values of command-line arguments that may be keys."""

import re
from collections.abc import Iterator, Sequence

MASK = "***"

_SECRET_NAME = re.compile(r"api[-_]?key|token(?!s|iz)|secret|passw|credential|bearer|authorization", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{12,})")
_URL_LOGIN = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_HARMLESS = re.compile(r"--?(max|min|num|n|prefill|batch|tokenizer|chunked|spec)[-_a-z0-9]*", re.IGNORECASE)


def mask_secrets(argv: Sequence[str]) -> Iterator[str]:
    """`argv` with the value of each argument that may hold a secret replaced."""
    hide_next = False
    for argument in argv:
        if hide_next and not argument.startswith("--"):
            yield MASK
            hide_next = False
            continue
        hide_next = False
        name, equals, _ = argument.partition("=")
        if _SECRET_NAME.search(name) and not _HARMLESS.fullmatch(name) and (name.startswith("-") or equals):
            if equals:
                yield f"{name}={MASK}"
                continue
            hide_next = not name.lower().endswith(("-file", "_file"))
            yield argument
            continue
        yield _URL_LOGIN.sub(MASK, _SECRET_VALUE.sub(MASK, argument))
