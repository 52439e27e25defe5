"""`mp announcements`: what the operator tells everybody, and maintenance."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.announcements import AnnouncementView

_STARTS = click.option("--starts", metavar="TIME", help="From this time on (RFC 3339); now when left out.")
_ENDS = click.option("--ends", metavar="TIME", help="Until this time (RFC 3339); until it is ended when left out.")


@click.group()
def announcements() -> None:
    """What the operator tells everybody. Maintenance keeps everybody else from changing anything."""


@announcements.command("list")
@click.option("--all", "all_of_them", is_flag=True, help="Operators: those that are over or still to come too.")
@command
def list_announcements(mp: Mp, all_of_them: bool) -> None:
    """Those that are in force."""
    found = mp.client.announcements(all_of_them=all_of_them)
    rows = [_row(each) for each in found.items]
    headers = ["id", "kind", "from", "until", "in force", "text"]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "Nothing is announced."))


@announcements.command("add")
@click.argument("text")
@_STARTS
@_ENDS
@command
def add(mp: Mp, text: str, starts: str | None, ends: str | None) -> None:
    """Show TEXT to everybody."""
    _show(mp, mp.client.announce("notice", text, starts, ends))


@announcements.command("maintenance")
@click.argument("text")
@_STARTS
@_ENDS
@command
def maintenance(mp: Mp, text: str, starts: str | None, ends: str | None) -> None:
    """Refuse changes by everybody but operators, for the reason TEXT. Calls of services go on."""
    _show(mp, mp.client.announce("maintenance", text, starts, ends))


@announcements.command("end")
@click.argument("announcement")
@command
def end(mp: Mp, announcement: str) -> None:
    """End ANNOUNCEMENT (`ann_…`); maintenance ends with it."""
    _show(mp, mp.client.end_announcement(announcement))


def _show(mp: Mp, found: "AnnouncementView") -> None:
    headers = ["announcement", "kind", "from", "until", "in force", "text"]
    pairs = list(zip(headers, _row(found), strict=True))
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields(pairs))


def _row(found: "AnnouncementView") -> tuple[object, ...]:
    until = str(found.ends_at)[:19] if found.ends_at else ""
    return found.id, found.kind, str(found.starts_at)[:19], until, "yes" if found.in_force else "no", found.text
