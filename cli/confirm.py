"""`llmtune confirm`: keep what is on trial."""

import click


@click.command()
def command() -> int:
    """Keep what 'llmtune apply --trial' changed: it is no longer put back by itself."""
    from ..tuners.journal import Writer
    from ..tuners.records import Confirm
    from ..tuners.trial import cancel_rollback
    from . import exit_codes
    from .tuning import log, opened, who_asks

    with opened("confirm") as found:
        trials = [journal for journal in found.active() if journal.on_trial]
        for journal in trials:
            writer = Writer(found.directory, journal)
            try:
                writer.append(Confirm(), durable=True)
            finally:
                writer.close()
            cancel_rollback(journal.id)
            log(f"{who_asks()} confirmed transaction {journal.id}")
            click.echo(f"Transaction {journal.id} stays; 'sudo llmtune rollback' still puts it back.")
    if not trials:
        click.echo("Nothing is on trial.")
    return exit_codes.OK
