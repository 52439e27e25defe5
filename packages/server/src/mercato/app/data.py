"""`mercato data`: build panels, open, close and resolve rounds, from the machine that runs the marketplace."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.datasets import PanelBuilder, RoundDrafts, Rounds
    from mercato.platform import Clock, Database, Ids, ObjectStore, Outbox, Session

DATASET = "us-equities-daily"
_BY = "the operator's command"


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the room of data needs, and no more: the command shall start quickly."""

    database: "Database"
    clock: "Clock"
    ids: "Ids"
    outbox: "Outbox"
    objects: "ObjectStore"
    data_key: bytes

    def builder(self) -> "PanelBuilder":
        from mercato.datasets import PanelBuilder

        return PanelBuilder(self.database, self.clock, self.ids, self.outbox, self.objects, self.data_key)

    def drafts(self) -> "RoundDrafts":
        from mercato.datasets import RoundDrafts

        return RoundDrafts(self.database, self.ids, self.objects)

    def rounds(self, session: "Session") -> "Rounds":
        from mercato.datasets import Rounds

        return Rounds(session, self.clock, self.outbox)


Work = Callable[[_Parts], Awaitable[dict[str, Any]]]

_reason = click.option("--reason", default="by the operator", show_default=True, help="Why; kept for good.")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def data() -> None:
    """Build the panel of real prices and lead rounds through open, closed, scored, resolved."""


@data.command()
@click.option("--name", default=DATASET, show_default=True, help="The dataset.")
@click.option("--organisation", metavar="SLUG", help="Who alone may see it; everybody when left out.")
@_json
@click.pass_obj
def build(settings: Settings, name: str, organisation: str | None, as_json: bool) -> None:
    """Build the panel from the prices that the desk's packages ship; some seconds.

    The same prices make the same panel: a second time changes nothing.
    """

    async def work(parts: _Parts) -> dict[str, Any]:
        from mercato.identity import Directory

        reader = None
        if organisation:
            async with parts.database.transaction() as session:
                reader = (await Directory(session).get_by_slug(organisation)).id
        built = await parts.builder().build(by=_BY, name=name, reader_id=reader)
        panel = built.panel
        return {
            "dataset": name, "is_new": built.is_new, "eras": panel.eras, "first_day": panel.first_day,
            "last_day": panel.last_day, "sha256": panel.sha256,
        }  # fmt: skip

    answer = _do(settings, work)
    what = "built" if answer["is_new"] else "as it was"
    _show(answer, as_json, f"{name} is {what}: {answer['eras']} eras, {answer['first_day']} to {answer['last_day']}")


@data.command("open")
@click.option("--dataset", default=DATASET, show_default=True, help="Of which dataset.")
@click.option("--first-era", type=click.IntRange(1), help="Where it begins; after the last round when left out.")
@click.option("--eras", type=click.IntRange(1, 260), default=5, show_default=True, help="How many trading days.")
@click.option("--open-hours", type=click.FloatRange(0, 8760, min_open=True), default=24.0, show_default=True,
              help="Signals are taken for so long.")  # fmt: skip
@click.option("--embargo-hours", type=click.FloatRange(0, 8760), default=144.0, show_default=True,
              help="Targets are kept so long after it has closed.")  # fmt: skip
@_reason
@_json
@click.pass_obj
def open_round(
    settings: Settings,
    dataset: str,
    first_era: int | None,
    eras: int,
    open_hours: float,
    embargo_hours: float,
    reason: str,
    as_json: bool,
) -> None:
    """Open the next round; its files can be pulled at once."""

    async def work(parts: _Parts) -> dict[str, Any]:
        from mercato.datasets import Schedule

        schedule = Schedule(timedelta(hours=open_hours), timedelta(hours=embargo_hours))
        draft = await parts.drafts().draft(dataset, first_era=first_era, eras=eras)
        async with parts.database.transaction() as session:
            return _answer_of(await parts.rounds(session).open(draft, schedule, by=_BY, reason=reason))

    answer = _do(settings, work)
    span = f"{answer['first_era']} to {answer['last_era']}"
    _show(answer, as_json, f"round {answer['number']} of {dataset} is open: eras {span} ({answer['id']})")


@data.command()
@click.argument("round_id")
@_reason
@_json
@click.pass_obj
def close(settings: Settings, round_id: str, reason: str, as_json: bool) -> None:
    """Take no more signals for ROUND_ID."""

    async def work(parts: _Parts) -> dict[str, Any]:
        async with parts.database.transaction() as session:
            return _answer_of(await parts.rounds(session).close(round_id, by=_BY, reason=reason))

    answer = _do(settings, work)
    _show(answer, as_json, f"round {answer['number']} is closed; its embargo ends {answer['embargo_until']}")


@data.command()
@click.argument("round_id")
@_reason
@_json
@click.pass_obj
def resolve(settings: Settings, round_id: str, reason: str, as_json: bool) -> None:
    """Publish the targets of ROUND_ID, once it is scored and its embargo is over."""

    async def work(parts: _Parts) -> dict[str, Any]:
        async with parts.database.transaction() as session:
            return _answer_of(await parts.rounds(session).resolve(round_id, by=_BY, reason=reason))

    answer = _do(settings, work)
    _show(answer, as_json, f"round {answer['number']} is resolved")


def _answer_of(found: Any) -> dict[str, Any]:
    names = ("id", "number", "state", "first_era", "last_era", "train_last_era")
    moments = {name: getattr(found, name).isoformat() for name in ("closes_at", "embargo_until")}
    return {name: getattr(found, name) for name in names} | moments


def _do(settings: Settings, work: Work) -> dict[str, Any]:
    """Work on the marketplace's records; a refusal is one line and exit code 1."""
    from mercato.app.engines import build_objects, build_ring_file
    from mercato.platform import Database, MarketplaceSecret, Outbox, Refusal, SystemClock, SystemIds

    async def run(url: str) -> dict[str, Any]:
        clock, database = SystemClock(), Database(url, pool_size=1)
        secret = MarketplaceSecret(build_ring_file(settings).read(), clock)
        ids, outbox, objects = SystemIds(clock), Outbox(clock), build_objects(settings, clock, secret)
        try:
            return await work(_Parts(database, clock, ids, outbox, objects, settings.data_key))
        finally:
            await database.close()

    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        require_schema(url)
        try:
            return asyncio.run(run(url))
        except Refusal as refusal:
            raise click.ClickException(f"{refusal.detail} {refusal.fix}") from None


def _show(answer: dict[str, Any], as_json: bool, line: str) -> None:
    click.echo(json.dumps(answer) if as_json else line)
