"""`llmtune fits`: which models run how well here, or on a machine that is only thought of."""

import click

from .common import format_option, from_option
from .planning import Gibibytes, Tokens


@click.command()
@click.option(
    "--gpu", "gpus", multiple=True, metavar="NAME", help='A card, such as "RTX 4090" or "2x RTX 3090"; with --ram.'
)
@click.option("--ram", type=Gibibytes(), help="Host memory of the machine thought of, such as 64 (GiB).")
@click.option("--cpus", type=click.IntRange(1, 4096), help="Its cores.")
@click.option(
    "--sort",
    type=click.Choice(["size", "speed", "context", "quality"]),
    default="size",
    show_default=True,
    help="By parameters, decode speed, context, or active parameters; the largest first.",
)
@click.option(
    "--goal", type=click.Choice(["latency", "throughput", "context", "quality"]), default="latency", show_default=True
)
@click.option("--context", type=Tokens(), help="Exactly so many tokens of context for each user.")
@click.option("--min-context", type=Tokens(), help="At least so many.")
@click.option("--users", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--min-speed", type=click.FloatRange(0, min_open=True), metavar="TOKENS/S", help="Least decode speed.")
@click.option(
    "--depth", type=Tokens(), default=2048, show_default=True, help="Tokens in the context at which speeds are told."
)
@click.option("--measure", is_flag=True, help="First measure memory bandwidth (some seconds).")
@click.option("--on-disk", is_flag=True, help="Only models that lie on this machine.")
@click.option("--all", "show_all", is_flag=True, help="Also what does not fit.")
@from_option
@format_option("text", "json", "markdown")
@click.option("--no-color", is_flag=True, help="No colours (so does NO_COLOR in the environment).")
def command(**options: object) -> int:
    """Tell which models run how well: those on disk, and well-known ones in the best quantization that fits."""
    from .fits_output import Options, run_fits

    return run_fits(Options(**options))  # type: ignore[arg-type]
