"""`mp view-as`: operators read what somebody else can read; organisations see who did, and may forbid it."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.view_as import CurrentView


@click.group("view-as")
def view_as() -> None:
    """View as a person of another organisation, for reading only; who did it to yours."""


@view_as.command("begin")
@click.argument("person", metavar="PERSON")
@click.option("--reason", required=True, help="Why; the organisation sees it.")
@click.option("--organisation", metavar="NAME", help="Which one, where the person is in several.")
@command
def begin(mp: Mp, person: str, reason: str, organisation: str | None) -> None:
    """Operators: read what PERSON (`usr_…`) can read, for half an hour, with this login.

    Needs `mp prove` in the last ten minutes. Nobody views as an administrator.
    """
    view = mp.client.view_as(person, reason, organisation)
    mp.console.show(view.model_dump(mode="json"), lambda: _show(mp, view))
    mp.console.note("Every command of this login reads as them until `mp view-as end`.")


@view_as.command("end")
@command
def end(mp: Mp) -> None:
    """Be yourself again."""
    mp.client.end_view()
    mp.console.show({"view": None}, lambda: mp.console.say("You view as nobody."))


@view_as.command("show")
@command
def show(mp: Mp) -> None:
    """Whom this login views as, and until when."""
    view = mp.client.current_view()
    if view is None:
        mp.console.show({"view": None}, lambda: mp.console.say("You view as nobody."))
        return
    found = view
    mp.console.show({"view": found.model_dump(mode="json")}, lambda: _show(mp, found))


@view_as.command("list")
@command
def list_views(mp: Mp) -> None:
    """Who viewed as people of your organisation, and why; for operators, their own views."""
    found = mp.client.list_views()
    rows = [
        (each.id, each.viewed_by_name or "an operator", each.person_name, str(each.began_at)[:19],
         str(each.ended_at or each.ends_at)[:19], each.reason)
        for each in found
    ]  # fmt: skip
    headers = ["view", "who", "as", "from", "until", "reason"]
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(headers, rows, "Nobody viewed as anybody."),
    )


@view_as.command("allow")
@command
def allow(mp: Mp) -> None:
    """Let operators view as people of your organisation. Needs `mp prove` in the last ten minutes."""
    _set(mp, allowed=True)


@view_as.command("forbid")
@command
def forbid(mp: Mp) -> None:
    """Let nobody view as people of your organisation; views in force end. Needs `mp prove` in the last ten minutes."""
    _set(mp, allowed=False)


def _set(mp: Mp, *, allowed: bool) -> None:
    setting = mp.client.allow_views(allowed=allowed)
    words = "may" if allowed else "may not"
    mp.console.show(
        setting.model_dump(mode="json"), lambda: mp.console.say(f"Operators {words} view as people of yours.")
    )


def _show(mp: Mp, view: "CurrentView") -> None:
    mp.console.fields([
        ("view", view.id), ("as", f"{view.name} ({view.role})"), ("organisation", view.organisation),
        ("until", str(view.ends_at)[:19]), ("reason", view.reason),
    ])  # fmt: skip
