"""`mp service-accounts`: programs that act for the organisation by keys of their own."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_cli.client import Client
    from mercato_contracts.service_accounts import ServiceAccountView


@click.group("service-accounts")
def service_accounts() -> None:
    """Programs that act for your organisation by keys of their own."""


@service_accounts.command("list")
@command
def list_service_accounts(mp: Mp) -> None:
    """All of them, disabled ones too."""
    found = mp.client.list_service_accounts()
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["id", "name", "state", "keys", "made", "by", "rights"],
            [
                (
                    each.id, each.name, _state(each), each.keys, str(each.created_at)[:10], each.created_by_name,
                    ", ".join(each.rights),
                )
                for each in found
            ],
            "No service accounts. Make one with `mp service-accounts make NAME`.",
        ),
    )  # fmt: skip


@service_accounts.command("make")
@click.argument("name")
@click.option("--purpose", default="", help="What it is for.")
@click.option("--right", "rights", multiple=True, help="Only this permission; may be given several times.")
@command
def make_service_account(mp: Mp, name: str, purpose: str, rights: tuple[str, ...]) -> None:
    """Make the service account NAME. It gets keys by `mp keys make --account NAME`."""
    from mercato_contracts.service_accounts import NewServiceAccountRequest

    request = NewServiceAccountRequest(name=name, purpose=purpose, rights=list(rights) or None)
    _show(mp, mp.client.make_service_account(request))


@service_accounts.command("show")
@click.argument("account", metavar="ACCOUNT")
@command
def show_service_account(mp: Mp, account: str) -> None:
    """One ACCOUNT, by its name or id."""
    _show(mp, mp.client.show_service_account(account_id_of(mp.client, account)))


@service_accounts.command("rights")
@click.argument("account", metavar="ACCOUNT")
@click.option("--right", "rights", multiple=True, help="A permission that it has; may be given several times.")
@command
def set_service_account_rights(mp: Mp, account: str, rights: tuple[str, ...]) -> None:
    """Give ACCOUNT exactly these rights; its keys lose all others within a second. Without any, they do nothing."""
    _show(mp, mp.client.set_service_account_rights(account_id_of(mp.client, account), list(rights)))


@service_accounts.command("disable")
@click.argument("account", metavar="ACCOUNT")
@command
def disable_service_account(mp: Mp, account: str) -> None:
    """Disable ACCOUNT and revoke all its keys, at once and everywhere."""
    done = mp.client.disable_service_account(account_id_of(mp.client, account))
    mp.console.show(
        done.model_dump(mode="json"), lambda: mp.console.say(f"{done.name} is disabled, and all its keys are revoked.")
    )


@service_accounts.command("enable")
@click.argument("account", metavar="ACCOUNT")
@command
def enable_service_account(mp: Mp, account: str) -> None:
    """Let ACCOUNT have new keys again. Keys that were revoked stay revoked."""
    done = mp.client.enable_service_account(account_id_of(mp.client, account))
    mp.console.show(
        done.model_dump(mode="json"),
        lambda: mp.console.say(f"{done.name} is enabled. Make it a key with `mp keys make --account {done.name}`."),
    )


def account_id_of(client: "Client", given: str) -> str:
    """The id of a service account that was given by name or id. Raises `MpError`."""
    if given.startswith("sva_"):
        return given
    found = [each.id for each in client.list_service_accounts() if each.name.casefold() == given.casefold()]
    if not found:
        raise MpError(f"Your organisation has no service account named {given}.", "See `mp service-accounts list`.")
    return found[0]


def _show(mp: Mp, account: "ServiceAccountView") -> None:
    fields: list[tuple[str, object]] = [
        ("id", account.id),
        ("name", account.name),
        ("purpose", account.purpose or "none given"),
        ("state", _state(account)),
        ("rights", ", ".join(account.rights) or "none"),
        ("keys", account.keys),
        ("made by", account.created_by_name),
    ]
    mp.console.show(account.model_dump(mode="json"), lambda: mp.console.fields(fields))


def _state(account: "ServiceAccountView") -> str:
    return "disabled" if account.disabled_at else "in force"
