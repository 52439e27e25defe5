"""`mp scim`: the organisation's identity provider adds, changes and disables its people by itself (SCIM 2.0)."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.sso import ROLES, mapping

if TYPE_CHECKING:
    from mercato_contracts.scim import NewScimTokenAnswer, ScimSettingsView, ScimTokenView


@click.group()
def scim() -> None:
    """Let your identity provider add, change and disable your people."""


@scim.command("show")
@command
def show_scim(mp: Mp) -> None:
    """The address to enter at the provider, and the roles that its groups give."""
    _show(mp, mp.client.show_scim())


@scim.command("set")
@click.option("--role", "roles", multiple=True, metavar="GROUP=ROLE", help="What a group may do; may be repeated.")
@click.option("--default-role", type=click.Choice(ROLES), default="viewer", show_default=True,
              help="Of new people, and of those with none of these groups.")  # fmt: skip
@command
def set_scim(mp: Mp, roles: tuple[str, ...], default_role: str) -> None:
    """Set which role each of the provider's groups gives.

    Without --role, roles are given in the marketplace and the provider changes none.
    """
    settings = {"roles": dict(mapping(each) for each in roles), "default_role": default_role}
    _show(mp, mp.client.set_scim(settings))


@scim.group("tokens")
def tokens() -> None:
    """The tokens that your provider shows."""


@tokens.command("create")
@click.option("--name", required=True, help="What you call it.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is valid. Default: until it is revoked.")
@command
def make_scim_token(mp: Mp, name: str, days: int | None) -> None:
    """Make a token and print it once. Whoever holds it decides who is in your organisation."""
    from datetime import UTC, datetime, timedelta

    from mercato_contracts.scim import NewScimTokenRequest

    until = datetime.now(UTC) + timedelta(days=days) if days else None
    new = mp.client.make_scim_token(NewScimTokenRequest(name=name, expires_at=until))
    mp.console.show(new.model_dump(mode="json"), lambda: _show_once(mp, new))


@tokens.command("list")
@command
def list_scim_tokens(mp: Mp) -> None:
    """All tokens, without their texts."""
    found = mp.client.list_scim_tokens()
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["id", "name", "state", "made", "last used"],
            [
                (each.id, each.name, _state(each), str(each.created_at)[:10], str(each.used_at or "")[:16])
                for each in found
            ],
            "No tokens. Make one with `mp scim tokens create`.",
        ),
    )


@tokens.command("revoke")
@click.argument("token_id", metavar="TOKEN")
@command
def revoke_scim_token(mp: Mp, token_id: str) -> None:
    """Revoke TOKEN (`key_…`) at once; the people whom it keeps stay as they are."""
    mp.client.revoke_scim_token(token_id)
    mp.console.show({"id": token_id, "revoked": True}, lambda: mp.console.say(f"{token_id} is revoked."))


def _show(mp: Mp, settings: "ScimSettingsView") -> None:
    roles = ", ".join(f"{group}: {role}" for group, role in settings.roles.items())
    fields = [
        ("address", settings.base_url),
        ("roles by group", roles or "given in the marketplace"),
        ("role of new people", settings.default_role),
    ]
    mp.console.show(settings.model_dump(mode="json"), lambda: mp.console.fields(fields))


def _show_once(mp: Mp, new: "NewScimTokenAnswer") -> None:
    mp.console.fields([("id", new.id), ("token", new.token)])
    mp.console.note("Enter it at your provider now; it is not shown again.")


def _state(token: "ScimTokenView") -> str:
    from datetime import UTC, datetime

    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= datetime.now(UTC) else "in force"
