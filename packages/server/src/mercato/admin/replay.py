"""Doing erasures again after a restore: the database came back, and with it people who had been erased since.

The list of erasures lies in the object store, which a restore of the database does not touch. It names nobody.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from mercato.admin.erase import ERASURES, ErasureWork
from mercato.admin.erasure_rows import ErasureRows
from mercato.admin.models import Erasure
from mercato.identity import Subjects
from mercato.platform import Clock, Database, ObjectStore, Outbox


@dataclass(frozen=True, slots=True)
class KeptErasure:
    """One line of the list."""

    id: str
    person_id: str
    organisation_id: str
    asked_by: str
    asked_at: datetime

    @classmethod
    def read(cls, line: bytes) -> "KeptErasure":
        """Raises `ValueError` for a line that does not belong to the list."""
        try:
            fields = json.loads(line)
            return cls(**{**fields, "asked_at": datetime.fromisoformat(fields["asked_at"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no line of a list of erasures: {error}") from None


async def kept_erasures(objects: ObjectStore) -> AsyncIterator[bytes]:
    """The list, one JSON object each, the oldest first."""
    for key in sorted([each.key async for each in objects.find_all(ERASURES)]):
        yield await objects.get(key)


class Replay:
    """Does what the list says and this database does not know."""

    def __init__(self, database: Database, clock: Clock, outbox: Outbox, work: ErasureWork) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._work = work

    async def replay(self, kept: KeptErasure) -> bool:
        """Erase the person again, at once and in this process; whether there was anything to do."""
        async with self._database.transaction() as session:
            rows = ErasureRows(session)
            found = await rows.find(kept.id)
            if found is not None and found.ended_at is not None:
                return False
            if found is None:
                if await Subjects(session, self._clock, self._outbox).find(kept.person_id) is None:
                    return False  # came after the backup, and went with the restore
                rows.add(
                    Erasure(
                        id=kept.id,
                        person_id=kept.person_id,
                        organisation_id=kept.organisation_id,
                        asked_by=kept.asked_by,
                        asked_at=kept.asked_at,
                        counts={},
                    )
                )
        await self._work.do_all(kept.id)
        return True
