"""How long rows are kept is what the data map says, what is due can be counted first, and the chores remove it."""

from datetime import timedelta

import httpx
from sqlalchemy import text

from mercato.admin import Retention, chores_of_the_map
from mercato.app.housekeeping import CHORES
from mercato.platform import described_tables
from mercato_contracts.audit import SEGMENT
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import sign_in, sign_up
from tests.conftest import People, TestClock


def test_every_chore_that_the_map_counts_on_is_one_of_the_workers() -> None:
    assert set(chores_of_the_map()) <= CHORES.keys()


def test_no_other_table_needs_rows_that_go_by_age() -> None:
    """The worker deletes them without asking the rooms."""
    pruned = {table.name for table, note in described_tables() if note.keep.days and not note.keep.chore}
    needed = {key.column.table.name for table, _ in described_tables() for key in table.foreign_keys}
    assert pruned & needed == set()
    assert {"login_sessions", "invitations"} <= pruned


async def test_a_dry_run_counts_and_the_chore_removes(
    api: httpx.AsyncClient, people: People, ledger: Ledger, clock: TestClock
) -> None:
    await people.operator()
    acme = await sign_up(api, "acme")
    assert (await api.get("/api/privacy/retention", headers=acme)).status_code == 403
    for _ in range(3):
        await sign_in(api, "acme@example.org")
    clock.advance(timedelta(days=30 + 91))
    operator = await sign_in(api, "operator@example.org")

    async def due(**query: str) -> int | None:
        items = (await api.get("/api/privacy/retention", params=query, headers=operator)).json()["items"]
        (found,) = [item for item in items if item["table"] == "login_sessions"]
        assert (found["kept"], found["days"]) == ("90 days after `expires_at`", 90)
        return found["due"]  # type: ignore[no-any-return]

    assert await due() is None, "nobody counted"
    assert await due(count="true") == 4
    async with ledger.database.transaction() as session:
        assert await Retention(session, clock, ledger.wiring.outbox).prune() >= 4
    assert await due(count="true") == 0
    assert (await api.get("/api/me", headers=operator)).status_code == 200, "younger ones stay"


async def test_the_audit_log_goes_in_whole_segments_and_still_verifies(ledger: Ledger, clock: TestClock) -> None:
    await ledger.fill(SEGMENT + 10)
    await ledger.anchor()
    clock.advance(timedelta(days=401))
    await ledger.fill(5)
    async with ledger.database.transaction() as session:
        assert await Retention(session, clock, ledger.wiring.outbox).prune_audit() == SEGMENT
    await ledger.record()
    await ledger.seal()
    check = await ledger.check()
    assert (check.holds, check.pruned) == (True, SEGMENT)
    async with ledger.database.transaction() as session:
        assert await session.scalar(text("SELECT min(place) FROM audit_entries")) == SEGMENT
        assert await Retention(session, clock, ledger.wiring.outbox).prune_audit() == 0, "once"
