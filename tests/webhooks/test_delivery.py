"""Webhooks as their receiver sees them: signed as the reference library signs, at least once, never for ever."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mercato.billing import CallDisputed, DisputeClosed
from mercato.consumption import AlertOpened, AlertResolved
from mercato.identity import Caller
from mercato.platform import News, OutboxFeed
from mercato.webhooks import NewSecret, WebhookDisabled
from mercato.webhooks.schedule import MOST_ATTEMPTS, PAUSES, pause_after
from mercato.webhooks.signing import secret_text, sign
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.webhooks.conftest import Post
from tests.webhooks.receiver import Receiver, serve_receiver

WORKER = Path(__file__).with_name("delivery_worker.py")


def alert(caller: Caller, number: int = 0, kind: type[News] = AlertOpened) -> News:
    facts = {"alert_id": f"alr_{number}", "service_id": "svc_1", "vendor_id": caller.organisation_id,
             "objective": "availability", "severity": "fast", "by": "not told"}  # fmt: skip
    return kind.from_payload(facts)


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_the_reference_library_signs_the_same(secret: bytes, content: str) -> None:
    from datetime import UTC, datetime

    at = datetime(2026, 11, 2, 9, 0, 7, tzinfo=UTC)
    theirs = Webhook(secret_text(secret)).sign("msg_1", at, content)
    assert sign([secret], "msg_1", int(at.timestamp()), content.encode()) == theirs


async def test_a_message_arrives_signed_small_and_once(post: Post, receiver: Receiver) -> None:
    vendor, stranger = await post.people.join("acme"), await post.people.join("globex")
    made = await post.add(vendor, receiver.url)
    await post.add(stranger, f"{receiver.url}/other")
    await post.tell(alert(vendor))
    assert await post.deliver() == 1
    assert await post.deliver() == 0
    (request,) = receiver.received
    assert request.verified(made.secret) == {
        "type": "alert.opened",
        "timestamp": post.clock.now().isoformat().replace("+00:00", "Z"),
        "data": {"alert_id": "alr_0", "service_id": "svc_1", "objective": "availability", "severity": "fast"},
    }
    assert request.id.startswith("msg_")
    assert request.headers["content-type"] == "application/json"
    for tampered in (request.body + b" ", request.body.replace(b"fast", b"slow")):
        with pytest.raises(WebhookVerificationError):
            Webhook(made.secret).verify(tampered, request.headers)
    (delivered,) = await post.log(vendor, made.endpoint.id)
    assert (delivered.delivery.state, [attempt.status for attempt in delivered.attempts]) == ("delivered", [200])


async def test_only_chosen_events_are_sent(post: Post, receiver: Receiver) -> None:
    vendor = await post.people.join("acme")
    await post.add(vendor, receiver.url, ["alert.resolved"])
    await post.tell(alert(vendor), alert(vendor, kind=AlertResolved))
    await post.deliver()
    assert [request.body.count(b"alert.resolved") for request in receiver.received] == [1]


async def test_both_sides_of_a_dispute_hear_of_it_and_nobody_else(post: Post, receiver: Receiver) -> None:
    parties = [await post.people.join(slug) for slug in ("buyer", "acme", "globex")]
    for caller in parties:
        await post.add(caller, f"{receiver.url}/{caller.organisation_slug}")
    of = {
        "by": "usr_1", "dispute_id": "dsp_1", "call_id": "use_1", "consumer_id": parties[0].organisation_id,
        "vendor_id": parties[1].organisation_id, "currency": "USD",
    }  # fmt: skip
    ending = {"state": "upheld", "returned_nanos": 5, "adjustment_id": "adj_1", "reason": "cut off"}
    await post.tell(
        CallDisputed.from_payload(of | {"kind": "other", "nanos": 5}), DisputeClosed.from_payload(of | ending)
    )
    assert await post.deliver() == 4
    bodies = sorted((request.path, json.loads(request.body)["type"]) for request in receiver.received)
    assert bodies == [
        (f"/hook/{slug}", f"dispute.{what}") for slug in ("acme", "buyer") for what in ("closed", "opened")
    ]
    closed = {"dispute_id": "dsp_1", "call_id": "use_1", "currency": "USD", **ending}
    assert closed in [json.loads(request.body)["data"] for request in receiver.received]


async def test_during_a_rotation_both_secrets_sign_and_afterwards_the_new_one_alone(
    post: Post, receiver: Receiver
) -> None:
    vendor = await post.people.join("acme")
    first = await post.add(vendor, receiver.url)
    async with post.database.transaction() as session:
        second = await post.desk(session).rotate(vendor, first.endpoint.id, timedelta(minutes=2))
    await post.tell(alert(vendor))
    await post.deliver()
    post.clock.advance(timedelta(minutes=2))
    await post.tell(alert(vendor, 1))
    await post.deliver()
    during, after = receiver.received
    assert during.headers["webhook-signature"].count("v1,") == 2
    assert during.verified(first.secret) == during.verified(second.secret)
    assert after.verified(second.secret)["data"]["alert_id"] == "alr_1"
    with pytest.raises(WebhookVerificationError):
        after.verified(first.secret)


async def test_what_fails_is_tried_again_on_the_schedule_with_the_same_id_and_content(
    post: Post, receiver: Receiver
) -> None:
    vendor = await post.people.join("acme")
    made = await post.add(vendor, receiver.url)
    receiver.answers = lambda number: (500, {}) if number < 3 else (204, {})
    await post.tell(alert(vendor))
    for pause in (timedelta(0), *PAUSES[:3]):
        post.clock.advance(pause * 99 // 100)
        assert await post.deliver() == (pause == timedelta(0))
        post.clock.advance(pause * 22 // 100)
        await post.deliver()
    assert len({(request.id, request.body) for request in receiver.received}) == 1
    (delivered,) = await post.log(vendor, made.endpoint.id)
    assert [attempt.status for attempt in delivered.attempts] == [500, 500, 500, 204]
    assert delivered.delivery.state == "delivered"
    async with post.database.transaction() as session:
        assert (await post.desk(session).list_all(vendor))[0].failing_since is None


def test_pauses_are_the_specifications_lengthened_by_at_most_a_fifth() -> None:
    assert sum(PAUSES, timedelta(0)) > timedelta(days=3)
    for number, pause in enumerate(PAUSES, start=1):
        assert pause_after(number, 0) == pause
        longest = pause_after(number, 65_535)
        assert longest is not None
        assert pause < longest < pause * 6 // 5
    assert pause_after(MOST_ATTEMPTS, 0) is None
    assert pause_after(1, 0, asked_seconds=90) == timedelta(seconds=90)
    assert pause_after(1, 0, asked_seconds=10**9) == timedelta(days=1)
    assert pause_after(1, 0, asked_seconds=-5) == PAUSES[0]


async def test_an_endpoint_that_never_answers_is_disabled_and_the_others_are_told(
    post: Post, receiver: Receiver
) -> None:
    vendor = await post.people.join("acme")
    dead = await post.add(vendor, f"http://127.0.0.1:{free_port()}/hook")
    good = await post.add(vendor, receiver.url, ["endpoint.disabled"])
    await post.tell(alert(vendor))
    for _ in range(MOST_ATTEMPTS):
        await post.deliver()
        post.clock.advance(timedelta(hours=30))
    (failed,) = await post.log(vendor, dead.endpoint.id)
    assert (failed.delivery.state, len(failed.attempts)) == ("failed", MOST_ATTEMPTS)
    assert "no connection" in failed.attempts[0].error
    async with post.database.transaction() as session:
        rows = {row.id: row for row in await post.desk(session).list_all(vendor)}
        answer = (
            await session.execute(text("SELECT payload FROM outbox_events WHERE topic = 'webhook.disabled'"))
        ).all()
    assert "nothing could be delivered since" in rows[dead.endpoint.id].disabled_reason
    assert rows[good.endpoint.id].disabled_at is None
    await post.tell(WebhookDisabled.from_payload(answer[0][0]))
    await post.deliver()
    assert receiver.received[-1].body.count(dead.endpoint.id.encode()) == 1
    await post.tell(alert(vendor, 2))
    assert len(await post.log(vendor, dead.endpoint.id)) == 1


async def test_410_disables_at_once_and_what_waits_is_dropped(post: Post, receiver: Receiver) -> None:
    vendor = await post.people.join("acme")
    made = await post.add(vendor, receiver.url)
    receiver.answers = lambda _: (410, {})
    await post.tell(alert(vendor))
    await post.deliver()
    async with post.database.transaction() as session:
        assert (await post.desk(session).list_all(vendor))[0].disabled_reason == "it answered 410 Gone"
        with pytest.raises(Exception, match="is disabled"):
            await post.desk(session).test(vendor, made.endpoint.id)
    receiver.answers = lambda _: (200, {})
    async with post.database.transaction() as session:
        await post.desk(session).change(vendor, made.endpoint.id, url=None, event_types=None, enabled=True)
        await post.desk(session).redeliver(
            vendor, made.endpoint.id, (await post.log(vendor, made.endpoint.id))[0].delivery.id
        )
    await post.deliver()
    assert [request.id for request in receiver.received] == [receiver.received[0].id] * 2


@pytest.mark.parametrize(
    "answer", [(302, {"location": "http://169.254.169.254/latest"}), (429, {"retry-after": "600"})]
)
async def test_redirects_are_not_followed_and_a_wish_to_wait_is_honoured(
    post: Post, receiver: Receiver, answer: tuple[int, dict[str, str]]
) -> None:
    vendor = await post.people.join("acme")
    made = await post.add(vendor, receiver.url)
    receiver.answers = lambda _: answer
    await post.tell(alert(vendor))
    await post.deliver()
    (delivered,) = await post.log(vendor, made.endpoint.id)
    wait = delivered.delivery.next_at - post.clock.now()
    assert delivered.delivery.state == "pending"
    assert len(receiver.received) == 1
    assert wait == timedelta(seconds=600) if answer[0] == 429 else timedelta(seconds=5) <= wait <= timedelta(seconds=6)


async def test_one_that_hangs_leaves_room_for_the_others_and_many_workers_send_each_once(post: Post) -> None:
    vendor = await post.people.join("acme")
    with serve_receiver() as slow, serve_receiver() as quick:
        await post.add(vendor, slow.url)
        good = await post.add(vendor, quick.url)
        import threading

        slow.hold = threading.Event()
        await post.tell(*(alert(vendor, number) for number in range(20)))
        running = [asyncio.create_task(post.deliverer().run()) for _ in range(3)]
        try:
            async with asyncio.timeout(60):
                while len(quick.received) < 20:
                    await asyncio.sleep(0.02)
            assert len(slow.received) <= 12  # four of one endpoint for each worker
            slow.hold.set()
            async with asyncio.timeout(60):
                while len(slow.received) < 20:
                    await asyncio.sleep(0.02)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for server in (slow, quick):
            assert len({request.id for request in server.received}) == len(server.received) == 20
        assert {attempt.status for row in await post.log(vendor, good.endpoint.id) for attempt in row.attempts} == {200}


async def test_a_worker_killed_again_and_again_loses_no_message(
    post: Post, receiver: Receiver, database_url: str
) -> None:
    """SIGKILL while requests are in flight: each message arrives, with one id and content however often."""
    vendor = await post.people.join("acme")
    made: NewSecret = await post.add(vendor, receiver.url)
    async with post.database.transaction() as session:
        for number in range(40):
            await post.outbox.add(session, alert(vendor, number))
    secret = post.seal._secret.all[0].hex()

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, str(WORKER), database_url, secret)

    async def until_received(count: int) -> None:
        await until(lambda: len(receiver.received) >= count)

    for wanted in (1, 8, 20):
        worker = await start()
        await until_received(wanted)
        worker.kill()
        await worker.wait()
    worker = await start()
    try:
        async with asyncio.timeout(120):
            while {row.delivery.state for row in await post.log(vendor, made.endpoint.id)} != {"delivered"}:
                await asyncio.sleep(0.1)
    finally:
        worker.kill()
        await worker.wait()
    bodies: dict[str, set[bytes]] = {}
    for request in receiver.received:
        bodies.setdefault(request.id, set()).add(request.body)
    assert len(bodies) == 40
    assert {len(contents) for contents in bodies.values()} == {1}
    expected = {request.verified(made.secret)["data"]["alert_id"] for request in receiver.received}
    assert expected == {f"alr_{number}" for number in range(40)}


@contextlib.asynccontextmanager
async def at_rest(post: Post, quiet_seconds: float) -> AsyncIterator[None]:
    """Deliver in the background, with a bell that is listened for."""
    deliverer = post.deliverer(quiet_seconds)
    feed = OutboxFeed(post.database, [deliverer.bell])
    await feed.start([], [])
    async with asyncio.timeout(60):
        while not deliverer.bell.is_heard:
            await asyncio.sleep(0.01)
    running = asyncio.create_task(deliverer.run())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await feed.close()


async def received(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(20):
        while len(receiver.received) < count:
            await asyncio.sleep(0.01)


async def test_a_deliverer_at_rest_is_woken_by_a_message_a_test_and_a_redelivery(
    post: Post, receiver: Receiver
) -> None:
    vendor = await post.people.join("acme")
    made = await post.add(vendor, receiver.url)
    async with at_rest(post, quiet_seconds=600):
        await post.tell(alert(vendor))
        await received(receiver, 1)
        async with post.database.transaction() as session:
            sent = await post.desk(session).test(vendor, made.endpoint.id)
        await received(receiver, 2)
        await settled(post, vendor, made)
        async with post.database.transaction() as session:
            await post.desk(session).redeliver(vendor, made.endpoint.id, sent.delivery.id)
        await received(receiver, 3)


async def settled(post: Post, caller: Caller, made: NewSecret) -> None:
    async with asyncio.timeout(20):
        while any(each.delivery.state == "pending" for each in await post.log(caller, made.endpoint.id)):
            await asyncio.sleep(0.01)


async def test_a_delivery_whose_bell_was_not_heard_is_sent_at_the_next_look(post: Post, receiver: Receiver) -> None:
    vendor = await post.people.join("acme")
    await post.add(vendor, receiver.url)
    await post.tell(alert(vendor))
    await post.deliver()
    async with at_rest(post, quiet_seconds=1.0):
        async with post.database.transaction() as session:
            # No bell rings for a row that is changed by hand.
            await session.execute(text("UPDATE webhook_deliveries SET state = 'pending', attempts = 0"))
        await received(receiver, 2)
