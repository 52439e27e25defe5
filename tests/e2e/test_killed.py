"""Processes are killed with SIGKILL in the middle of their work; no call and no release is lost or doubled."""

import os
import random
import signal
import time
from collections import Counter

import psycopg
import pytest

from tests.e2e.calls import Load, assert_each_metered_once, embeddings, greeting, streamed_chat
from tests.e2e.conftest import PER_CALL, Consumer, Join, Shop, new_vendor
from tests.e2e.marketplace import Gateway, Marketplace, Part
from tests.e2e.parties import greeting_offer
from tests.e2e.processes import until


@pytest.fixture
def consumer(shop: Shop, join: Join) -> Consumer:
    return join((shop.embedder, "per-token"), (shop.chat, "per-token"), (shop.greeter, "million"))


def kill_in_bursts(marketplace: Marketplace, shop: Shop, consumer: Consumer, times: int) -> None:
    """Each time at another moment of the burst; the clients never stop."""
    asks = [embeddings(shop.embedder), streamed_chat(shop.chat), greeting(shop.greeter)]
    with Load(marketplace.gateway.url, consumer.key, asks, clients=12) as load:
        for _ in range(times):
            load.until_answered(len(load.answered) + random.randint(1, 120))
            marketplace.gateway.kill()
            marketplace.gateway.start()
        load.until_answered(len(load.answered) + 20)
    print(f"{times} kills: {dict(load.kinds())}")
    assert_each_metered_once(consumer.member, load.calls)
    events = {event.request_id: event for event in consumer.member.usage_events()}
    assert {events[each.request_id].status for each in load.answered} == {200}
    kinds = {kind for kind in load.kinds() if not kind.startswith("0 ")}
    assert kinds <= {"200", "503 starting"}, "a gateway that was killed is gone, starting, or answers"


def test_a_gateway_killed_in_a_burst_loses_no_answered_call_and_counts_none_twice(
    marketplace: Marketplace, shop: Shop, consumer: Consumer
) -> None:
    kill_in_bursts(marketplace, shop, consumer, 5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_gateway_killed_fifty_times_loses_no_answered_call_and_counts_none_twice(
    marketplace: Marketplace, shop: Shop, consumer: Consumer
) -> None:
    kill_in_bursts(marketplace, shop, consumer, 50)


class Victims:
    """Every process of a marketplace: each kill is by SIGKILL, and whoever was killed is started again."""

    def __init__(self, marketplace: Marketplace, two_workers: Gateway, dice: random.Random) -> None:
        self._marketplace = marketplace
        self._two_workers = two_workers
        self._dice = dice

    def kill_one(self) -> str:
        """Somebody; gives who it was."""
        kills = {
            "gateway": lambda: self._restart(self._marketplace.gateway),
            "gateway's parent": self._kill_parent,
            "gateway's worker": self._kill_worker,
            "control plane": lambda: self._restart(self._marketplace.control),
            "worker": lambda: self._restart(self._marketplace.worker),
            "PostgreSQL": self._kill_postgres,
        }
        who = self._dice.choice(sorted(kills))
        kills[who]()
        return who

    def _restart(self, part: Part) -> None:
        part.kill()
        part.start()

    def _kill_parent(self) -> None:
        """Its workers see that it is gone, let their calls end and leave their spools to the next."""
        os.kill(self._two_workers.pid, signal.SIGKILL)
        until(lambda: not self._two_workers.is_alive, what="the parent is gone")
        self._two_workers.start()

    def _kill_worker(self) -> None:
        worker = self._dice.choice(self._two_workers.workers())
        os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(self._two_workers.workers()) - {worker}) == 2, 60, what="another worker")
        self._two_workers.wait_until_ready()

    def _kill_postgres(self) -> None:
        pid = self._marketplace.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self._marketplace.postgres.start()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_process_killed_fifty_times_loses_no_answered_call_and_counts_none_twice(
    marketplace: Marketplace, shop: Shop, consumer: Consumer
) -> None:
    """The clients never stop; a budget that both gateways share adds leases to what must survive."""
    seed = int(os.environ.get("SEED_OF_KILLS", random.randrange(10**6)))
    dice = random.Random(seed)
    asks = [embeddings(shop.embedder), streamed_chat(shop.chat), greeting(shop.greeter)]
    consumer.member.set_budget("requests", "month", 10**6)
    with marketplace.another_gateway("any-process", workers=2) as other:
        other.start()
        victims = Victims(marketplace, other, dice)
        with (
            Load(marketplace.gateway.url, consumer.key, asks, clients=6) as one,
            Load(other.url, consumer.key, asks, clients=6) as two,
        ):
            killed = Counter[str]()
            for _ in range(int(os.environ.get("KILLS", "50"))):
                for load in (one, two):
                    load.until_answered(dice.randint(1, 60), since=time.monotonic(), seconds=120)
                killed[victims.kill_one()] += 1
            for load in (one, two):
                load.until_answered(20, since=time.monotonic(), seconds=120)
        print(f"seed {seed}, killed {dict(killed)}: {dict(one.kinds())}, {dict(two.kinds())}")
        calls = [*one.calls, *two.calls]
        assert_each_metered_once(consumer.member, calls)
        reasons = {kind.partition(" ")[2] for kind in (*one.kinds(), *two.kinds()) if kind.startswith(("4", "5"))}
        assert reasons <= {"starting", "draining", "limits_unavailable", "control_plane_unavailable", "busy"}
        metered = len(consumer.member.usage_events())
        until(lambda: consumer.member.budget("consumer:")["used"] == metered, 60, what="every call used one of it")


def test_one_killed_worker_of_two_is_replaced_and_the_other_goes_on(
    marketplace: Marketplace, shop: Shop, consumer: Consumer
) -> None:
    asks = [embeddings(shop.embedder), greeting(shop.greeter)]
    with marketplace.another_gateway("two-workers", workers=2) as gateway:
        gateway.start()
        with Load(gateway.url, consumer.key, asks) as load:
            load.until_answered(100)
            first, second = gateway.workers()
            os.kill(first, signal.SIGKILL)
            load.until_answered(100, since=time.monotonic())
            until(lambda: len(gateway.workers()) == 2 and first not in gateway.workers(), what="another worker")
            gateway.wait_until_ready()
            load.until_answered(100, since=time.monotonic())
        assert second in gateway.workers()
        assert_each_metered_once(consumer.member, load.calls)


def test_a_worker_killed_while_it_checks_a_submission_releases_it_once(marketplace: Marketplace) -> None:
    vendor = new_vendor(marketplace)
    submission = vendor.submit(greeting_offer("patient", marketplace.vendor_url, [PER_CALL], word="slow"))

    def checking(phases: int) -> bool:
        seen = vendor.submission(submission.id)
        assert seen.state in ("received", "checking"), seen.state
        return len(seen.phases) >= phases

    for phases in (2, 6):
        until(lambda phases=phases: checking(phases), 60, what=f"phase {phases}")  # type: ignore[misc]
        marketplace.worker.kill()
        marketplace.worker.start()
    released = vendor.follow(submission.id)
    assert [phase.phase for phase in released.phases] == list(range(1, 11))
    service = vendor.listing(f"{vendor.slug}/patient")
    assert [release.version for release in service.releases] == ["1.0.0"]
    with psycopg.connect(marketplace.database_url) as connection:
        answer = connection.execute(
            "SELECT count(*) FROM outbox_events WHERE topic = 'service.released' AND payload->>'service_id' = %s",
            [service.id],
        ).fetchone()
    assert answer == (1,)
