"""Who probes whom, and how: the worker asks the roles, the gateways and the stores; the admin role asks the worker.

A probe asks for readiness, never for work: nothing of it is metered or billed.
"""

import asyncio
import shutil
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from mercato.admin import Gauge, Probe, Probed, Probing
from mercato.billing import Agreements
from mercato.edge.health_places import HealthPlaces
from mercato.edge.wiring import Wiring
from mercato.platform import Clock, Database, DurableSubscriber, OutboxLag, OutsideSubscriber

_SECONDS = 4.0
_SHARED_SECONDS = 5.0
_ROLES = ("publishing", "discovery", "consumption", "accounts", "vendors", "admin")
_GAUGES = {"spool_unshipped_seconds": "seconds", "spool_behind_bytes": "bytes", "calls_in_flight": "count"}
_PREFIX = "mercato_gateway_"


@lru_cache(maxsize=1)
def _client() -> httpx.AsyncClient:
    """Kept for the life of the process: most probes go to the same few addresses."""
    # The system's authorities, or those of SSL_CERT_FILE: a marketplace's own may be among them.
    trusted = ssl.create_default_context()
    return httpx.AsyncClient(timeout=_SECONDS, trust_env=False, follow_redirects=False, verify=trusted)


def worker_probing(
    wiring: Wiring, places: HealthPlaces, readers: Sequence[DurableSubscriber[Any] | OutsideSubscriber[Any]]
) -> Probing:
    """The roles of the control plane, the gateways, PostgreSQL, and other engines where they are set."""
    shared, topics = _SharedAnswers(), {reader.name: [kind.topic for kind in reader.kinds] for reader in readers}
    probes: dict[str, Probe] = {role: _any_of(places.of(role), shared) for role in _ROLES}
    probes["gateway"] = _gateways(places.of("gateway"))
    probes["postgresql"] = PostgresProbe(wiring.database, wiring.clock, places.folder, OutboxLag(topics))
    probes |= {name: _engine(ping) for name, ping in places.engines.items()}
    return Probing("worker", wiring.database, wiring.clock, wiring.ids, wiring.outbox, probes)


def admin_probing(wiring: Wiring, places: HealthPlaces) -> Probing:
    """The worker."""
    probes: Mapping[str, Probe] = {"worker": _any_of(places.of("worker"), _SharedAnswers())}
    return Probing("admin", wiring.database, wiring.clock, wiring.ids, wiring.outbox, probes)


class _SharedAnswers:
    """Roles that share a process share a request: an answer counts for a round."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[float, asyncio.Future[Probed]]] = {}

    async def ask(self, url: str) -> Probed:
        """What the process at this address says of itself."""
        at, answer = self._asked.get(url, (0.0, None))
        if answer is None or time.monotonic() - at > _SHARED_SECONDS:
            answer = asyncio.ensure_future(_ask_readiness(url))
            self._asked[url] = time.monotonic(), answer
        return await asyncio.shield(answer)


def _any_of(urls: Sequence[str], shared: _SharedAnswers) -> Probe:
    """Up while one of its addresses is: replicas stand in for each other."""

    async def probe() -> Probed:
        first: Probed | None = None
        for url in urls:
            found = await shared.ask(url)
            if found.ready:
                return found
            first = first or found
        return first or Probed(False, None, detail="It has no address.")

    return probe


def _gateways(urls: Sequence[str]) -> Probe:
    """Every one of them has to be up: each holds usage of its own."""

    async def probe() -> Probed:
        found = [await _ask_readiness(url) for url in urls]
        gauges = await _sum_gauges([url for url, each in zip(urls, found, strict=True) if each.latency_ms is not None])
        bad = [each for each in found if not each.ready]
        slowest = max((each.latency_ms or 0 for each in found), default=0)
        detail = f"{len(bad)} of {len(found)} are not ready: {bad[0].detail}" if bad else ""
        return Probed(not bad, slowest, found[0].version, detail, gauges)

    return probe


async def _ask_readiness(url: str) -> Probed:
    began = time.perf_counter()
    try:
        answer = await _client().get(f"{url}/readyz")
    except httpx.HTTPError as error:
        return Probed(False, None, detail=f"{url} does not answer: {type(error).__name__}.")
    took = round((time.perf_counter() - began) * 1000)
    try:
        body = answer.json()
    except ValueError:
        return Probed(False, took, detail=f"{url} answers {answer.status_code}, not with JSON.")
    version = str(body.get("version", ""))
    if answer.is_success:
        return Probed(True, took, version)
    why = str(body.get("detail") or body.get("reason") or body.get("status") or "")
    return Probed(False, took, version, f"{url} answers {answer.status_code}: {why}"[:200])


async def _sum_gauges(urls: Sequence[str]) -> tuple[Gauge, ...]:
    """Of all gateways: the oldest age, and the sums of the rest."""
    sums: dict[str, int] = {}
    for url in urls:
        try:
            lines = (await _client().get(f"{url}/metrics")).text.splitlines()
        except httpx.HTTPError:
            continue
        for line in lines:
            name, _, value = line.removeprefix(_PREFIX).partition(" ")
            if name in _GAUGES:
                number = round(float(value))
                sums[name] = max(sums.get(name, 0), number) if name.endswith("seconds") else sums.get(name, 0) + number
    return tuple(Gauge("gateway", name, value, _GAUGES[name]) for name, value in sums.items())  # type: ignore[arg-type]


class PostgresProbe:
    """PostgreSQL and what waits in it: news unread by each reader, workflows, the last reconciliation; the disk."""

    def __init__(self, database: Database, clock: Clock, folder: Path, lag: OutboxLag) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._lag = lag

    async def __call__(self) -> Probed:
        began = time.perf_counter()
        await self._database.ping()
        took = round((time.perf_counter() - began) * 1000)
        async with self._database.transaction() as session:
            lags = await self._lag.read(session)
            checked = await Agreements(session, self._clock).newest()
        now, gauges = self._clock.now(), []
        for reader, lag in lags.items():
            age = 0 if lag.oldest is None else max(0, int((now - lag.oldest).total_seconds()))
            gauges.append(Gauge("worker", f"outbox.{reader}.waiting", lag.waiting, "count"))
            gauges.append(Gauge("worker", f"outbox.{reader}.age", age, "seconds"))
        if checked is not None:
            age = max(0, int((now - checked.checked_at).total_seconds()))
            gauges.append(Gauge("worker", "reconciliation.age", age, "seconds"))
            gauges.append(Gauge("worker", "reconciliation.differing", checked.differing, "count"))
        gauges.append(Gauge("worker", "disk.free", shutil.disk_usage(self._folder).free, "bytes"))
        return Probed(True, took, "", "", tuple(gauges))


def _engine(ping: Callable[[], Awaitable[None]]) -> Probe:
    async def probe() -> Probed:
        began = time.perf_counter()
        await ping()
        return Probed(True, round((time.perf_counter() - began) * 1000))

    return probe
