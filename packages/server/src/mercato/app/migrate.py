"""`mercato migrate`: the database's schema, forwards and backwards."""

import click

from mercato.app.records import open_records
from mercato.app.settings import Settings


@click.command()
@click.argument("revision", default="head")
@click.pass_obj
def migrate(settings: Settings, revision: str) -> None:
    """Bring the database to REVISION, forwards or backwards.

    REVISION is `head` (the newest, the default), `base` (empty: all records are lost) or a number such as 0003. All of
    it happens or none; several processes may ask at once.
    """
    from alembic.util import CommandError

    from mercato.app import schema

    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        before = schema.current_revision(url)
        try:
            schema.migrate(url, revision)
        except CommandError as error:
            raise click.ClickException(f"{error} (the newest revision is {schema.newest_revision()})") from None
        after = schema.current_revision(url)
    click.echo(
        f"database: revision {before or 'none'} -> {after or 'none'}"
        if before != after
        else f"database: revision {after} already"
    )
