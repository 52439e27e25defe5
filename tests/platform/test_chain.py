"""The desk's two chains are one mechanism, and what was stored, signed and proved before it was so stays as it was.

The vectors were written by the code that log and record had each on its own.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mercato.platform import Database, HeadKey, MarketplaceSecret, Refusal, Session
from mercato.signals import DeskRecord, SignalLog
from mercato_contracts.merkle import is_consistent, is_included, leaf_hash
from tests.conftest import TestClock

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "chains.json").read_text())
NOW = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
KEY = HeadKey(MarketplaceSecret.of(bytes(range(32))))
_ENTRY = text(
    "INSERT INTO signal_entries (place, id, deployment_id, vendor_id, round_id, era, scores, scores_sha256, entry,"
    " leaf, created_at, received_at) VALUES (:place, :id, 'dep_1', 'org_1', 'rnd_1', 1, '{}', '', :entry,"
    " :leaf, :at, :at)"
)


async def _append(session: Session, first: int, end: int) -> None:
    rows = [
        {"place": place, "id": f"sig_{place}", "entry": f"entry {place}", "at": NOW,
         "leaf": leaf_hash(f"entry {place}".encode())}
        for place in range(first, end)
    ]  # fmt: skip
    await session.execute(_ENTRY, rows)


async def _damage(session: Session, statement: str) -> None:
    """As somebody does who owns the database."""
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    await session.execute(text(statement))


@pytest.fixture
def clock() -> TestClock:
    return TestClock(NOW)


@pytest.fixture
async def session(database: Database) -> AsyncIterator[Session]:
    async with database.transaction() as session:
        yield session


async def _tell(session: Session, clock: TestClock) -> dict[str, Any]:
    """Heads and proofs of a log of 700 entries, sealed at 300 and at the end, and of a record of three lines."""
    log, record = SignalLog(session, clock), DeskRecord(session, clock)
    await _append(session, 0, 300)
    first = await log.seal(KEY)
    await _append(session, 300, 700)
    clock.advance(timedelta(hours=1))
    second = await log.seal(KEY)
    for number in range(3):
        await record.add("usr_1", "test", f"subject-{number}", number=number)
    sealed = await record.seal(KEY)
    assert first is not None
    assert second is not None
    assert sealed is not None
    return {
        "heads": [head.model_dump() for head in await log.heads(5)],
        "proofs": [(await log.prove(f"sig_{place}")).model_dump() for place in (0, 255, 256, 512, 699)],
        "consistency": (await log.prove_consistency(300, 700)).model_dump(),
        "record": [line.digest for line in await record.read(None, 5)],
        "record_heads": [head.model_dump() for head in await record.heads(5)],
    }


async def test_rows_heads_and_proofs_are_byte_for_byte_those_of_before(session: Session, clock: TestClock) -> None:
    assert await _tell(session, clock) == VECTORS


async def test_heads_that_were_stored_before_are_built_on(session: Session, clock: TestClock) -> None:
    """The old heads lie in the database; the new code adds to them, and both prove that."""
    first, second = VECTORS["heads"][1], VECTORS["heads"][0]
    await _append(session, 0, 300)
    await session.execute(
        text("INSERT INTO signal_heads (size, root, at, sealed_at, key, signature)"
             " VALUES (:size, :root, :at, :sealed_at, :key, :signature)"),
        first | {"sealed_at": NOW},
    )  # fmt: skip
    await _append(session, 300, 700)
    clock.advance(timedelta(hours=1))
    log = SignalLog(session, clock)
    sealed = await log.seal(KEY)
    assert sealed is not None
    assert sealed.model_dump() == second
    proof = await log.prove_consistency(300, 700)
    roots = bytes.fromhex(proof.first.root), bytes.fromhex(proof.second.root)
    assert is_consistent(300, roots[0], 700, roots[1], [bytes.fromhex(step) for step in proof.path])


@pytest.mark.parametrize("place", range(5))
def test_proofs_kept_from_before_still_verify(place: int) -> None:
    proof = VECTORS["proofs"][place]
    path = [bytes.fromhex(step) for step in proof["path"]]
    root, leaf = bytes.fromhex(proof["head"]["root"]), leaf_hash(proof["entry"].encode())
    assert is_included(proof["place"], proof["head"]["size"], leaf, path, root)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE desk_events SET digest = repeat('0', 64) WHERE number = 2",
        "DELETE FROM desk_events WHERE number >= 2",
        "DELETE FROM desk_events",
    ],
)
async def test_a_record_that_is_not_what_was_sealed_is_not_sealed_again(
    session: Session, clock: TestClock, statement: str
) -> None:
    record = DeskRecord(session, clock)
    for number in range(3):
        await record.add("usr_1", "test", "subject", number=number)
    await record.seal(KEY)
    await _damage(session, statement)
    for _ in range(2):
        await record.add("usr_1", "test", "another subject")
    with pytest.raises(Refusal) as refused:
        await record.seal(KEY, at_once=True)
    assert refused.value.code == "desk_record_damaged"


async def test_a_log_whose_sealed_end_is_gone_is_not_sealed_again(session: Session, clock: TestClock) -> None:
    await _append(session, 0, 300)
    log = SignalLog(session, clock)
    await log.seal(KEY)
    await _damage(session, "DELETE FROM signal_entries WHERE place >= 280")
    with pytest.raises(Refusal) as refused:
        await log.seal(KEY, at_once=True)
    assert refused.value.code == "signal_log_damaged"
