"""`Facts` read by a process of its own, so that what reading a whole machine takes of memory is gone with it."""

import os
import pickle
import sys

from ..advisors.bottleneck.facts import Facts

SECONDS = 60.0
"""A machine with hanging mounts and cards takes long, but not for ever."""


class NoFacts(Exception):
    """The process failed; the message is one line."""


def facts_of_this_machine() -> Facts:
    """Raises `NoFacts`."""
    import subprocess

    # -P: a folder called llmtune where somebody happens to be is not us.
    safe = "-I" if sys.flags.isolated else "-P"
    try:
        done = subprocess.run(  # noqa: S603  # the same interpreter and code that run here
            [sys.executable, safe, "-m", __name__],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoFacts(str(error)) from None
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NoFacts(last[0][:300] if last else f"exit code {done.returncode}")
    facts: Facts = pickle.loads(done.stdout)  # noqa: S301  # written by our own code, for us alone
    return facts


def main() -> None:
    """The process."""
    from ..probe.host import Host
    from ..probe.live import LiveSource
    from .machine_facts import facts_of

    # What a library prints must not get between.
    out = os.dup(1)
    os.dup2(2, 1)
    told = pickle.dumps(facts_of(Host(LiveSource())))
    with os.fdopen(out, "wb") as pipe:
        pipe.write(told)


if __name__ == "__main__":
    main()
