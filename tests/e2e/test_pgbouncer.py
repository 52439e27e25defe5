"""The whole marketplace behind PgBouncer in transaction mode: what needs a session of its own goes to PostgreSQL."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.calls import Client, Load, assert_each_metered_once, embeddings, greeting
from tests.e2e.conftest import MILLION_A_DAY, PER_CALL, PER_TOKEN, Consumer, new_member, new_vendor
from tests.e2e.marketplace import Marketplace, standing
from tests.e2e.parties import greeting_offer, model_offer
from tests.e2e.processes import until
from tests.support.pgbouncer import PgBouncer, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


class Pooled(Marketplace):
    """Transactions of all its processes share a few sessions of PostgreSQL."""

    pooler: PgBouncer

    def start(self) -> None:
        direct = self.database_url
        folder = self.folder / "pooler"
        folder.mkdir()
        self.pooler = PgBouncer(folder, direct, sessions=5)
        self.pooler.start()
        self._environment["DATABASE_URL"] = self.pooler.url
        self._environment["MERCATO_DATABASE_DIRECT_URL"] = direct
        super().start()

    def stop(self) -> None:
        super().stop()
        self.pooler.kill()

    def reconcile(self) -> str:
        """Today, by the command."""
        today = datetime.now(UTC).date()
        return self._run("reconcile", "--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1)))


@pytest.fixture
def pooled() -> Iterator[Pooled]:
    with standing(Pooled) as marketplace:
        yield marketplace
        print(marketplace.last_words())


def test_publish_call_settle_and_news_through_a_pooler_that_is_killed_meanwhile(pooled: Pooled) -> None:
    vendor, url = new_vendor(pooled), pooled.vendor_url
    embedder = vendor.publish(model_offer("embedder", "embeddings", url, [PER_TOKEN]))
    greeter = vendor.publish(greeting_offer("greeter", url, [PER_CALL, MILLION_A_DAY]))
    member = new_member(pooled, "consumer")
    member.subscribe(embedder, "per-token")
    member.subscribe(greeter, "million")
    consumer = Consumer(member, member.make_key())
    until(lambda: pooled.gateway.routes() >= 2, what="the gateway knows the services")
    pids = pooled.pids()
    asks = [embeddings(embedder), greeting(greeter)]
    with Load(pooled.gateway.url, consumer.key, asks, clients=6) as load:
        load.until_answered(200)
        pooled.pooler.kill()
        pooled.pooler.start()
        load.until_answered(200, since=time.monotonic())
    assert pooled.pids() == pids, "no process was started anew"
    assert_each_metered_once(member, load.calls)
    assert "everything agrees" in pooled.reconcile()
    # News reaches gateways although its readers listen elsewhere than transactions go.
    client = Client(pooled.gateway.url, consumer.key)
    vendor.post(f"/api/services/{greeter}/releases/1.0.0/yank", {"reason": "it greets the wrong people"})
    _, seconds = client.until(greeting(greeter), lambda seen: not seen.answered)
    print(f"yanked {seconds:.2f} s after it was asked for")
    late = vendor.publish(greeting_offer("afterwards", url, [PER_CALL]))
    member.subscribe(late, "per-call")
    client.until(greeting(late), lambda seen: seen.answered)
