"""The outbox: nothing lost, nothing out of order, whoever reads and whatever dies."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen

from mercato.platform import (
    Bell,
    Database,
    DurableSubscriber,
    EphemeralSubscriber,
    Event,
    News,
    Outbox,
    OutboxFeed,
    Session,
    forget_events,
)
from tests.conftest import TestClock
from tests.support.news_flow import until_passed
from tests.support.waiting import until


@dataclass(frozen=True, kw_only=True)
class Counted(News):
    topic = "counted"

    number: int


@dataclass(frozen=True, kw_only=True)
class Ended(News):
    topic = "ended"

    number: int


async def tell(database: Database, outbox: Outbox, *numbers: int, kind: type[Counted | Ended] = Counted) -> None:
    async with database.transaction() as session:
        for number in numbers:
            await outbox.add(session, kind(by="a test", number=number))


async def test_an_undone_transaction_tells_nothing(database: Database, outbox: Outbox) -> None:
    heard: list[int] = []
    feed = OutboxFeed(database)
    await feed.start([DurableSubscriber("reader", (Counted,), recorder(heard))], [])
    with pytest.raises(RuntimeError):
        async with database.transaction() as session:
            await outbox.add(session, Counted(by="a test", number=1))
            raise RuntimeError("undone")
    await tell(database, outbox, 2)
    await until(lambda: bool(heard))
    await feed.close()
    assert heard == [2]


def recorder(heard: list[int]) -> Callable[[Session, Sequence[Event[Counted]]], Awaitable[None]]:
    async def handle(_: Session, events: Sequence[Event[Counted]]) -> None:
        heard.extend(event.news.number for event in events)

    return handle


async def test_what_commits_late_is_heard_though_it_began_early(database: Database, outbox: Outbox) -> None:
    heard: list[int] = []
    feed = OutboxFeed(database)
    await feed.start([DurableSubscriber("reader", (Counted,), recorder(heard))], [])
    async with database.transaction() as slow:
        await outbox.add(slow, Counted(by="a test", number=1))
        await tell(database, outbox, 2)
        await tell(database, outbox, 3)
    await until(lambda: len(heard) == 3)
    await feed.close()
    assert heard == [1, 2, 3]


async def test_many_writers_and_two_processes_handle_each_event_once(database: Database, outbox: Outbox) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE tally (number bigint)"))

    async def handle(session: Session, events: Sequence[Event[Counted]]) -> None:
        for event in events:
            await session.execute(text("INSERT INTO tally VALUES (:number)"), {"number": event.news.number})

    feeds = [OutboxFeed(database), OutboxFeed(database)]
    for feed in feeds:
        await feed.start([DurableSubscriber("tally", (Counted,), handle)], [])
    await asyncio.gather(*(tell(database, outbox, *range(start, start + 20)) for start in range(0, 400, 20)))

    async def counted() -> int:
        async with database.transaction() as session:
            return int(await session.scalar(text("SELECT count(*) FROM tally")) or 0)

    async with asyncio.timeout(120):
        while await counted() < 400:
            await asyncio.sleep(0.05)
    for feed in feeds:
        await feed.close()
    async with database.transaction() as session:
        numbers = list(await session.scalars(text("SELECT number FROM tally ORDER BY number")))
    assert numbers == list(range(400))


async def test_a_handler_that_raises_gets_the_same_events_again(database: Database, outbox: Outbox) -> None:
    tries: list[list[int]] = []

    async def handle(_: Session, events: Sequence[Event[Counted]]) -> None:
        tries.append([event.news.number for event in events])
        if len(tries) < 3:
            raise ValueError("not yet")

    feed = OutboxFeed(database)
    await tell(database, outbox, 1, 2)
    await feed.start([DurableSubscriber("reader", (Counted,), handle)], [])
    await until(lambda: len(tries) >= 3)
    await tell(database, outbox, 3)
    await until(lambda: len(tries) >= 4)
    await feed.close()
    assert tries == [[1, 2], [1, 2], [1, 2], [3]]


async def test_every_process_hears_what_happens_after_it_started(database: Database, outbox: Outbox) -> None:
    await tell(database, outbox, 1)
    heard: list[list[int]] = [[], []]
    feeds = [OutboxFeed(database), OutboxFeed(database)]

    def hearer(into: list[int]) -> EphemeralSubscriber[Counted]:
        async def handle(events: Sequence[Event[Counted]]) -> None:
            into.extend(event.news.number for event in events)

        return EphemeralSubscriber("hearer", (Counted,), handle)

    for feed, into in zip(feeds, heard, strict=True):
        await feed.start([], [hearer(into)])
    await tell(database, outbox, 2)
    await until(lambda: heard == [[2], [2]])
    for feed in feeds:
        await feed.close()


async def test_only_what_every_reader_has_passed_is_forgotten(
    database: Database, outbox: Outbox, clock: TestClock
) -> None:
    heard: list[int] = []
    await tell(database, outbox, 1, 2)
    feed = OutboxFeed(database)
    await feed.start([DurableSubscriber("reader", (Counted,), recorder(heard))], [])
    await until_passed(database, "reader", 2)
    await feed.close()
    await tell(database, outbox, 3)
    clock.advance(timedelta(days=8))
    async with database.transaction() as session:
        assert await forget_events(session, clock.now()) == 2


async def test_hurried_news_overtakes_an_open_transaction_and_comes_again_in_its_turn(
    database: Database, outbox: Outbox
) -> None:
    heard: list[tuple[str, int]] = []

    async def hear(events: Sequence[Event[Counted | Ended]]) -> None:
        heard.extend((event.news.topic, event.news.number) for event in events)

    feed = OutboxFeed(database)
    await feed.start([], [EphemeralSubscriber("hearer", (Counted, Ended), hear, hurried=(Ended,))])
    async with database.transaction() as slow:
        await slow.execute(text("SELECT pg_current_xact_id()"))
        # The first may be committed before the listener listens; then only the second is heard out of its turn.
        for number in range(100):
            await tell(database, outbox, number)
            await tell(database, outbox, number, kind=Ended)
            if heard:
                break
            await asyncio.sleep(0.1)
        await until(lambda: bool(heard))
        assert {topic for topic, _ in heard} == {"ended"}
    await until(lambda: heard.count(("ended", number)) == 2)
    assert [expected for topic, expected in heard if topic == "counted"] == list(range(number + 1))
    await feed.close()


async def test_hurried_news_that_fails_comes_again(database: Database, outbox: Outbox) -> None:
    heard: list[int] = []

    async def hear(events: Sequence[Event[Ended]]) -> None:
        heard.extend(event.news.number for event in events)
        if len(heard) == 1:
            raise RuntimeError("a fault")

    feed = OutboxFeed(database)
    await feed.start([], [EphemeralSubscriber("hearer", (Ended,), hear, hurried=(Ended,))])
    await tell(database, outbox, 7, kind=Ended)
    await until(lambda: len(heard) >= 2)
    await feed.close()
    assert set(heard) == {7}


@pytest.mark.parametrize("steps", range(6))
async def test_a_feed_closes_though_news_comes_in_the_same_moment(
    steps: int, database: Database, outbox: Outbox
) -> None:
    """Until Python 3.12 `asyncio.wait_for` loses a cancellation that meets the end of what it waited for."""
    closing: list[asyncio.Task[None]] = []

    async def close() -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        await feed.close()

    async def hear(events: Sequence[Event[Ended]]) -> None:
        # Called as soon as the readers' bell has been rung.
        if not closing:
            closing.append(asyncio.create_task(close()))

    feed = OutboxFeed(database)
    await feed.start([], [EphemeralSubscriber("hearer", (Ended,), hear, hurried=(Ended,))])
    await tell(database, outbox, 7, kind=Ended)
    await until(lambda: bool(closing))
    async with asyncio.timeout(120):
        await closing[0]


async def test_news_whose_notification_is_lost_is_heard_at_the_next_look(database: Database, outbox: Outbox) -> None:
    heard: list[int] = []
    feed = OutboxFeed(database, quiet_seconds=0.2)
    await feed.start([DurableSubscriber("reader", (Counted,), recorder(heard))], [])
    await tell(database, outbox, 1)
    await until(lambda: heard == [1])
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO outbox_events (topic, payload, at) VALUES ('counted', :payload, now())"),
            {"payload": '{"by": "a test", "number": 2}'},
        )
    await until(lambda: heard == [1, 2], seconds=20)
    await feed.close()


async def test_news_wakes_the_readers_of_its_topic_alone(database: Database, outbox: Outbox) -> None:
    heard: list[int] = []
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "FROM outbox_events" in statement and "ended" in str(parameters):
            asked.append(statement)

    async def hear(events: Sequence[Event[Counted]]) -> None:
        heard.extend(each.news.number for each in events)

    async def hear_ended(events: Sequence[Event[Ended]]) -> None:
        raise AssertionError(events)

    bell = Bell("ending")
    feed = OutboxFeed(database, [bell])
    listen(database.engine.sync_engine, "before_cursor_execute", note)
    await feed.start(
        [], [EphemeralSubscriber("counts", (Counted,), hear), EphemeralSubscriber("ends", (Ended,), hear_ended)]
    )
    await until(lambda: bell.is_heard and bool(asked))
    before = len(asked)
    for number in range(20):
        await tell(database, outbox, number)
        await until(lambda: len(heard) > number)  # noqa: B023  # awaited at once
    await feed.close()
    assert heard == list(range(20))
    assert len(asked) - before <= 1, "one look may have been due before the process listened"


async def test_a_bell_rings_at_commit_in_every_process_that_listens(database: Database) -> None:
    bell = Bell("a_test")
    feed = OutboxFeed(database, [bell])
    await feed.start([], [])
    await until(lambda: bell.is_heard)
    await bell.wait(600)  # it rings once when the listener begins
    waiting = asyncio.create_task(bell.wait(600))
    with pytest.raises(RuntimeError):
        async with database.transaction() as session:
            await Bell("a_test").ring_at_commit(session)
            raise RuntimeError("undone")
    async with database.transaction() as session:
        await Bell("another").ring_at_commit(session)
    assert not waiting.done()
    async with database.transaction() as session:
        await Bell("a_test").ring_at_commit(session)
    async with asyncio.timeout(20):
        await waiting
    await feed.close()


async def test_a_bell_rings_when_the_listener_lost_its_connection(database: Database) -> None:
    bell = Bell("a_test")
    feed = OutboxFeed(database, [bell])
    await feed.start([], [])
    await until(lambda: bell.is_heard)
    await bell.wait(600)
    waiting = asyncio.create_task(bell.wait(600))
    async with database.transaction() as session:
        listening = "query LIKE 'LISTEN%' AND datname = current_database()"
        await session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}"))
    async with asyncio.timeout(20):
        await waiting
    await until(lambda: bell.is_heard)  # it listens again
    await feed.close()


async def test_a_bell_that_nobody_listens_for_wakes_its_loop_every_second() -> None:
    async with asyncio.timeout(20):
        await Bell("a_test").wait(600)
