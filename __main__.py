"""Entry point of the `llmtune` command and of `python -m llmtune`."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and exit with its code (see `cli/exit_codes.py`)."""
    # A command lives for a fraction of a second: looking for garbage would take a tenth of it and find none.
    gc.disable()
    # Pydantic would load any plugin that some installed package registers: time, and foreign code in a tool for root.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from .cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
