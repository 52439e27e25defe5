"""PostgreSQL or the control plane is gone for some seconds: known keys go on, new ones are told, all recovers."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.e2e.calls import Ask, Call, Client, Load, assert_each_metered_once, embeddings, greeting
from tests.e2e.conftest import PER_CALL, Consumer, Join, Shop, new_member, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import Member, greeting_offer
from tests.e2e.processes import answers, until

ANSWERED_MEANWHILE = 200
GONE_SECONDS = 4.0
A_GOOD_MINUTE = 70.0
"""Longer than a key stays fresh at the gateway."""


@contextmanager
def without_postgres(marketplace: Marketplace, how: str) -> Iterator[None]:
    """PostgreSQL is gone while the block lasts, by its own `pg_ctl` or by SIGKILL."""
    if how == "stopped":
        assert marketplace.postgres.stop()
    else:
        pid = marketplace.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        marketplace.postgres.start()


@contextmanager
def without_control(marketplace: Marketplace) -> Iterator[None]:
    """The control plane is killed, and started again when the block ends."""
    marketplace.control.kill()
    try:
        yield
    finally:
        marketplace.control.start()


def assert_known_keys_go_on(load: Load, seconds: float) -> None:
    """For so long, and for as long as it takes to answer some hundred calls."""
    gone = time.monotonic()
    load.until_answered(ANSWERED_MEANWHILE, since=gone)
    until(lambda: time.monotonic() > gone + seconds, seconds + 1)
    assert {each.status for each in load.since(gone)} == {200}


def assert_leases_serve_and_then_tell(client: Client, ask: Ask) -> None:
    """What was borrowed is spent; what comes after is refused and told when to come back."""
    answered = 0
    while (seen := client.call(ask)).answered:
        answered += 1
        assert answered < 5_000, "a slice has an end"
    assert answered >= 1, seen
    assert (seen.status, seen.code) == (503, "limits_unavailable")
    assert int(seen.headers["retry-after"]) >= 1


def assert_unseen_key_is_told(client: Client, ask: Ask) -> None:
    seen = client.call(ask)
    assert (seen.status, seen.code) == (503, "control_plane_unavailable")
    assert int(seen.headers["retry-after"]) >= 1


def assert_control_api_is_told(member: Member) -> None:
    """Every question, from the first on."""
    for path in ("/api/me", "/api/subscriptions", "/api/usage"):
        answer = member.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable"), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
    assert member.http.get("/readyz").status_code == 503
    assert member.http.get("/healthz").status_code == 200


def assert_all_works_again(marketplace: Marketplace, shop: Shop, known: Client, unseen: Client) -> None:
    """Keys, leases, news and the pipeline; nobody does anything about it."""
    visitor = httpx.Client(base_url=marketplace.control_url)
    until(lambda: visitor.get("/readyz").is_success, what="the control plane is ready")
    unseen.until(embeddings(shop.embedder), lambda seen: seen.answered)
    known.until(greeting(shop.greeter), lambda seen: seen.answered)
    late = new_member(marketplace, "consumer")
    client = Client(marketplace.gateway.url, late.make_key().key)
    client.until(greeting(shop.greeter), lambda seen: seen.code == "not_subscribed")
    late.subscribe(shop.greeter, "per-call")
    client.until(greeting(shop.greeter), lambda seen: seen.answered)
    service = new_vendor(marketplace).publish(greeting_offer("afterwards", marketplace.vendor_url, [PER_CALL]))
    late.subscribe(service, "per-call")
    client.until(greeting(service), lambda seen: seen.answered)


@pytest.fixture
def consumer(shop: Shop, join: Join) -> Consumer:
    return join((shop.embedder, "per-token"), (shop.greeter, "million"))


@dataclass(frozen=True)
class Traffic:
    """What the consumer does all the time (`load`), did under a quota (`limited`), and asks one by one."""

    load: Load
    limited: Load
    known: Client
    unseen: Client

    @property
    def calls(self) -> list[Call]:
        return [*self.load.calls, *self.limited.calls, *self.known.calls, *self.unseen.calls]


@pytest.fixture
def traffic(marketplace: Marketplace, shop: Shop, consumer: Consumer) -> Iterator[Traffic]:
    """Flows while the test runs. The gateway holds a slice of the quota, and never saw the key of `unseen`."""
    url = marketplace.gateway.url
    unseen = Client(url, consumer.member.make_key().key)
    with Load(url, consumer.key, [embeddings(shop.embedder)], clients=4) as load:
        load.until_answered(50)
        with Load(url, consumer.key, [greeting(shop.greeter)], clients=4) as limited:
            limited.until_answered(60)
        yield Traffic(load, limited, Client(url, consumer.key), unseen)


def assert_nothing_was_lost(consumer: Consumer, traffic: Traffic) -> None:
    """Every call of the load was answered, and each answered call of all has its one event."""
    traffic.load.finish()
    print(f"load {dict(traffic.load.kinds())}, of all {len(traffic.calls)} calls")
    assert {each.status for each in traffic.load.calls} == {200}
    assert_each_metered_once(consumer.member, traffic.calls)


@pytest.mark.parametrize(
    ("how", "seconds"),
    [
        pytest.param("stopped", GONE_SECONDS, marks=pytest.mark.slow),
        ("killed", GONE_SECONDS),
        pytest.param("killed", A_GOOD_MINUTE, marks=pytest.mark.slow),
    ],
)
def test_without_postgresql_calls_go_on_and_all_recovers_by_itself(
    marketplace: Marketplace, shop: Shop, consumer: Consumer, traffic: Traffic, how: str, seconds: float
) -> None:
    before, vendor = marketplace.pids(), new_vendor(marketplace)
    under_way = vendor.submit(greeting_offer("interrupted", marketplace.vendor_url, [PER_CALL], word="slow"))
    until(lambda: vendor.submission(under_way.id).phases, what="the worker is at work")
    with without_postgres(marketplace, how):
        assert_leases_serve_and_then_tell(traffic.known, greeting(shop.greeter))
        assert_unseen_key_is_told(traffic.unseen, embeddings(shop.embedder))
        assert_control_api_is_told(consumer.member)
        assert_known_keys_go_on(traffic.load, seconds)
    assert_all_works_again(marketplace, shop, traffic.known, traffic.unseen)
    assert len(vendor.follow(under_way.id).phases) == 10
    assert marketplace.pids() == before, "no process was started anew"
    assert_nothing_was_lost(consumer, traffic)


@pytest.mark.slow
def test_without_the_control_plane_calls_go_on_and_all_recovers_by_itself(
    marketplace: Marketplace, shop: Shop, consumer: Consumer, traffic: Traffic
) -> None:
    others = {name: pid for name, pid in marketplace.pids().items() if name != "control"}
    with without_control(marketplace):
        assert_leases_serve_and_then_tell(traffic.known, greeting(shop.greeter))
        assert_unseen_key_is_told(traffic.unseen, embeddings(shop.embedder))
        with pytest.raises(httpx.TransportError):
            consumer.member.http.get("/api/me")
        assert_known_keys_go_on(traffic.load, GONE_SECONDS)
    assert_all_works_again(marketplace, shop, traffic.known, traffic.unseen)
    assert others.items() <= marketplace.pids().items(), "no other process was started anew"
    assert_nothing_was_lost(consumer, traffic)


def test_a_gateway_killed_while_the_control_plane_is_gone_ships_its_usage_when_it_is_back(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    consumer, ask = join((shop.embedder, "per-token")), embeddings(shop.embedder)
    client = Client(marketplace.gateway.url, consumer.key)
    with Load(marketplace.gateway.url, consumer.key, [ask]) as load:
        load.until_answered(50)
        with without_control(marketplace):
            load.until_answered(100, since=time.monotonic())
            marketplace.gateway.kill()
            load.finish()
            marketplace.gateway.begin()
            until(lambda: answers(f"{marketplace.gateway.url}/healthz"), what="the gateway lives")
            starting = client.call(ask)
            assert (starting.status, starting.code) == (503, "starting")
            assert int(starting.headers["retry-after"]) >= 1
    client.until(ask, lambda seen: seen.answered)
    assert_each_metered_once(consumer.member, [*load.calls, *client.calls])
