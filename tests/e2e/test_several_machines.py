"""Two replicas of each role: whichever is killed or cut off, every answered call counts once, no cap is passed, and
nobody is served by a route that was withdrawn."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import pytest

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from tests.e2e.calls import Client, Load, assert_each_metered_once, embeddings, greeting
from tests.e2e.cluster import Cluster
from tests.e2e.conftest import MILLION_A_DAY, PER_CALL, PER_TOKEN, Consumer, new_member, new_vendor
from tests.e2e.marketplace import Part
from tests.e2e.parties import Member, greeting_offer, model_offer
from tests.e2e.processes import until
from tests.support.running import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CAP = 150
PASSED_ON = {"starting", "draining", "limits_unavailable", "control_plane_unavailable", "busy", "quota_exceeded"}


@pytest.fixture(scope="module")
def whole_cluster() -> Iterator[Cluster]:
    with open_folder() as folder:
        cluster = Cluster(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


class Market:
    """What is sold, and who buys: `consumer` as much as it wants, `capped` no more than `CAP` calls a month."""

    def __init__(self, cluster: Cluster) -> None:
        self.vendor, url = new_vendor(cluster), cluster.vendor_url
        self.embedder = self.vendor.publish(model_offer("embedder", "embeddings", url, [PER_TOKEN]))
        self.greeter = self.vendor.publish(greeting_offer("greeter", url, [PER_CALL, MILLION_A_DAY]))
        self.consumer = self._join(cluster)
        self.capped = self._join(cluster)
        self.capped.member.set_budget("requests", "month", CAP)
        until(lambda: min(gateway.routes() for gateway in cluster.gateways) >= 2, what="the gateways know the services")

    def _join(self, cluster: Cluster) -> Consumer:
        member = new_member(cluster, "consumer")
        member.subscribe(self.embedder, "per-token")
        member.subscribe(self.greeter, "million")
        return Consumer(member, member.make_key())

    def loads(self, cluster: Cluster, consumer: Consumer, clients: int) -> list[Load]:
        asks = [embeddings(self.embedder), greeting(self.greeter)]
        return [Load(gateway.url, consumer.key, asks, clients=clients) for gateway in cluster.gateways]


@pytest.fixture
def cluster(whole_cluster: Cluster) -> Iterator[Cluster]:
    whole_cluster.mend()
    yield whole_cluster
    print(whole_cluster.last_words())


@pytest.fixture
def market(cluster: Cluster) -> Market:
    return Market(cluster)


class LeaderWatch:
    """Looks who keeps house for as long as the block lasts."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seen: set[int] = set()
        self.most = 0

    def __enter__(self) -> "LeaderWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            try:
                leaders = self._cluster.leaders()
            except Exception:
                continue  # PostgreSQL is what was killed
            self.most = max(self.most, len(leaders))
            self.seen.update(leaders)


def _kill_postgres(postgres: EmbeddedPostgres) -> None:
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)
    postgres.start()


def _kill(part: Part) -> None:
    part.kill()
    part.start()


def test_each_process_killed_in_turn_loses_no_answered_call_and_passes_no_cap(cluster: Cluster, market: Market) -> None:
    harm: dict[str, Callable[[], None]] = {
        part.name: lambda part=part: _kill(part)  # type: ignore[misc]
        for part in (*cluster.controls, *cluster.workers, *cluster.gateways)
    }
    harm["PostgreSQL"] = lambda: _kill_postgres(cluster.postgres)
    loads, capped = market.loads(cluster, market.consumer, 4), market.loads(cluster, market.capped, 1)
    with LeaderWatch(cluster) as watch, loads[0], loads[1], capped[0], capped[1]:
        for who, does in harm.items():
            for load in loads:
                load.until_answered(20, since=time.monotonic())
            began = time.monotonic()
            does()
            print(f"{who} killed and back after {time.monotonic() - began:.1f} s")
        for load in loads:
            load.until_answered(20, since=time.monotonic())
        until(lambda: cluster.leaders(), what="somebody keeps house")
    _check(market, loads, capped)
    assert watch.most == 1, "one worker keeps house at a time"
    assert len(watch.seen) >= 2, "another one took over"


