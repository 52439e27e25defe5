"""`mercato bootstrap`: the operator's organisation and its first administrator, once in a marketplace's life."""

import asyncio
import json
from typing import TYPE_CHECKING

import click

from mercato.app.prepare import DEFAULT_EMAIL
from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.app.beginning import Firsts


@click.command()
@click.option(
    "--email", default=DEFAULT_EMAIL, show_default=True, help="The address that the administrator signs in with."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def bootstrap(settings: Settings, email: str, as_json: bool) -> None:
    """Make the first administrator and print the password, once.

    A second time is refused with exit code 1.
    """

    from mercato.app.beginning import begin
    from mercato.platform import Conflict

    def show(firsts: "Firsts") -> None:
        administrator = firsts.administrator
        if as_json:
            click.echo(json.dumps({"email": administrator.email, "password": administrator.password}))
        else:
            click.echo(f"first administrator  {administrator.email}")
            click.echo(f"password             {administrator.password}   (shown this once, kept nowhere)")

    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        require_schema(url)
        try:
            asyncio.run(begin(url, email, with_consumer=False, show=show))
        except Conflict as refusal:
            raise click.ClickException(
                f"{refusal.detail} Sign in with it, or make another with POST /api/users."
            ) from None
