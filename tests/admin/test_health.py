"""The marketplace's own services are probed from elsewhere: red after two of three, unknown when nobody looks."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from mercato.admin import Gauge, HealthBook, HealthChanged, Probed, Probing
from mercato.app.probes import worker_probing
from mercato.edge.health_places import HealthPlaces
from mercato.edge.wiring import Wiring, running_of
from mercato.platform import Database
from mercato.platform.outbox import Place, read_events
from tests.admin.test_audit_api import Headers, sign_in, sign_up
from tests.conftest import People, TestClock
from tests.support.asgi import serve_app

HALF_MINUTE = timedelta(seconds=30)


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


@pytest.fixture
def wiring(app: FastAPI) -> Wiring:
    return running_of(app).wiring


class _Patient:
    """A service that is ready or not, and a prober of it."""

    def __init__(self, wiring: Wiring, clock: TestClock, database: Database | None = None) -> None:
        self.ready = True
        self.asked = 0
        self._clock = clock
        self.probing = Probing(
            "worker", database or wiring.database, clock, wiring.ids, wiring.outbox, {"gateway": self._probe}
        )

    async def _probe(self) -> Probed:
        self.asked += 1
        depth = (Gauge("gateway", "spool_unshipped_seconds", 7, "seconds"),)
        return Probed(self.ready, 12, "0.1.0", "" if self.ready else "It drains.", depth)

    async def look(self, *answers: bool) -> None:
        for ready in answers:
            self.ready = ready
            await self.probing.look()
            self._clock.advance(HALF_MINUTE)


async def _state(api: httpx.AsyncClient, who: Headers, name: str = "gateway") -> dict[str, Any]:
    answer = await api.get("/api/health", headers=who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = next(each for each in answer.json()["services"] if each["name"] == name)
    return found


async def test_two_of_three_bad_probes_make_red_and_two_good_ones_end_it(
    api: httpx.AsyncClient, wiring: Wiring, operator: Headers, clock: TestClock
) -> None:
    patient = _Patient(wiring, clock)
    await patient.look(True, False)
    assert (await _state(api, operator))["state"] == "up"
    await patient.look(False)
    down = await _state(api, operator)
    assert (down["state"], down["detail"], down["probed_by"]) == ("down", "It drains.", "worker")
    await patient.look(True)
    assert (await _state(api, operator))["state"] == "down", "one good probe is no recovery"
    await patient.look(True)
    up = await _state(api, operator)
    assert (up["state"], up["latency_ms"], up["version"]) == ("up", 12, "0.1.0")
    assert [(each["name"], each["value"], each["stale"]) for each in up["gauges"]] == [
        ("spool_unshipped_seconds", 7, False)
    ]
    changes = (await api.get("/api/health/changes", headers=operator)).json()["items"]
    assert [(each["before"], each["state"]) for each in changes] == [("down", "up"), ("up", "down")]


async def test_the_operator_is_told_of_each_change_once(
    api: httpx.AsyncClient, wiring: Wiring, operator: Headers, clock: TestClock, database: Database
) -> None:
    acme = await sign_up(api, "acme")
    hooks = {}
    for who, name in ((operator, "operator"), (acme, "acme")):
        body = {"url": f"http://127.0.0.1:8999/{name}"}
        made = await api.post("/api/webhooks", json=body, headers=who)
        assert made.status_code == 201, made.text
        hooks[name] = made.json()["id"]
    await _Patient(wiring, clock).look(True, False, False, False, True, True)
    async with database.transaction() as session:
        events = await read_events(session, Place(0, 0), (HealthChanged,), 100)
    assert [event.news.state for event in events] == ["down", "up"]
    sent = (await api.get(f"/api/webhooks/{hooks['operator']}/deliveries", headers=operator)).json()["items"]
    assert [each["event_type"] for each in sent] == ["health.changed", "health.changed"]
    assert (await api.get(f"/api/webhooks/{hooks['acme']}/deliveries", headers=acme)).json()["items"] == []


async def test_what_nobody_looked_at_is_unknown(
    api: httpx.AsyncClient, wiring: Wiring, operator: Headers, clock: TestClock
) -> None:
    assert (await _state(api, operator))["detail"] == "Nothing has probed it yet."
    await _Patient(wiring, clock).look(False)
    assert (await _state(api, operator))["state"] == "unknown", "what never answered is not up"
    patient = _Patient(wiring, clock)
    await patient.look(True)
    assert (await _state(api, operator))["state"] == "up"
    clock.advance(timedelta(seconds=91))
    stale = await _state(api, operator)
    assert (stale["state"], stale["gauges"][0]["stale"]) == ("unknown", True)
    assert "worker has not probed it since" in stale["detail"]
    assert (await api.get("/api/health", headers=operator)).json()["state"] == "unknown"


async def test_of_two_replicas_one_probes(wiring: Wiring, operator: Headers, clock: TestClock) -> None:
    replicas = [_Patient(wiring, clock) for _ in range(5)]
    await asyncio.gather(*(each.probing.look() for each in replicas))
    assert sum(each.asked for each in replicas) == 1


async def test_history_adds_probes_up_and_forgets_after_90_days(
    api: httpx.AsyncClient, wiring: Wiring, operator: Headers, clock: TestClock, database: Database
) -> None:
    patient = _Patient(wiring, clock)
    await patient.look(*[True] * 30, False, False)
    path, operator = "/api/health/gateway/history", await sign_in(api, "operator@example.org")
    quarters = (await api.get(path, headers=operator)).json()["spans"]
    assert [(each["probes"], each["failed"], each["latency_ms"]) for each in quarters] == [(30, 0, 12), (2, 2, None)]
    (hour,) = (await api.get(path, params={"step": "hour"}, headers=operator)).json()["spans"]
    assert (hour["probes"], hour["failed"], hour["latency_max_ms"]) == (32, 2, 12)
    naive = await api.get(path, params={"since": "2026-11-01T00:00:00"}, headers=operator)
    assert naive.status_code == 422
    clock.advance(timedelta(days=91))
    async with database.transaction() as session:
        assert await HealthBook(session, clock, wiring.ids, wiring.outbox).forget() > 0
    operator = await sign_in(api, "operator@example.org")
    assert (await api.get(path, params={"since": "2026-01-01T00:00:00Z"}, headers=operator)).json()["spans"] == []
    assert (await api.get("/api/health/changes", headers=operator)).json()["items"] == []


async def test_an_outage_of_the_database_is_in_the_history_afterwards(
    api: httpx.AsyncClient, wiring: Wiring, operator: Headers, clock: TestClock, postgres: str, database_url: str
) -> None:
    own = Database(database_url)
    patient = _Patient(wiring, clock, own)
    await patient.look(True)
    name = database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("UPDATE pg_database SET datallowconn = false WHERE datname = %s", [name])
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        await patient.look(False, False)
        connection.execute("UPDATE pg_database SET datallowconn = true WHERE datname = %s", [name])
    await patient.look(True)
    await own.close()
    (span,) = (await api.get("/api/health/gateway/history", headers=operator)).json()["spans"]
    assert (span["probes"], span["failed"]) == (4, 2)


async def test_only_operators_read_it(api: httpx.AsyncClient) -> None:
    acme = await sign_up(api, "acme")
    for path in ("/api/health", "/api/health/changes", "/api/health/gateway/history"):
        refused = await api.get(path, headers=acme)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_the_worker_asks_roles_gateways_and_postgresql(
    api: httpx.AsyncClient, app: FastAPI, wiring: Wiring, operator: Headers, tmp_path: Any
) -> None:
    async def ready(request: Request) -> JSONResponse:
        return JSONResponse({"status": "not ready", "reason": "draining"}, 503)

    async def metrics(request: Request) -> PlainTextResponse:
        return PlainTextResponse("mercato_gateway_spool_unshipped_seconds 41.6\nmercato_gateway_connections 3\n")

    async def away() -> None:
        raise ConnectionError("nobody there")

    gateway = Starlette(routes=[Route("/readyz", ready), Route("/metrics", metrics)])
    async with serve_app(app) as control, serve_app(gateway) as drained:
        roles = ("publishing", "discovery", "consumption", "accounts", "vendors", "admin")
        nobody = "http://127.0.0.1:1"
        urls = dict.fromkeys(roles, (nobody, control)) | {"gateway": (drained,), "worker": (nobody,)}
        places = HealthPlaces(urls, tmp_path, {"redis": away})
        await worker_probing(wiring, places, []).look()
    found = {each["name"]: each for each in (await api.get("/api/health", headers=operator)).json()["services"]}
    assert {found[role]["state"] for role in roles} == {"up"}, "a replica stands in for one that is gone"
    assert found["publishing"]["version"]
    assert found["postgresql"]["state"] == "up"
    assert found["gateway"]["detail"].endswith("503: draining")
    assert [(each["name"], each["value"]) for each in found["gateway"]["gauges"]] == [("spool_unshipped_seconds", 42)]
    assert found["redis"]["detail"] == "ConnectionError: nobody there"
    assert found["worker"]["detail"] == "Nothing has probed it yet."
    assert "disk.free" in {each["name"] for each in found["worker"]["gauges"]}
