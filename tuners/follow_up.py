"""Commands that make sense only once the server answers (`ollama create`): a process of their own runs them."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping

from ..advisors.plan import Launch

_TRIES = 60
_STEP_SECONDS = 600


def start_follow_up(launch: Launch, environment: Mapping[str, str]) -> None:
    """Write the launch's files and leave a process that runs its commands until each succeeds once."""
    directory = tempfile.mkdtemp(prefix="llmtune-")
    for name, content in launch.files.items():
        with open(os.path.join(directory, os.path.basename(name)), "x", encoding="utf-8") as file:
            file.write(content)
    child = os.fork()
    if child:
        # The server shall not be the parent of what it knows nothing of.
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            _run(launch, directory, environment)
    finally:
        os._exit(0)


def _run(launch: Launch, directory: str, environment: Mapping[str, str]) -> None:
    for step in launch.then:
        for _ in range(_TRIES):
            time.sleep(1)
            done = subprocess.run(  # noqa: S603  # an argument list of the plan that the user asked to launch
                step, cwd=directory, env=environment, stdin=subprocess.DEVNULL, timeout=_STEP_SECONDS, check=False
            )
            if done.returncode == 0:
                break
