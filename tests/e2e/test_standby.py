"""PostgreSQL's primary dies in the middle of a load and its standby takes over: nothing that was answered is lost."""

import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.e2e.calls import Client, Load, assert_each_metered_once, embeddings, greeting
from tests.e2e.conftest import MILLION_A_DAY, PER_CALL, PER_TOKEN, Consumer, new_member, new_vendor
from tests.e2e.marketplace import Marketplace, standing
from tests.e2e.parties import greeting_offer, model_offer
from tests.e2e.processes import until
from tests.support.link import Link
from tests.support.standby import Standby, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


class Replicated(Marketplace):
    """Its processes know both servers, and use the one that takes writes."""

    standby: Standby
    links: list[Link]

    def start(self) -> None:
        direct = self.database_url
        self.standby = Standby.of(self.postgres, direct, self.folder / "standby")
        self.links = [Link(server._socket_folder() / ".s.PGSQL.5432") for server in (self.postgres, self.standby)]
        hosts = ",".join(f"127.0.0.1:{link.port}" for link in self.links)
        self._environment["DATABASE_URL"] = f"postgresql://postgres@{hosts}/mercato?target_session_attrs=read-write"
        super().start()

    def stop(self) -> None:
        super().stop()
        self.standby.stop()
        for link in self.links:
            link.close()


@pytest.fixture
def replicated() -> Iterator[Replicated]:
    with standing(Replicated) as marketplace:
        yield marketplace
        print(marketplace.last_words())


class Writer:
    """Makes keys without end while the block lasts; `made` are the ids that were answered."""

    def __init__(self, consumer: Consumer) -> None:
        self._member = consumer.member
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.made: list[str] = []
        self.failed = 0

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(120)

    def _write(self) -> None:
        while not self._over.wait(0.05):
            body = {"kind": "ck", "name": f"key {uuid4().hex[:8]}"}
            try:
                answer = self._member.http.post("/api/keys", json=body)
            except httpx.TransportError:
                self.failed += 1
                continue
            if answer.is_success:
                self.made.append(answer.json()["id"])
            else:
                assert answer.status_code in (429, 503), answer.text
                self.failed += 1


def _offered(replicated: Replicated) -> tuple[Consumer, str, str]:
    """Somebody who may call a model and a greeter, as the gateway knows."""
    vendor, url = new_vendor(replicated), replicated.vendor_url
    embedder = vendor.publish(model_offer("embedder", "embeddings", url, [PER_TOKEN]))
    greeter = vendor.publish(greeting_offer("greeter", url, [PER_CALL, MILLION_A_DAY]))
    member = new_member(replicated, "consumer")
    member.subscribe(embedder, "per-token")
    member.subscribe(greeter, "million")
    consumer = Consumer(member, member.make_key())
    until(lambda: replicated.gateway.routes() >= 2, what="the gateway knows the services")
    return consumer, embedder, greeter


def test_while_the_standby_is_away_nothing_is_answered_as_stored(replicated: Replicated) -> None:
    consumer, embedder, greeter = _offered(replicated)
    with Load(replicated.gateway.url, consumer.key, [embeddings(embedder), greeting(greeter)], clients=2) as load:
        load.until_answered(50)
        kill(replicated.standby)
        refused = consumer.member.http.post("/api/keys", json={"kind": "ck", "name": "only here"})
        assert (refused.status_code, refused.json()["code"]) == (503, "unconfirmed")
        load.until_answered(50, since=time.monotonic())
        replicated.standby.start()
        with Writer(consumer) as writer:
            until(lambda: len(writer.made) >= 3, what="writes go on by themselves")
    assert_each_metered_once(consumer.member, load.calls)
    assert set(writer.made) <= {key["id"] for key in consumer.member.every("/api/keys")}


def test_a_standby_that_is_promoted_in_a_load_has_every_answered_call_once(replicated: Replicated) -> None:
    consumer, embedder, greeter = _offered(replicated)
    member, url = consumer.member, replicated.vendor_url
    pids = replicated.pids()
    asks = [embeddings(embedder), greeting(greeter)]
    with Load(replicated.gateway.url, consumer.key, asks, clients=6) as load, Writer(consumer) as writer:
        load.until_answered(200)
        until(lambda: len(writer.made) >= 5, what="keys are made")
        gone = time.monotonic()
        kill(replicated.postgres)
        took = replicated.standby.promote()
        made = len(writer.made)
        until(lambda: len(writer.made) > made, what="writes go on")
        print(f"promoted in {took:.1f} s; writes went on {time.monotonic() - gone:.1f} s after the primary was killed")
        load.until_answered(100, since=time.monotonic())
    print(f"calls {dict(load.kinds())}; keys made {len(writer.made)}, refused {writer.failed}")
    assert replicated.pids() == pids, "no process was started anew"
    assert_each_metered_once(member, load.calls)
    assert {each.status for each in load.calls} <= {200, 503}
    kept = {key["id"] for key in member.every("/api/keys")}
    assert set(writer.made) <= kept, "what was answered is there"
    late = new_vendor(replicated).publish(greeting_offer("afterwards", url, [PER_CALL]))
    member.subscribe(late, "per-call")
    Client(replicated.gateway.url, consumer.key).until(greeting(late), lambda seen: seen.answered)
