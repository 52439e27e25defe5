"""Discovery's questions to the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text, update

from mercato.discovery.models import ListingRow
from mercato.platform import Session


def seen_by(viewer: str | None) -> ColumnElement[bool]:
    """The rows of listings that this organisation sees."""
    only = ListingRow.facts["seen_by"]
    # Rows of before there were private listings do not say it.
    public = func.coalesce(func.jsonb_array_length(only), 0) == 0
    return public if viewer is None else or_(public, only.contains([viewer]))


class ListingRepository:
    """Indexed listings, in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def save(self, row: ListingRow) -> None:
        """Add the row or replace the one of the same service."""
        await self._session.merge(row)

    async def find_many(self, service_ids: Sequence[str]) -> dict[str, ListingRow]:
        """The rows of these services, by service id."""
        rows = await self._session.scalars(select(ListingRow).where(ListingRow.service_id.in_(service_ids)))
        return {row.service_id: row for row in rows}

    async def identify_records(self) -> str:
        """What no other database has: an index that is on disk must not answer for others' records."""
        own = text(
            "select system_identifier::text || '/' || oid::text from pg_control_system(), pg_database"
            " where datname = current_database()"
        )
        return str(await self._session.scalar(own))

    async def find_known(self, service_ids: Sequence[str]) -> set[str]:
        """Those of these services that have a row."""
        rows = await self._session.scalars(select(ListingRow.service_id).where(ListingRow.service_id.in_(service_ids)))
        return set(rows)

    async def list_of_other_models(self, embedder: str, after: str, limit: int) -> list[ListingRow]:
        """The next listed services whose vector another model made, or none, in the order of their ids."""
        rows = await self._session.scalars(
            select(ListingRow)
            .where(ListingRow.embedder != embedder, ~ListingRow.withdrawn, ListingRow.service_id > after)
            .order_by(ListingRow.service_id)
            .limit(limit)
        )
        return list(rows)

    async def replace_vector(self, row: ListingRow, *, was: str) -> bool:
        """Write the row's vector, unless its listing changed since its digest `was` this one."""
        changed = await self._session.execute(
            update(ListingRow)
            .where(ListingRow.service_id == row.service_id, ListingRow.digest == was)
            .values(
                vector=row.vector,
                digest=row.digest,
                embedder=row.embedder,
                embedded_digest=row.embedded_digest,
                changed_at=row.changed_at,
            )
            .returning(ListingRow.service_id)
        )
        return changed.first() is not None

    async def lock_many(self, service_ids: Sequence[str]) -> dict[str, ListingRow]:
        """The same, as they stand now, and nobody else changes them until the transaction ends."""
        query = select(ListingRow).where(ListingRow.service_id.in_(service_ids)).order_by(ListingRow.service_id)
        rows = await self._session.scalars(query.with_for_update().execution_options(populate_existing=True))
        return {row.service_id: row for row in rows}

    async def list_with_words(
        self, words: Sequence[str], limit: int, milliseconds: int, viewer: str | None
    ) -> list[dict[str, Any]]:
        """The facts of listed services that the viewer sees and whose name, title, summary or task has each of these
        words, the newest first.

        It reads row after row, so it ends after this time: raises `sqlalchemy.exc.DBAPIError`.
        """
        await self._session.execute(select(func.set_config("statement_timeout", str(milliseconds), True)))
        facts = ListingRow.facts
        searched = func.concat_ws(" ", *(facts[name].astext for name in ("name", "title", "summary", "task")))
        has_all = [searched.icontains(word, autoescape=True) for word in words]
        query = select(facts).where(~ListingRow.withdrawn, seen_by(viewer), *has_all)
        return list(await self._session.scalars(query.order_by(ListingRow.changed_at.desc()).limit(limit)))

    async def list_older(self, shape: int, limit: int) -> list[str]:
        """Services whose rows were written in an older shape, except withdrawn ones."""
        query = select(ListingRow.service_id).where(ListingRow.shape < shape, ListingRow.withdrawn.is_(False))
        return list(await self._session.scalars(query.order_by(ListingRow.shape, ListingRow.service_id).limit(limit)))

    async def page(self, after: str, limit: int) -> list[ListingRow]:
        """The next rows in the order of their services' ids, withdrawn ones too."""
        query = select(ListingRow).where(ListingRow.service_id > after).order_by(ListingRow.service_id)
        return list(await self._session.scalars(query.limit(limit)))

    async def list_digests(self, after: str, limit: int) -> list[tuple[str, str, bool]]:
        """`(service id, digest, withdrawn)` of the next services in the order of their ids."""
        rows = await self._session.execute(
            select(ListingRow.service_id, ListingRow.digest, ListingRow.withdrawn)
            .where(ListingRow.service_id > after)
            .order_by(ListingRow.service_id)
            .limit(limit)
        )
        return [(service_id, digest, withdrawn) for service_id, digest, withdrawn in rows]
