"""`mp keys`: the keys of one's organisation."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.limits import limit_options, set_and_show
from mercato_cli.commands.service_accounts import account_id_of
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_contracts.identity import KeyHoldRequest, KeyView, NewKeyAnswer

_HOUR = 3600
_Command = TypeVar("_Command", bound=Callable[..., object])


def hold_options(function: _Command) -> _Command:
    """What a key is held to."""
    addresses = click.option(
        "--address", "addresses", multiple=True, metavar="NETWORK",
        help="Only from this address or network, such as 203.0.113.0/24; may be given several times.",
    )  # fmt: skip
    services = click.option(
        "--service", "services", multiple=True, metavar="VENDOR/NAME",
        help="Only calls of this service; may be given several times.",
    )  # fmt: skip
    return services(addresses(function))


@click.group()
def keys() -> None:
    """The keys of your organisation."""


@keys.command("make")
@click.option(
    "--kind",
    type=click.Choice(["ck", "vk"]),
    default="ck",
    show_default=True,
    help="ck calls services, vk publishes them.",
)
@click.option("--name", default="mp", show_default=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, help="Only this permission; may be given several times.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is valid. Default: unlimited.")
@click.option("--account", metavar="ACCOUNT", help="The service account that it belongs to, by name or id.")
@hold_options
@command
def make_key(
    mp: Mp,
    kind: Literal["ck", "vk"],
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    account: str | None,
    services: tuple[str, ...],
    addresses: tuple[str, ...],
) -> None:
    """Make a key and print it once."""
    from datetime import UTC, datetime, timedelta

    from mercato_contracts.identity import NewKeyRequest

    until = datetime.now(UTC) + timedelta(days=days) if days else None
    held = _hold(services, addresses)
    account_id = account_id_of(mp.client, account) if account else None
    new = mp.client.make_key(
        NewKeyRequest(
            kind=kind,
            name=name,
            scopes=list(scopes) or None,
            expires_at=until,
            service_account_id=account_id,
            **held.model_dump(),
        )
    )
    mp.console.show(new.model_dump(mode="json"), lambda: _show_once(mp, new))


@keys.command("list")
@click.option("--all", "everything", is_flag=True, help="Include keys that are no longer in force.")
@command
def list_keys(mp: Mp, everything: bool) -> None:
    """List the keys in force, without their secrets."""
    found = [key for key in mp.client.list_keys() if everything or _state(key) not in ("revoked", "expired")]
    mp.console.show(
        {"items": [key.model_dump(mode="json") for key in found]},
        lambda: mp.console.table(
            ["id", "kind", "name", "state", "made", "by", "last used", "expires", "held to"],
            [
                (
                    key.id,
                    key.kind,
                    key.name,
                    _state(key),
                    _day(key.created_at),
                    _whose(key),
                    _day(key.last_used_at),
                    _day(key.expires_at),
                    _held(key),
                )
                for key in found
            ],
            "No keys. Make one with `mp keys make`.",
        ),
    )


@keys.command("hold")
@click.argument("key_id", metavar="KEY")
@hold_options
@command
def hold_key(mp: Mp, key_id: str, services: tuple[str, ...], addresses: tuple[str, ...]) -> None:
    """Hold KEY to these services and addresses, within a second everywhere; without any, lift the hold."""
    key = mp.client.hold_key(key_id, _hold(services, addresses))
    mp.console.show(
        key.model_dump(mode="json"), lambda: mp.console.say(f"{key.id} is held to {_held(key) or 'nothing'}.")
    )


@keys.command("rotate")
@click.argument("key_id")
@click.option("--grace", type=click.IntRange(0, 604_800), default=_HOUR, show_default=True, metavar="SECONDS",
              help="How long the old key stays valid.")  # fmt: skip
@command
def rotate_key(mp: Mp, key_id: str, grace: int) -> None:
    """Replace a key by a new one with the same rights and limits and print it once. Usage so far still counts."""
    new = mp.client.rotate_key(key_id, grace)
    mp.console.show(new.model_dump(mode="json"), lambda: _show_once(mp, new))


@keys.command("revoke")
@click.argument("key_id")
@command
def revoke_key(mp: Mp, key_id: str) -> None:
    """Revoke a key, at once and everywhere."""
    mp.client.revoke_key(key_id)
    mp.console.show({"id": key_id, "revoked": True}, lambda: mp.console.say(f"{key_id} is revoked."))


@keys.command("limit")
@click.argument("key_id")
@limit_options
@click.option("--clear", is_flag=True, help="Remove all limits first.")
@command
def limit_key(mp: Mp, key_id: str, clear: bool, **caps: int | str | None) -> None:
    """Show or set the limits of a key, in addition to those of its organisation and plans.

    Options set limits, `none` removes one; without options, limits are shown with what is used and left.
    """
    set_and_show(mp, key_id, caps, clear=clear)


def _show_once(mp: Mp, new: "NewKeyAnswer") -> None:
    mp.console.say_once(new.key, f"This is {new.id} ({new.name}). Its scopes: {', '.join(new.scopes)}.")


def _state(key: "KeyView") -> str:
    from datetime import UTC, datetime

    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return "expired"
    return "rotated" if key.rotated_to else "in force"


def _day(at: object) -> str:
    return str(at)[:10] if at else "never"


def _hold(services: tuple[str, ...], addresses: tuple[str, ...]) -> "KeyHoldRequest":
    from pydantic import ValidationError

    from mercato_contracts.identity import KeyHoldRequest

    try:
        return KeyHoldRequest(services=list(services), addresses=list(addresses))
    except ValidationError:
        raise MpError(
            "A --service is not VENDOR/NAME, or an --address is no address and no network.",
            "Write for instance --service acme/embedder --address 203.0.113.0/24.",
        ) from None


def _whose(key: "KeyView") -> str:
    return (
        f"{key.service_account_name} (made by {key.created_by_name})"
        if key.service_account_id
        else (key.created_by_name)
    )


def _held(key: "KeyView") -> str:
    return ", ".join([*(service.name for service in key.services), *key.addresses])
