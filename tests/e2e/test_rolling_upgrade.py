"""The release before this one and this one side by side, under load: up one process at a time, and back again."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from mercato.app.revision import current_revision, newest_revision
from tests.e2e.calls import Client, Load, assert_each_metered_once, embeddings, greeting
from tests.e2e.conftest import MILLION_A_DAY, PER_CALL, PER_TOKEN, Consumer, new_member, new_vendor
from tests.e2e.marketplace import Marketplace, Part, standing
from tests.e2e.parties import Member, greeting_offer, model_offer
from tests.e2e.processes import until
from tests.support.ports import free_port
from tests.support.previous_release import find_previous, find_returnable, write_code

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Upgraded(Marketplace):
    """Begins as the previous release, with its schema."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for part in self.parts:
            self.make_old(part, find_previous())

    @property
    def parts(self) -> list[Part]:
        """In the order in which a release is brought out."""
        return [self.control, self.worker, self.gateway]

    def make_old(self, part: Part, commit: str) -> None:
        """Of this commit's release, from its next start on."""
        part.give("PYTHONPATH", write_code(commit, self.folder))

    def make_new(self, part: Part) -> None:
        """From its next start on."""
        part.give("PYTHONPATH", None)

    def command(self, *words: str) -> str:
        """Of this release; fails where it does."""
        self.make_new(self.control)
        return self._run(*words)

    def begin_new_control(self) -> Part:
        """Another control plane of this release, on ports of its own."""
        self.make_new(self.control)
        return self._serve("control", free_port(), "--internal-port", str(free_port()))


@pytest.fixture
def upgraded() -> Iterator[Upgraded]:
    find_previous()
    with standing(Upgraded) as marketplace:
        yield marketplace
        print(marketplace.last_words())


class Trade:
    """A vendor and a consumer who go on whatever runs: each `go_on` publishes, subscribes and calls."""

    def __init__(self, marketplace: Upgraded) -> None:
        self._marketplace = marketplace
        self._numbers = count(1)
        self.vendor: Member = new_vendor(marketplace)
        url = marketplace.vendor_url
        self.embedder = self.vendor.publish(model_offer("embedder", "embeddings", url, [PER_TOKEN]))
        self.greeter = self.vendor.publish(greeting_offer("greeter", url, [PER_CALL, MILLION_A_DAY]))
        self.member = new_member(marketplace, "consumer")
        self.member.subscribe(self.embedder, "per-token")
        self.member.subscribe(self.greeter, "million")
        self.consumer = Consumer(self.member, self.member.make_key())
        self.client = Client(marketplace.gateway.url, self.consumer.key)

    def load(self) -> Load:
        asks = [embeddings(self.embedder), greeting(self.greeter)]
        return Load(self._marketplace.gateway.url, self.consumer.key, asks, clients=4)

    def go_on(self, load: Load) -> None:
        """New things are published and called, and the old ones answer."""
        offer = greeting_offer(f"greeter-{next(self._numbers)}", self._marketplace.vendor_url, [PER_CALL])
        service = self.vendor.publish(offer)
        self.member.subscribe(service, "per-call")
        self.client.until(greeting(service), lambda seen: seen.answered)
        load.until_answered(50, since=time.monotonic())


def restart(part: Part) -> None:
    """Gently, as an operator does."""
    part.stop()
    part.start()


def test_two_releases_run_side_by_side_up_and_back_again(upgraded: Upgraded) -> None:
    before = current_revision(upgraded.database_url)
    assert before is not None
    assert before < newest_revision(), "the previous release has an older schema"
    trade = Trade(upgraded)
    until(lambda: upgraded.gateway.routes() >= 2, what="the gateway knows the services")
    with trade.load() as load:
        load.until_answered(100)
        # This release on the schema of the previous one: refused, with what to do.
        early = upgraded.begin_new_control()
        early.begin()
        until(lambda: not early.is_alive, what="it ends")
        assert "run `mercato migrate`" in early.last_words()
        # The previous release on the schema of this one.
        upgraded.command("migrate")
        assert current_revision(upgraded.database_url) == newest_revision()
        trade.go_on(load)
        for part in upgraded.parts:
            upgraded.make_new(part)
            restart(part)
            trade.go_on(load)
        # Back again, as after a release that disappoints: the schema stays as it is.
        for part in reversed(upgraded.parts):
            upgraded.make_old(part, find_returnable())
            restart(part)
            trade.go_on(load)
    assert_each_metered_once(trade.member, [*load.calls, *trade.client.calls])
    today = datetime.now(UTC).date()
    period = ("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1)))
    assert "everything agrees" in upgraded.command("reconcile", *period)
