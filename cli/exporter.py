"""`llmtune exporter`: its options. What it does is in `serving_metrics.py`."""

import click

DEFAULT_PORT = 9719


@click.command()
@click.option(
    "--listen",
    default=f"127.0.0.1:{DEFAULT_PORT}",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where to answer; [::1]:PORT for IPv6, port 0 for any that is free.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 300),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks at the machine; to be asked more often costs nothing.",
)
@click.option("--dashboard", is_flag=True, help="Print a dashboard for Grafana to import, and end.")
def command(listen: str, interval: float, dashboard: bool) -> int:
    """Answer Prometheus at /metrics with what 'llmtune monitor' shows. Changes nothing.

    Ends with Ctrl-C or SIGTERM.
    """
    if dashboard:
        from ..reports.dashboard import dashboard_text

        click.echo(dashboard_text(), nl=False)
        return 0
    from .serving_metrics import serve

    return serve(*_address(listen), interval)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise click.UsageError(f"--listen {listen!r}: not an address and a port, such as 127.0.0.1:{DEFAULT_PORT}")
    return host, int(port)
