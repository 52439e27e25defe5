"""Sealing: within seconds every new entry is under a signed head, and heads are kept outside of the database too."""

import asyncio
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from mercato.admin.audit_rows import AuditRows
from mercato.admin.models import AuditAnchor, AuditHeadRow, AuditNode, AuditRow
from mercato.platform import (
    Chain,
    ChainDamaged,
    ChainTables,
    Clock,
    Database,
    HeadKey,
    Ids,
    MeasuredGauge,
    MerkleTree,
    ObjectStore,
    Session,
    SignedHead,
)
from mercato.webhooks import announce_audit_head
from mercato_contracts.audit import AuditHead, head_bytes

log = structlog.get_logger(__name__)

ANCHORS = "audit/heads"
"""Where heads are kept in the object store."""

ANCHOR_EVERY = timedelta(hours=1)
_GATHER_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_SEALED = MeasuredGauge("mercato_audit_sealed_entries", "Entries of the audit log under the newest signed head")
_DAMAGED = Counter("mercato_audit_damage_total", "Seals that were refused because sealed entries were altered")

_TABLES = ChainTables(
    place=AuditRow.place,
    digest=AuditRow.leaf,
    at=AuditRow.at,
    heads=AuditHeadRow,
    lock=4_017_202_634,
    statement=head_bytes,
)


def log_chain(session: Session, clock: Clock) -> tuple[Chain[bytes, datetime], MerkleTree]:
    """The chain of the audit log within a transaction, and the tree over it."""
    tree = MerkleTree(session, _TABLES, AuditNode)
    return Chain(session, clock, _TABLES, tree), tree


def view_head(row: SignedHead) -> AuditHead:
    return AuditHead(size=row.size, root=row.state, at=row.at, key=row.key, signature=row.signature)


class AuditSealer:
    """Seals what was appended. Several workers may run one; each seal is one transaction."""

    def __init__(self, database: Database, clock: Clock, key: HeadKey, came: asyncio.Event) -> None:
        self._database = database
        self._clock = clock
        self._key = key
        self._came = came

    async def run(self) -> None:
        """For as long as the worker runs. At the start it seals what an earlier worker left."""
        self._came.set()
        while True:
            await self._came.wait()
            # Entries that come together get one head.
            await asyncio.sleep(_GATHER_SECONDS)
            self._came.clear()
            try:
                await self.seal()
            except ChainDamaged as damage:
                _DAMAGED.inc()
                log.error("the audit log was altered; nothing is sealed", detail=str(damage), size=damage.size)
            except Exception as error:
                log.warning("the audit log is sealed later", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
                self._came.set()

    async def seal(self) -> AuditHead | None:
        """A head over everything that is in the log; `None` where the newest head covers it. Raises `ChainDamaged`."""
        async with self._database.transaction() as session:
            chain, _ = log_chain(session, self._clock)
            head = await chain.seal(self._key, at_once=True)
        if head is None:
            return None
        _SEALED.set(head.size)
        return view_head(head)


class AuditAnchors:
    """Keeps heads where the owner of the database cannot change them."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, objects: ObjectStore) -> None:
        self._session = session
        self._rows = AuditRows(session)
        self._clock = clock
        self._ids = ids
        self._objects = objects

    async def anchor_due(self, *, at_once: bool = False) -> int:
        """Put the newest head into the object store and send it to subscribers, once an hour; returns its size."""
        newest, last, now = await self._rows.heads(None, 1), await self._rows.newest_anchor(), self._clock.now()
        if not newest or (last is not None and last.size >= newest[0].size):
            return 0
        if last is not None and now < last.at + ANCHOR_EVERY and not at_once:
            return 0
        head = view_head(newest[0])
        key = f"{ANCHORS}/{head.size:016d}.json"
        await self._objects.put(key, head.model_dump_json().encode())
        self._rows.add_anchor(AuditAnchor(size=head.size, object_key=key, at=now))
        await announce_audit_head(self._session, self._clock, self._ids, head)
        return head.size

    async def read_all(self) -> list[AuditHead]:
        """Every head that the object store has, the smallest first."""
        found = [
            AuditHead.model_validate_json(await self._objects.get(each.key))
            async for each in self._objects.find_all(ANCHORS)
        ]
        return sorted(found, key=lambda head: head.size)
