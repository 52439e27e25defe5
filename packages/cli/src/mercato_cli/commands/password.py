"""`mp password`, `mp second-factor`, `mp prove`: how one proves who one is."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.people import follow
from mercato_cli.passwords import read_code, read_new_password, read_password

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group()
def password() -> None:
    """Your password."""


@password.command("change")
@command
def change_password(mp: Mp) -> None:
    """Change it. Your other sessions end. Piped in: the current one, then the new one, each on a line."""
    current = read_password()
    ended = mp.client.change_password(current, read_new_password()).ended
    mp.console.show({"ended": ended}, lambda: mp.console.say(f"Changed. Sessions elsewhere that ended: {ended}."))


@password.command("forgot")
@click.argument("email")
@command
def forgot_password(mp: Mp, email: str) -> None:
    """Get an email with a link to set a new one."""
    mp.client.ask_for_password(email)
    mp.console.show(
        {"email": email},
        lambda: mp.console.say(f"If {email} has an account, a link is on its way. Then: mp password set LINK"),
    )


@password.command("set")
@click.argument("link")
@command
def set_password(mp: Mp, link: str) -> None:
    """Set a new one with the link of the email. All your sessions end."""
    url, client, token = follow(mp, link)
    user = client.set_password(token, read_new_password())
    mp.console.show(
        user.model_dump(mode="json"),
        lambda: mp.console.say(f"Set. Log in with `mp login --url {url} --email {user.email}`."),
    )


@click.group("second-factor")
def second_factor() -> None:
    """Authenticator apps that signing in asks for, and recovery codes."""


@second_factor.command("list")
@command
def list_factors(mp: Mp) -> None:
    """Your apps, and how many recovery codes are left."""
    found = mp.client.list_second_factors()

    def show() -> None:
        mp.console.table(
            ["id", "name", "added", "last used"],
            [(each.id, each.name, str(each.created_at)[:10], str(each.used_at or "")[:16]) for each in found.items],
            "None. Add one with `mp second-factor add`.",
        )
        if found.items:
            mp.console.note(f"Recovery codes left: {found.recovery_codes_left}.")

    mp.console.show(found.model_dump(mode="json"), show)


@second_factor.command("add")
@click.option("--name", default="authenticator app", show_default=True, help="What you call it.")
@command
def add_factor(mp: Mp, name: str) -> None:
    """Add an app: type the secret (or the address) into it, then the code that it shows."""
    new = mp.client.add_second_factor(name)
    mp.console.note(f"Secret: {new.secret}\nAddress: {new.uri}")
    codes = mp.client.confirm_second_factor(new.id, read_code()).recovery_codes
    mp.console.show({"id": new.id, "recovery_codes": codes}, lambda: _show_codes(mp, f"{new.id} counts now.", codes))


@second_factor.command("remove")
@click.argument("factor_id")
@command
def remove_factor(mp: Mp, factor_id: str) -> None:
    """Remove an app; with the last one the recovery codes go too."""
    mp.client.remove_second_factor(factor_id)
    mp.console.show({"id": factor_id, "removed": True}, lambda: mp.console.say(f"{factor_id} is removed."))


@second_factor.command("recovery-codes")
@command
def renew_codes(mp: Mp) -> None:
    """Make new recovery codes; the old ones no longer work."""
    codes = mp.client.renew_recovery_codes().recovery_codes
    mp.console.show({"recovery_codes": codes}, lambda: _show_codes(mp, "The old codes no longer work.", codes))


@click.group()
def passkeys() -> None:
    """Your passkeys. A browser adds them and signs in with them."""


@passkeys.command("list")
@command
def list_passkeys(mp: Mp) -> None:
    """Your passkeys, the oldest first."""
    found = mp.client.list_passkeys()
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(
            ["id", "name", "added", "last used"],
            [(each.id, each.name, str(each.created_at)[:10], str(each.used_at or "")[:16]) for each in found.items],
            "None.",
        ),
    )


@passkeys.command("remove")
@click.argument("passkey_id")
@command
def remove_passkey(mp: Mp, passkey_id: str) -> None:
    """Remove one; it no longer signs anybody in."""
    mp.client.remove_passkey(passkey_id)
    mp.console.show({"id": passkey_id, "removed": True}, lambda: mp.console.say(f"{passkey_id} is removed."))


@click.command()
@click.option("--code", is_flag=True, help="By a code of your authenticator app: where you have one, this is needed.")
@command
def prove(mp: Mp, code: bool) -> None:
    """Prove your identity again; dangerous actions are then allowed for ten minutes."""
    if code:
        mp.client.prove(code=read_code())
    else:
        mp.client.prove(password=read_password())
    mp.console.show({"proved": True}, lambda: mp.console.say("Proven; valid for ten minutes."))


def _show_codes(mp: Mp, first: str, codes: "Sequence[str]") -> None:
    mp.console.say(first)
    for code in codes:
        mp.console.say(code)
    if codes:
        mp.console.note("Keep these recovery codes elsewhere; each works once, and they are not shown again.")
