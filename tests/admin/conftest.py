"""The audit log as the worker writes it, one step at a time."""

import asyncio
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.admin import AuditAnchors, AuditRecorder, AuditSealer, LogCheck, Refusals
from mercato.edge.wiring import Wiring, running_of
from mercato.identity import KeyChanged
from mercato.platform import Database
from mercato.platform.outbox import lock_place, move_place, read_events
from mercato_contracts.audit import AuditHead, AuditVerification


@dataclass
class Ledger:
    """Records, seals, anchors and checks the log of one marketplace."""

    wiring: Wiring
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def database(self) -> Database:
        return self.wiring.database

    async def record(self) -> int:
        """Write every entry whose news is committed, as the outbox's reader does; how many."""
        recorder = AuditRecorder(self.wiring.clock, self.wiring.ids, self.came).subscriber()
        written = 0
        while True:
            async with self.database.transaction() as session:
                place = await lock_place(session, recorder.name)
                assert place is not None
                events = await read_events(session, place, recorder.kinds, 200)
                if not events:
                    return written
                await recorder.handle(session, events)
                await move_place(session, recorder.name, events[-1].place)
                written += len(events)

    async def seal(self) -> AuditHead | None:
        return await AuditSealer(self.database, self.wiring.clock, self.wiring.log_key, self.came).seal()

    async def tell(self, count: int) -> None:
        """So many changes."""
        async with self.database.transaction() as session:
            for number in range(count):
                news = KeyChanged(by="usr_1", key_id=f"key_{number}", organisation_id="org_1")
                await self.wiring.outbox.add(session, news)

    async def fill(self, count: int) -> AuditHead:
        """So many sealed entries more."""
        await self.tell(count)
        await self.record()
        head = await self.seal()
        assert head is not None
        return head

    async def anchor(self) -> list[AuditHead]:
        """Keep the newest head outside; all that are kept there."""
        async with self.database.transaction() as session:
            anchors = AuditAnchors(session, self.wiring.clock, self.wiring.ids, self.wiring.objects)
            await anchors.anchor_due(at_once=True)
            return await anchors.read_all()

    async def check(self) -> AuditVerification:
        """Against the heads of the database and those that are kept outside."""
        async with self.database.transaction() as session:
            anchors = AuditAnchors(session, self.wiring.clock, self.wiring.ids, self.wiring.objects)
            return await LogCheck(session, self.wiring.log_key, await anchors.read_all()).run()

    async def tell_refusals(self) -> int:
        """As the worker's chore does each minute."""
        async with self.database.transaction() as session:
            return await Refusals(session, self.wiring.clock, self.wiring.outbox).tell()

    async def tamper(self, *statements: str) -> None:
        """As somebody does who owns the database."""
        async with self.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await session.execute(text(statement))


@pytest.fixture
def ledger(app: FastAPI) -> Ledger:
    return Ledger(running_of(app).wiring)