@pytest.mark.parametrize("silently", [False, True], ids=["cut", "silent"])
def test_a_network_that_is_cut_for_a_while_loses_no_answered_call_and_passes_no_cap(
    cluster: Cluster, market: Market, silently: bool
) -> None:
    loads, capped = market.loads(cluster, market.consumer, 4), market.loads(cluster, market.capped, 1)
    with loads[0], loads[1], capped[0], capped[1]:
        for wire in cluster.wires:
            gone = time.monotonic()
            with cluster.without(wire, silently=silently):
                for load in loads:
                    load.until_answered(100, since=gone)
                until(lambda gone=gone: time.monotonic() > gone + 8, 20)  # type: ignore[misc]
            for load in loads:
                load.until_answered(20, since=time.monotonic())
        for part in (*cluster.controls, *cluster.workers):
            part.wait_until_ready()
    _check(market, loads, capped)
    assert {each.status for load in loads for each in load.calls} <= {200, 503}


def _check(market: Market, loads: list[Load], capped: list[Load]) -> None:
    kinds = sum((load.kinds() for load in loads), Counter[str]())
    limited = sum((load.kinds() for load in capped), Counter[str]())
    print(f"calls {dict(kinds)}, capped {dict(limited)}")
    assert_each_metered_once(market.consumer.member, [call for load in loads for call in load.calls])
    calls = [call for load in capped for call in load.calls]
    assert_each_metered_once(market.capped.member, calls)
    assert sum(each.answered for each in calls) <= CAP
    metered = len(market.capped.member.usage_events())
    assert metered <= CAP
    until(lambda: market.capped.member.budget("consumer:")["used"] == metered, 60, what="every call used one of it")
    reasons = {kind.partition(" ")[2] for kind in (*kinds, *limited) if kind.startswith(("4", "5"))}
    assert reasons <= PASSED_ON


@pytest.mark.parametrize("trouble", ["none", "killed", "cut", "silent"])
def test_nobody_is_served_by_a_route_that_was_withdrawn(cluster: Cluster, market: Market, trouble: str) -> None:
    """Also by the gateway whose replica of the control plane has gone, or does not hear of it."""
    service = market.vendor.publish(greeting_offer(f"leaving-{trouble}", cluster.vendor_url, [PER_CALL]))
    market.consumer.member.subscribe(service, "per-call")
    clients = [Client(gateway.url, market.consumer.key) for gateway in cluster.gateways]
    for client in clients:
        client.until(greeting(service), lambda seen: seen.answered)
    # Gateways leave a replica that goes, and stay where they are then.
    cluster.controls[1].stop()
    cluster.controls[1].start()
    ends = _trouble(cluster, trouble)
    other = Member(cluster.controls[1].url, market.vendor.slug, market.vendor.session)
    other.post(f"/api/services/{service}/releases/1.0.0/yank", {"reason": "it greets the wrong people"})
    for client in clients:
        _, seconds = client.until(greeting(service), lambda seen: not seen.answered and seen.status == 404)
        print(f"{trouble}: refused after {seconds * 1000:.0f} ms")
    ends()


def _trouble(cluster: Cluster, trouble: str) -> Callable[[], None]:
    if trouble == "none":
        return lambda: None
    if trouble == "killed":
        cluster.control.kill()
        return cluster.control.start
    link = cluster.wires["control-0"]
    (link.fall_silent if trouble == "silent" else link.cut)()
    return link.mend


def test_a_submission_whose_worker_is_killed_is_released_by_the_other_one(cluster: Cluster, market: Market) -> None:
    offer = greeting_offer("patient", cluster.vendor_url, [PER_CALL], word="slow")
    submission = market.vendor.submit(offer)
    until(lambda: len(market.vendor.submission(submission.id).phases) >= 2, what="it is being checked")
    who = cluster.worker_of(submission.id)
    who.kill()
    began = time.monotonic()
    released = market.vendor.follow(submission.id)
    print(f"released {time.monotonic() - began:.1f} s after {who.name} was killed")
    assert [phase.phase for phase in released.phases] == list(range(1, 11))
    assert not who.is_alive, "nobody started it anew"
    who.start()


def test_a_replica_that_is_stopped_breaks_no_request(cluster: Cluster, market: Market) -> None:
    """A balancer tries a refused connection elsewhere: nothing was sent."""
    seen = Counter[str]()
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.02):
            for replica in cluster.controls:
                try:
                    seen[str(httpx.get(f"{replica.url}/api/catalog", timeout=60).status_code)] += 1
                    break
                except httpx.ConnectError:
                    seen["refused"] += 1
                except httpx.TransportError as error:
                    seen[type(error).__name__] += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for replica in cluster.controls:
            until(lambda: seen["200"] > 30)
            _restart_gently(replica)
            seen_before = seen["200"]
            until(lambda before=seen_before: seen["200"] > before + 30)  # type: ignore[misc]
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    print(dict(seen))
    assert set(seen) <= {"200", "refused"}


def _restart_gently(replica: Part) -> None:
    replica.stop()
    replica.start()
