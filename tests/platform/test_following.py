"""Outside subscribers: what they ask for is asked in order and never lost, and no transaction waits for the answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mercato.platform import (
    Database,
    Event,
    News,
    Outbox,
    OutboxFeed,
    OutsideSubscriber,
    Unavailable,
    follow_outside,
)
from tests.support.news_flow import news_flows, until_passed
from tests.support.waiting import until


@dataclass(frozen=True, kw_only=True)
class Wanted(News):
    topic = "wanted"

    number: int


class Outside:
    """A system that is away until it is told otherwise, and then notes what it was asked for."""

    def __init__(self) -> None:
        self.is_away = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked: list[int] = []
        self.attempts = 0

    async def ask(self, events: Sequence[Event[Wanted]]) -> None:
        for event in events:
            self.attempts += 1
            await self.may_answer.wait()
            if self.is_away:
                raise Unavailable("it is away")
            self.asked.append(event.news.number)

    def subscriber(self) -> OutsideSubscriber[Wanted]:
        return OutsideSubscriber("outside", (Wanted,), self.ask)


@asynccontextmanager
async def following(database: Database, outside: Outside) -> AsyncIterator[None]:
    feed = OutboxFeed(database)
    await feed.start([], [])
    task = asyncio.create_task(follow_outside(database, feed, [outside.subscriber()]))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await feed.close()


async def want(database: Database, outbox: Outbox, *numbers: int) -> None:
    async with database.transaction() as session:
        for number in numbers:
            await outbox.add(session, Wanted(by="a test", number=number))


async def test_what_is_wanted_while_the_system_is_away_is_asked_for_later_in_order(
    database: Database, outbox: Outbox
) -> None:
    outside = Outside()
    async with following(database, outside):
        await want(database, outbox, 1)
        await until(lambda: outside.asked == [1])
        outside.is_away = True
        await want(database, outbox, 2, 3)
        await want(database, outbox, 4)
        await until(lambda: outside.attempts >= 3)
        outside.is_away = False
        await until(lambda: outside.asked == [1, 2, 3, 4])


async def test_no_transaction_is_open_while_the_system_is_slow(database: Database, outbox: Outbox) -> None:
    outside = Outside()
    outside.may_answer.clear()
    async with following(database, outside):
        await want(database, outbox, 1)
        await until(lambda: outside.attempts == 1)
        assert await news_flows(database, outbox)
        outside.may_answer.set()
        await until(lambda: outside.asked == [1])


async def test_one_process_at_a_time_asks_and_the_next_one_goes_on(database: Database, outbox: Outbox) -> None:
    first, second = Outside(), Outside()
    async with following(database, second):
        async with following(database, first):
            await want(database, outbox, 1)
            await until(lambda: first.asked + second.asked == [1])
            await until_passed(database, "outside", 1)  # who is stopped before asks again
        leader = first if first.asked else second
        await want(database, outbox, 2)
        await until(lambda: second.asked[-1:] == [2])
    assert first.asked + second.asked == [1, 2], leader


async def test_a_system_in_our_database_is_asked_in_the_transaction_that_reads(
    database: Database, outbox: Outbox
) -> None:
    outside = Outside()
    feed = OutboxFeed(database)
    await feed.start([outside.subscriber().inside()], [])
    await want(database, outbox, 1, 2)
    await until(lambda: outside.asked == [1, 2])
    await until_passed(database, "outside", 2)
    await feed.close()
    # Its place is the same: whoever follows from outside goes on behind what was asked.
    async with following(database, outside):
        await want(database, outbox, 3)
        await until(lambda: 3 in outside.asked)
    assert outside.asked == [1, 2, 3]
