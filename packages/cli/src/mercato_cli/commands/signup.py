"""`mp signup`: a new organisation, and its first administrator logged in."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.login import begin_profile
from mercato_cli.passwords import read_new_password

if TYPE_CHECKING:
    from mercato_contracts.identity import SignUpAnswer


@click.command()
@click.argument("organisation")
@click.option("--email", required=True, help="The first administrator's e-mail address: yours.")
@click.option("--name", help="The organisation's display name. Default: its short name.")
@click.option("--url", help="The marketplace's address.")
@click.option(
    "--gateway", metavar="URL", help="The gateway's address, if it differs from the one the marketplace names."
)
@command
def signup(mp: Mp, organisation: str, email: str, name: str | None, url: str | None, gateway: str | None) -> None:
    """Sign ORGANISATION up and log in.

    The password (12 to 200 characters) is asked for, or read from standard input.
    """
    from pydantic import SecretStr

    from mercato_cli.transport import with_session
    from mercato_contracts.identity import SignUpRequest

    # Everything but the password is checked before somebody types that twice.
    SignUpRequest(organisation=organisation, name=name or organisation, email=email, password=SecretStr("-" * 20))
    profile = begin_profile(mp, url, gateway)
    password = read_new_password()
    client = mp.client_of(profile)
    made = client.sign_up(organisation, name or organisation, email, password)
    profile = with_session(profile, client.sign_in(email, password))
    mp.profiles.keep(profile, use=True)
    mp.console.show(made.model_dump(mode="json"), lambda: _welcome(mp, made, profile.name))


def _welcome(mp: Mp, made: "SignUpAnswer", profile: str) -> None:
    mp.console.say(f"{made.organisation.slug} is signed up, and you are logged in as its administrator.")
    mp.console.note(f"Kept as profile {profile}. To publish: `mp publish`; to buy: `mp search`, then `mp subscribe`.")
