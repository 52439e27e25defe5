"""`mp organisations`, `mp roles`: what operators decide about organisations, and what each role may do."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.identity import OrganisationView

_REASON = click.option("--reason", required=True, help="Why; it is in the audit log.")


@click.group()
def organisations() -> None:
    """Organisations of the marketplace: list, verify, suspend, reinstate."""


@organisations.command("list")
@click.option("--state", type=click.Choice(["active", "suspended", "verified", "unverified"]), help="Only these.")
@click.option("--named", metavar="TEXT", help="Only those with this in their name.")
@command
def list_organisations(mp: Mp, state: str | None, named: str | None) -> None:
    """Every organisation and where it stands."""
    found = mp.client.list_organisations(state, named)
    rows = [(each.slug, each.name, str(each.created_at)[:10], _state(each), each.suspended_reason) for each in found]
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(["organisation", "name", "since", "state", "reason"], rows, "None fits."),
    )


@organisations.command("show")
@click.argument("organisation")
@command
def show_organisation(mp: Mp, organisation: str) -> None:
    """Where ORGANISATION stands."""
    _show(mp, mp.client.show_organisation(organisation))


@organisations.command("suspend")
@click.argument("organisation")
@_REASON
@command
def suspend(mp: Mp, organisation: str, reason: str) -> None:
    """Stop all calls of ORGANISATION within a second and sign its people out. Its data stays."""
    _show(mp, mp.client.suspend_organisation(organisation, reason))


@organisations.command("reinstate")
@click.argument("organisation")
@_REASON
@command
def reinstate(mp: Mp, organisation: str, reason: str) -> None:
    """Let a suspended ORGANISATION work again. Needs `mp prove` in the last ten minutes."""
    _show(mp, mp.client.reinstate_organisation(organisation, reason))


@organisations.command("verify")
@click.argument("organisation")
@click.option("--withdraw", is_flag=True, help="Withdraw its verification.")
@_REASON
@command
def verify(mp: Mp, organisation: str, withdraw: bool, reason: str) -> None:
    """Vouch for ORGANISATION: its releases may go live by rule. Needs `mp prove` in the last ten minutes."""
    _show(mp, mp.client.verify_organisation(organisation, verified=not withdraw, reason=reason))


@click.command()
@command
def roles(mp: Mp) -> None:
    """What each role may do; an asterisk stands for the operator's organisation only."""
    rights = mp.client.rights()
    rows = [
        (
            permission,
            *("yes" if permission in role.permissions else "*" if permission in role.operator_permissions else ""
              for role in rights.roles),
        )
        for permission in rights.permissions
    ]  # fmt: skip
    headers = ["permission", *(role.role for role in rights.roles)]
    mp.console.show(rights.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "None."))


def _show(mp: Mp, found: "OrganisationView") -> None:
    pairs = [("organisation", found.slug), ("name", found.name), ("id", found.id), ("state", _state(found))]
    if found.suspended_at is not None:
        pairs += [("suspended", str(found.suspended_at)[:19]), ("reason", found.suspended_reason)]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields(pairs))


def _state(found: "OrganisationView") -> str:
    if found.suspended_at is not None:
        return "suspended"
    return "operator" if found.is_operator else "verified" if found.is_verified else "active"
