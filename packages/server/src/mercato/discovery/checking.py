"""Whether an index holds what its rows say, and the rows what the catalogue says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mercato.discovery.describing import SHAPE, describe
from mercato.discovery.document import from_facts
from mercato.discovery.figure_rows import FigureRepository
from mercato.discovery.figures import shown
from mercato.discovery.models import ListingRow
from mercato.discovery.news import RebuildAsked
from mercato.discovery.ports import SearchIndex
from mercato.discovery.repository import ListingRepository
from mercato.platform import Database, Outbox, Session
from mercato.publishing import Catalogue

_PAGE = 500
_ON_ITS_WAY = timedelta(seconds=30)
"""What changed so lately may not have arrived; it is counted and is no difference."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Service ids that are missing, that should not be there, or whose content is another one.

    `unknown` counts what is there without any row. `on_their_way` changed a moment ago.
    """

    listings: int = 0
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    unknown: int = 0
    on_their_way: int = 0

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.extra or self.stale or self.unknown)

    def with_page(self, other: "Compared") -> "Compared":
        """Both together."""
        return Compared(
            self.listings + other.listings,
            self.missing + other.missing,
            self.extra + other.extra,
            self.stale + other.stale,
            self.unknown + other.unknown,
            self.on_their_way + other.on_their_way,
        )


async def compare_index(database: Database, index: SearchIndex, embedder_name: str, now: datetime) -> Compared:
    """One process's index compared with the rows that it is built from."""
    found, after = Compared(), ""
    while True:
        async with database.transaction() as session:
            page = await ListingRepository(session).page(after, _PAGE)
        if not page:
            break
        held = await index.find_digests([row.service_id for row in page])
        wanted = {row.service_id: None if row.withdrawn else _digest_in_index(row, embedder_name) for row in page}
        found = found.with_page(_compare(wanted, held, _young(page, now)))
        after = page[-1].service_id
    return replace(found, unknown=len(await find_unknown(database, index)))


async def find_unknown(database: Database, index: SearchIndex) -> list[str]:
    """What the index holds without any row."""
    found: list[str] = []
    after = ""
    while True:
        held, after = await index.list_ids(after, _PAGE)
        async with database.transaction() as session:
            rows = await ListingRepository(session).find_known(held)
        found += [service_id for service_id in held if service_id not in rows]
        if not after:
            return found


async def compare_rows(session: Session, now: datetime) -> Compared:
    """The rows compared with the catalogue that they are written from."""
    listed = set(await Catalogue(session).listed_ids())
    found, after, seen = Compared(), "", set[str]()
    while True:
        page = await ListingRepository(session).page(after, _PAGE)
        if not page:
            break
        seen |= {row.service_id for row in page}
        wanted = await _described(session, [row.service_id for row in page if row.service_id in listed])
        held = {row.service_id: _facts_of(row) for row in page if not row.withdrawn}
        everything = {row.service_id: wanted.get(row.service_id) for row in page}
        found = found.with_page(_compare(everything, held, _young(page, now)))
        after = page[-1].service_id
    without_row = sorted(listed - seen)
    missing = await _described(session, without_row)
    return found.with_page(Compared(len(missing), missing=tuple(one for one in without_row if one in missing)))


def _compare(wanted: dict[str, str | None], held: dict[str, str], young: set[str]) -> Compared:
    """`wanted` is what each one should be, `None` where it should not be there."""
    wrong = {key for key, each in wanted.items() if held.get(key) != each}
    differing = sorted(wrong - young)
    return Compared(
        listings=sum(each is not None for each in wanted.values()),
        missing=tuple(key for key in differing if key not in held),
        extra=tuple(key for key in differing if wanted[key] is None),
        stale=tuple(key for key in differing if key in held and wanted[key] is not None),
        on_their_way=len(wrong & young),
    )


async def _described(session: Session, service_ids: Sequence[str]) -> dict[str, str]:
    """The digest of each of these services that can be found, as a row of it would have; vectors apart."""
    catalogue, figures = Catalogue(session), await FigureRepository(session).find_many(service_ids)
    found: dict[str, str] = {}
    for service_id in service_ids:
        listing = await catalogue.listing(service_id)
        if listing is not None and any(release.status != "yanked" for release in listing.releases):
            found[service_id] = f"{SHAPE} {describe(listing, shown(figures.get(service_id))).digest()}"
    return found


def _facts_of(row: ListingRow) -> str:
    return f"{row.shape} {from_facts(row.facts).digest()}"


def _digest_in_index(row: ListingRow, embedder_name: str) -> str:
    """An index leaves vectors of other models out."""
    return row.digest if row.embedder == embedder_name else from_facts(row.facts).digest()


def _young(rows: Sequence[ListingRow], now: datetime) -> set[str]:
    return {row.service_id for row in rows if now - row.changed_at < _ON_ITS_WAY}


async def ask_for_rebuild(session: Session, outbox: Outbox, *, by: str) -> None:
    """Every process that holds an index writes it again."""
    await outbox.add(session, RebuildAsked(by=by))
