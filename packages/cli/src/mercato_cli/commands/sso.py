"""`mp sso`: signing in through the organisation's own identity provider (OpenID Connect)."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.passwords import read_address, read_secret

if TYPE_CHECKING:
    from mercato_contracts.sso import ProviderView, SsoBegun, SsoFinished

ROLES = ["admin", "approver", "viewer"]
"""What groups may give."""
_KEPT = ("state", "code", "iss", "error")


@click.group()
def sso() -> None:
    """Your organisation's identity provider: set up, link, switch passwords off."""


@sso.command("show")
@command
def show_provider(mp: Mp) -> None:
    """The provider's settings, and the address to register there."""
    _show(mp, mp.client.show_provider())


@sso.command("list")
@command
def list_providers(mp: Mp) -> None:
    """Operators: every organisation's provider, and whether it has worked."""
    found = mp.client.list_providers()
    rows = [
        (one.organisation, one.issuer, str(one.accounts), "yes" if one.passwords else "no",
         f"{one.worked_at:%Y-%m-%d %H:%M}" if one.worked_at else "never")
        for one in found
    ]  # fmt: skip
    mp.console.show(
        {"items": [one.model_dump(mode="json") for one in found]},
        lambda: mp.console.table(
            ["organisation", "issuer", "accounts", "passwords", "worked"], rows, "No organisation has one."
        ),
    )


@sso.command("set")
@click.option("--issuer", required=True, help="The issuer, exactly as the provider writes it.")
@click.option("--client-id", required=True, help="What the provider calls this marketplace.")
@click.option("--keep-secret", is_flag=True, help="Keep the client's secret; otherwise it is asked for.")
@click.option("--role", "roles", multiple=True, metavar="GROUP=ROLE", help="What a group may do; may be repeated.")
@click.option("--default-role", type=click.Choice(ROLES), help="Of people with none of these groups.")
@click.option("--domain", "domains", multiple=True, help="A mail domain whose people may join uninvited.")
@click.option("--groups-claim", default="groups", show_default=True, help="The claim that names groups.")
@command
def set_provider(
    mp: Mp,
    issuer: str,
    client_id: str,
    keep_secret: bool,
    roles: tuple[str, ...],
    default_role: str | None,
    domains: tuple[str, ...],
    groups_claim: str,
) -> None:
    """Set the provider up or change it; the secret is asked for, or read from standard input.

    Without --role, roles are given in the marketplace and the provider changes none.
    """
    settings = {
        "issuer": issuer,
        "client_id": client_id,
        "client_secret": None if keep_secret else read_secret("Client secret"),
        "roles": dict(mapping(each) for each in roles),
        "default_role": default_role,
        "domains": list(domains),
        "groups_claim": groups_claim,
    }
    _show(mp, mp.client.set_provider(settings))


@sso.command("remove")
@command
def remove_provider(mp: Mp) -> None:
    """Nobody can sign in through it any longer; passwords work again."""
    mp.client.remove_provider()
    mp.console.show({"removed": True}, lambda: mp.console.say("Removed. Passwords work again."))


@sso.command("passwords")
@click.argument("state", type=click.Choice(["on", "off"]))
@command
def switch_passwords(mp: Mp, state: str) -> None:
    """Switch passwords off once the provider has worked, or on again.

    Administrators who are linked to no account keep theirs.
    """
    _show(mp, mp.client.switch_passwords(allowed=state == "on"))


@sso.command("accounts")
@command
def list_accounts(mp: Mp) -> None:
    """Who is linked to which account at the provider."""
    found = mp.client.list_sso_accounts()
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["person", "e-mail", "subject", "issuer", "last sign-in"],
            [
                (each.user_id, each.email, each.subject, each.issuer, str(each.signed_in_at or "")[:16])
                for each in found
            ],
            "Nobody is linked.",
        ),
    )


@sso.command("unlink")
@click.argument("user_id", metavar="PERSON")
@command
def unlink(mp: Mp, user_id: str) -> None:
    """Unlink PERSON (`usr_…`) from their account; their sessions end."""
    mp.client.unlink_account(user_id)
    mp.console.show({"user": user_id, "linked": False}, lambda: mp.console.say(f"{user_id} is unlinked."))


@sso.command("link")
@command
def link(mp: Mp) -> None:
    """Link yourself to your account at the provider; administrators need this once."""
    _finish(mp, mp.client.begin_link())
    mp.console.show({"linked": True}, lambda: mp.console.say("Linked. Sign in there from now on."))


@sso.command("prove")
@command
def prove(mp: Mp) -> None:
    """Prove your identity at the provider; dangerous actions are then allowed for ten minutes."""
    _finish(mp, mp.client.begin_proof())
    mp.console.show({"proved": True}, lambda: mp.console.say("Proven; valid for ten minutes."))


def _finish(mp: Mp, begun: "SsoBegun") -> "SsoFinished":
    """Lead the person to the provider, and read the address where they come back."""
    mp.console.note(
        f"Open this address, sign in, and copy the address of the page where you end:\n{begun.authorization_url}"
    )
    query = parse_qs(urlsplit(read_address()).query)
    answer = {name: query[name][0] for name in _KEPT if name in query}
    if "state" not in answer:
        raise MpError("This is not the address of the page where the provider leads.", "Start again.")
    return mp.client.finish_sso({**answer, "binding": begun.binding})


def mapping(text: str) -> tuple[str, str]:
    """GROUP=ROLE as a pair. Raises `MpError`."""
    group, _, role = text.rpartition("=")
    if not group or role not in ROLES:
        raise MpError(f"--role {text} is not GROUP=ROLE.", f"Roles are {', '.join(ROLES)}.")
    return group, role


def _show(mp: Mp, provider: "ProviderView") -> None:
    def fields() -> None:
        roles = ", ".join(f"{group}: {role}" for group, role in provider.roles.items())
        mp.console.fields(
            [
                ("issuer", provider.issuer),
                ("client id", provider.client_id),
                ("register there", provider.redirect_uri),
                ("roles by group", roles or "given in the marketplace"),
                ("role of all others", provider.default_role or "none"),
                ("domains", ", ".join(provider.domains)),
                ("passwords", "on" if provider.passwords else "off"),
                ("last worked", str(provider.worked_at or "not yet")[:16]),
            ]
        )

    mp.console.show(provider.model_dump(mode="json"), fields)
