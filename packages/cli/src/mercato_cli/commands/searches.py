"""`mp searches`: searches that tell when something new fits."""

from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.filters import asked_of, filter_options

if TYPE_CHECKING:
    from mercato_contracts.saved_searches import SavedSearchView

_SAVED = click.argument("saved_id", metavar="SAVED")


@click.group()
def searches() -> None:
    """Keep searches, and hear of services that newly fit."""


@searches.command("save")
@click.argument("name")
@click.argument("query", nargs=-1)
@click.option("--mail", is_flag=True, help="Also tell me by mail, at most once a day.")
@filter_options
@command
def save(mp: Mp, name: str, query: tuple[str, ...], *, mail: bool, **filters: Any) -> None:
    """Keep a search under a NAME: mp searches save cheap-ocr ocr under 1 cent per call."""
    saved = mp.client.save_search(name, {"q": " ".join(query), **asked_of(filters)}, mail=mail)
    mp.console.show(
        saved.model_dump(mode="json"),
        lambda: mp.console.say(f"{saved.name} is saved. To see what newly fits: mp searches fits {saved.id[-8:]}"),
    )


@searches.command("list")
@command
def list_searches(mp: Mp) -> None:
    """List the searches that your organisation keeps."""
    found = mp.client.saved_searches()
    rows = [(each.id, each.name, _asked(each), each.fits, "yes" if each.mail_to else "") for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["search", "name", "asks for", "fits", "mail"], rows, "No search is saved yet."),
    )


@searches.command("fits")
@_SAVED
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many to show.")
@click.option("--before", help="The `next` of the page before.")
@command
def list_fits(mp: Mp, saved_id: str, limit: int, before: str | None) -> None:
    """List the services that newly fitted a saved search."""
    page = mp.client.saved_search_fits(saved_id, {"limit": limit, "before": before})
    rows = [(each.service, each.version, str(each.found_at)[:16]) for each in page.items]
    mp.console.show(
        page.model_dump(mode="json"),
        lambda: mp.console.table(["service", "version", "found"], rows, "Nothing new fitted yet."),
    )


@searches.command("forget")
@_SAVED
@command
def forget(mp: Mp, saved_id: str) -> None:
    """Forget a saved search and its reports."""
    mp.client.forget_search(saved_id)
    mp.console.show({"id": saved_id, "forgotten": True}, lambda: mp.console.say("Forgotten."))


def _asked(saved: "SavedSearchView") -> str:
    return ", ".join(f"{name}={value}" if name != "q" else str(value) for name, value in saved.search.items())
