"""A process that is killed while it decides a dispute leaves all of it done, or none."""

import signal
import subprocess
import sys

import pytest
from sqlalchemy import text

from tests.billing.test_disputes import PRICE, adjustments, assert_all_agree, balances, in_desk, open_one, sold
from tests.support.market import Market

_DECIDE = """
import asyncio, os, signal, sys
from datetime import UTC, datetime

from mercato.billing import Disputes
from mercato.identity import Caller, Role
from mercato.identity.permissions import permissions_of
from mercato.platform import Database, Outbox, SystemIds
from tests.conftest import TestClock


async def main(url, dispute_id, organisation_id, actor, when):
    clock = TestClock(datetime(2026, 11, 2, 12, tzinfo=UTC))
    role = Role.SUPER_ADMIN
    operator = Caller(
        organisation_id=organisation_id, organisation_slug="operator", actor=actor, role=role,
        permissions=permissions_of(role, in_operator=True), is_operator=True,
    )
    async with Database(url).transaction() as session:
        desk = Disputes(session, clock, SystemIds(clock), Outbox(clock))
        await desk.decide(operator, dispute_id, "upheld", "cut off by the service")
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_decision_and_its_adjustment_are_there_together_or_not_at_all(
    market: Market, database_url: str, when: str
) -> None:
    _, customer, call = await sold(market)
    dispute = await open_one(market, customer, call)
    operator = await market.operator()
    ended = subprocess.run(
        [sys.executable, "-c", _DECIDE, database_url, dispute.id, operator.organisation_id, operator.actor, when],
        timeout=600,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    found = await in_desk(market, "get", customer.caller, dispute.id)
    posted = await adjustments(market)
    async with market.database.transaction() as session:
        told = int(await session.scalar(text("SELECT count(*) FROM outbox_events WHERE topic = 'dispute.closed'")) or 0)
    if when == "before":
        assert (found.state, posted, told) == ("open", [], 0)
        assert (await balances(market))["consumer"] == PRICE
        await in_desk(market, "decide", operator, dispute.id, "upheld", "cut off by the service")
    else:
        assert (found.state, len(posted), told) == ("upheld", 1, 1)
    assert [nanos for nanos, _ in await adjustments(market)] == [-PRICE]
    assert (await balances(market))["consumer"] == 0
    await assert_all_agree(market)
