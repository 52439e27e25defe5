"""`mercato search`: does what is found agree with what is listed, and build it anew."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings, internal_port_of

if TYPE_CHECKING:
    from mercato.discovery import Compared

_SHOWN = 10
_ASK_SECONDS = 120.0


@click.group()
def search() -> None:
    """Look after the search index."""


@search.command()
@click.option("--url", metavar="URL", help="The internal address of the control plane whose index is compared.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def check(settings: Settings, url: str | None, as_json: bool) -> None:
    """Compare the rows of the index with the catalogue, and a running index with its rows.

    Exit code 1 when anything is missing, should not be there or differs. Every machine holds an index of its own: name
    another with --url. What changed within half a minute may be on its way and is not counted.
    """
    with open_records(settings, lambda text: click.echo(text, err=True)) as records:
        require_schema(records)
        rows = asdict(asyncio.run(_compare_rows(records)))
    found = {"rows": rows, "index": _ask(url or _own(settings), must=url is not None)}
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, each in found.items():
            _print(name, each)
    if not all(each is None or _agrees(each) for each in found.values()):
        raise SystemExit(1)


@search.command()
@click.pass_obj
def rebuild(settings: Settings) -> None:
    """Fill a new index from the rows on every machine, while the old one keeps answering.

    Answers are marked as partial until it takes the old one's place.
    """
    with open_records(settings, lambda text: click.echo(text, err=True)) as records:
        require_schema(records)
        asyncio.run(_ask_for_rebuild(records))
    click.echo("every machine that holds an index fills a new one; `mercato search check` tells how it stands")


async def _compare_rows(url: str) -> "Compared":
    from mercato.discovery import compare_rows
    from mercato.platform import Database, SystemClock

    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            return await compare_rows(session, SystemClock().now())
    finally:
        await database.close()


async def _ask_for_rebuild(url: str) -> None:
    from mercato.discovery import ask_for_rebuild
    from mercato.platform import Database, Outbox, SystemClock

    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            await ask_for_rebuild(session, Outbox(SystemClock()), by="mercato search rebuild")
    finally:
        await database.close()


def _own(settings: Settings) -> str:
    return f"http://{settings.internal_host}:{internal_port_of(settings, settings.port)}"


def _ask(url: str, *, must: bool) -> dict[str, Any] | None:
    """How the index of this process stands; `None` where none runs here. Raises `ClickException` where it must."""
    import httpx

    try:
        answer = httpx.get(f"{url}/search-index", timeout=_ASK_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        if must:
            raise click.ClickException(f"{url} does not say how its index stands: {error}") from None
        return None
    found: dict[str, Any] = answer.json()
    return found


def _agrees(found: dict[str, Any]) -> bool:
    return not any(found[name] for name in ("missing", "extra", "stale", "unknown"))


def _print(name: str, found: dict[str, Any] | None) -> None:
    if found is None:
        click.echo(f"{name}: no control plane answers here; name one with --url")
        return
    verdict = "as they should be" if _agrees(found) else "NOT as they should be"
    state = f" ({found['state']})" if "state" in found else ""
    click.echo(f"{name}{state}: {found['listings']} listings, {verdict}")
    for what in ("missing", "extra", "stale"):
        if found[what]:
            shown = " ".join(found[what][:_SHOWN])
            more = f" and {len(found[what]) - _SHOWN} more" if len(found[what]) > _SHOWN else ""
            click.echo(f"  {what}: {shown}{more}")
    if found["unknown"]:
        click.echo(f"  unknown: {found['unknown']} listings without a row")
    if found["on_their_way"]:
        click.echo(f"  on their way: {found['on_their_way']}")
