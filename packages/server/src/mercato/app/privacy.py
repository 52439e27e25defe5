"""`mercato privacy`: the list of erasures, and doing them again after a restore."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.edge.wiring import Wiring


@click.group()
def privacy() -> None:
    """Erasures of people, for whoever keeps the backups."""


@privacy.command("list")
@click.pass_obj
def list_erasures(settings: Settings) -> None:
    """Print the list of erasures, a JSON object a line.

    Keep it apart from the backups of the object store. It contains no names.
    """
    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        for line in asyncio.run(_lines(settings, url)):
            click.echo(line.decode())


@privacy.command("replay")
@click.option("--list", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A list that was kept elsewhere; the object store's where it is left out.")  # fmt: skip
@click.pass_obj
def replay(settings: Settings, file: Path | None) -> None:
    """Erase again the people whom a restored database has brought back.

    Run it after each restore, before anybody is let in. A second time changes nothing.
    """
    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        require_schema(url)
        try:
            lines = asyncio.run(_lines(settings, url)) if file is None else file.read_bytes().splitlines()
            done = asyncio.run(_replay(settings, url, lines))
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{len(lines)} erasures on the list, {done} done again")


async def _lines(settings: Settings, url: str) -> list[bytes]:
    from mercato.admin import kept_erasures

    async with _wiring(settings, url) as wiring:
        return [line async for line in kept_erasures(wiring.objects)]


async def _replay(settings: Settings, url: str, lines: list[bytes]) -> int:
    from mercato.admin import ErasureWork, KeptErasure, Replay

    done = 0
    async with _wiring(settings, url) as wiring:
        work = ErasureWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects, wiring.mail)
        again = Replay(wiring.database, wiring.clock, wiring.outbox, work)
        for line in lines:
            done += await again.replay(KeptErasure.read(line))
    return done


@asynccontextmanager
async def _wiring(settings: Settings, url: str) -> "AsyncIterator[Wiring]":
    from mercato.app import tables
    from mercato.app.wiring import build_wiring

    assert tables.METADATA.tables
    wiring = build_wiring(settings, url)
    try:
        yield wiring
    finally:
        await wiring.close()
