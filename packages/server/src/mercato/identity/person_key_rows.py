"""Identity's questions to the database about keys of people."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from mercato.identity.models import PersonKey
from mercato.platform import Session


class PersonKeyRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, people: Collection[str]) -> dict[str, bytes | None]:
        """The keys that were made for these people; `None` for one that was destroyed."""
        rows = await self._session.execute(
            select(PersonKey.person_id, PersonKey.key).where(PersonKey.person_id.in_(people))
        )
        return {row[0]: row[1] for row in rows}

    async def add(self, keys: dict[str, bytes], now: datetime) -> None:
        """Those that another transaction has not added meanwhile."""
        # In one order, to avoid a deadlock with another that adds some of the same.
        rows = [{"person_id": person, "key": keys[person], "made_at": now} for person in sorted(keys)]
        await self._session.execute(insert(PersonKey).values(rows).on_conflict_do_nothing())

    async def destroy(self, person: str, now: datetime) -> None:
        """The key is gone; none can be made for this person again."""
        gone = {"key": None, "destroyed_at": now}
        added = insert(PersonKey).values(person_id=person, made_at=now, **gone)
        await self._session.execute(added.on_conflict_do_nothing())
        await self._session.execute(
            update(PersonKey).where(PersonKey.person_id == person, PersonKey.destroyed_at.is_(None)).values(**gone)
        )
