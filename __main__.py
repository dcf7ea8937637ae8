"""Entry point of the `llmtune` command and of `python -m llmtune`."""

import sys


def main() -> None:
    """Run the command line and exit with its code (see `cli/exit_codes.py`)."""
    from .cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
