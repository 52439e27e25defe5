"""A crowd takes from itself: half-sent requests, and passwords that wait, hold no connection of the database."""

import asyncio
import base64
import io
import threading
import zipfile
from collections.abc import AsyncIterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.app.control import ROLES, create_internal_app
from mercato.app.settings import Settings
from mercato.edge.wiring import Wiring, running_of, set_running
from mercato.platform import Database, StoredObject
from tests.support.bounded_server import PATIENCE_SECONDS, BoundedServer, serve_bounded
from tests.support.market import Market, market
from tests.support.waiting import until

__all__ = ["market"]

PASSWORD = "correct horse battery"


@pytest.fixture
async def public(app: FastAPI) -> AsyncIterator[BoundedServer]:
    """The control plane as everybody reaches it."""
    async with serve_bounded(app) as server:
        yield server


@pytest.fixture
async def internal(app: FastAPI, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway's client of the internal listener."""
    async with (
        serve_bounded(create_internal_app(app, list(ROLES))) as server,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Authorization": f"Bearer {settings.gateway_token}"},
            timeout=PATIENCE_SECONDS,
        ) as client,
    ):
        yield client


@pytest.fixture
def wiring(app: FastAPI) -> Wiring:
    return running_of(app).wiring


def held(database: Database) -> int:
    """Connections that somebody works with now."""
    return database.engine.pool.checkedout()  # type: ignore[attr-defined,no-any-return]


async def token_of(server: BoundedServer, slug: str) -> str:
    body = {"email": f"{slug}@example.org", "password": PASSWORD}
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        answer = await client.post(f"http://127.0.0.1:{server.port}/api/sessions", json=body)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["access_token"]
    return token


async def ask(server: BoundedServer, path: str, token: str, source: str = "127.0.0.1") -> int:
    """On a connection of its own."""
    transport = httpx.AsyncHTTPTransport(local_address=source)
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE_SECONDS) as client:
        headers = {"Authorization": f"Bearer {token}"}
        return (await client.get(f"http://127.0.0.1:{server.port}{path}", headers=headers)).status_code


ROUTES = [
    ("POST", "/api/subscriptions"), ("POST", "/api/sessions"), ("PUT", "/api/budgets"), ("POST", "/api/oauth/token"),
    ("POST", "/device"), ("POST", "/api/training/runs"), ("GET", "/api/me"), ("DELETE", "/api/keys/key_1"),
]  # fmt: skip


@pytest.mark.parametrize("count", [24, 500])
async def test_half_sent_bodies_of_one_account_hold_no_connection_of_the_database(
    public: BoundedServer, internal: httpx.AsyncClient, wiring: Wiring, market: Market, count: int
) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    customer = await market.customer(service, plan, "globex")
    await market.people.join("initech")
    attacker, other = await token_of(public, "acme"), await token_of(public, "initech")
    crowd = []
    for number in range(count):
        method, path = ROUTES[number % len(ROUTES)]
        client = await public.connect()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {attacker}\r\ncontent-length: 200\r\n\r\nx"
        )
        await client.send(head.encode())
        crowd.append(client)
    await until(lambda: held(wiring.database) + held(wiring.gateway_database) == 0)
    for _ in range(3):
        assert await ask(public, "/api/me", other) == 200
        assert await ask(public, "/api/me", other, "127.0.0.2") == 200
        assert (await internal.post("/internal/keys/introspect", json={"key": customer.key.text})).json()["active"]
        lent = await internal.post("/internal/leases", json={"gateway": "g", "life": "l", "requests": []})
        assert lent.status_code == 200
    for client in crowd:
        client.close()


async def test_gateways_are_answered_while_users_hold_every_connection_of_theirs(
    public: BoundedServer, internal: httpx.AsyncClient, wiring: Wiring, market: Market
) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    customer = await market.customer(service, plan, "globex")
    done = asyncio.Event()

    async def hold() -> None:
        async with wiring.database.transaction() as session:
            await session.connection()
            await done.wait()

    holders = [asyncio.create_task(hold()) for _ in range(20)]
    await until(lambda: held(wiring.database) == 20)
    assert (await internal.get("/readyz")).status_code == 200
    assert (await internal.post("/internal/keys/introspect", json={"key": customer.key.text})).json()["active"]
    usage = {"gateway": "g", "life": "l", "events": [], "closed": []}
    assert (await internal.post("/internal/usage", json=usage)).status_code == 200
    async with internal.stream("GET", "/internal/snapshot") as snapshot:
        assert await anext(snapshot.aiter_lines())
    done.set()
    await asyncio.gather(*holders)


@contextmanager
def busy_hashing(wiring: Wiring) -> Any:
    """Every thread that hashes for users is taken while the block lasts: whoever needs a hash waits."""
    let_go = threading.Event()
    for _ in range(2):
        wiring.hasher._pool.submit(let_go.wait)
    try:
        yield
    finally:
        let_go.set()


async def test_no_connection_is_held_while_a_secret_waits_to_be_checked(
    api: httpx.AsyncClient, wiring: Wiring, market: Market
) -> None:
    service, _ = await market.list_service(await market.people.join("acme"))
    customer = await market.customer(service, (await market.add_plan(service)), "globex")
    body = {"email": "globex@example.org", "password": PASSWORD}
    session = {"Authorization": f"Bearer {(await api.post('/api/sessions', json=body)).json()['access_token']}"}
    codes = (await api.post("/api/oauth/device_authorization", data={"client_id": "laptop"})).json()
    other = await market.make_key(customer.caller)
    sign_up = {"organisation": "new", "name": "New", "email": "new@example.org", "password": PASSWORD}
    user = {"email": "colleague@example.org", "name": "C", "password": PASSWORD, "role": "viewer"}
    exchange = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": other.text}
    with busy_hashing(wiring):
        waiting = [
            asyncio.ensure_future(each)
            for each in (
                api.post("/api/sessions", json=body),
                api.post("/api/organisations", json=sign_up),
                api.post("/api/users", json=user, headers=session),
                api.post("/api/keys", json={"kind": "ck", "name": "n"}, headers=session),
                api.post(f"/api/keys/{customer.key.row.id}/rotate", json={"grace_seconds": 60}, headers=session),
                api.post("/device", data={**body, "user_code": codes["user_code"]}),
                api.post("/api/oauth/token", data=exchange),
                api.get("/api/me", headers={"Authorization": f"Bearer {customer.key.text}"}),
            )
        ]
        # `other` is asked about by two: one proof serves both.
        await until(lambda: wiring.hasher.waiting == len(waiting))
        await until(lambda: held(wiring.database) == 0)
        assert (await api.get("/api/me", headers=session)).status_code == 200
    answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [201, 201, 201, 201, 201, 200, 400, 200]


async def test_sixty_sign_ins_at_once_from_one_address_leave_room_for_another(
    api: httpx.AsyncClient, app: FastAPI, wiring: Wiring, market: Market
) -> None:
    await market.people.join("globex")
    body = {"email": "globex@example.org", "password": PASSWORD}
    with busy_hashing(wiring):
        crowd = [
            asyncio.ensure_future(api.post("/api/sessions", json={"email": f"{n}@example.org", "password": PASSWORD}))
            for n in range(59)
        ]
        await until(lambda: sum(each.done() for each in crowd) == 59 - 32)
        refused = next(each.result() for each in crowd if each.done())
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test") as elsewhere:
            signing_in = asyncio.ensure_future(elsewhere.post("/api/sessions", json=body))
            await until(lambda: wiring.hasher.waiting == 33)
            await until(lambda: held(wiring.database) == 0)
    assert (await signing_in).status_code == 201
    assert (refused.status_code, refused.json()["code"]) == (429, "sign_in_busy")
    assert f"Try again in {refused.headers['retry-after']} s." in refused.json()["detail"]
    assert sorted({answer.status_code for answer in await asyncio.gather(*crowd)}) == [401, 429]


async def test_three_hundred_sign_ins_of_many_addresses_fill_a_bounded_queue(
    app: FastAPI, wiring: Wiring, market: Market
) -> None:
    await market.people.join("globex")

    async def sign_in(number: int) -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(f"203.0.{number // 250}.{number % 250 + 1}", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test", timeout=300) as client:
            body = {"email": f"{number}@example.org", "password": PASSWORD}
            return await client.post("/api/sessions", json=body)

    with busy_hashing(wiring):
        crowd = [asyncio.ensure_future(sign_in(number)) for number in range(300)]
        await until(lambda: sum(each.done() for each in crowd) == 300 - 128)
        await until(lambda: held(wiring.database) == 0)
        assert wiring.hasher.waiting == 128
    answers = await asyncio.gather(*crowd)
    assert {answer.status_code for answer in answers} == {401, 429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429)


class SlowFolder(LocalFolder):
    """A store of files that takes nothing until it is let go."""

    def __init__(self, root: Path, links: SignedLinks) -> None:
        super().__init__(root, links, "http://mercato.test")
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def put(self, key: str, content: bytes | Path) -> StoredObject:
        self.asked.set()
        await self.let_go.wait()
        return await super().put(key, content)


async def test_no_connection_is_held_while_the_store_of_files_takes_code(
    api: httpx.AsyncClient, app: FastAPI, wiring: Wiring, market: Market, tmp_path: Path
) -> None:
    assert isinstance(wiring.objects, LocalFolder)
    store = SlowFolder(tmp_path / "slow", wiring.objects.links)
    set_running(app, replace(running_of(app), wiring=replace(wiring, objects=store)))
    await market.people.join("acme")
    body = {"email": "acme@example.org", "password": PASSWORD}
    session = {"Authorization": f"Bearer {(await api.post('/api/sessions', json=body)).json()['access_token']}"}
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("train.py", "pass")
    run = {"spec": {"task": "test"}, "code": base64.b64encode(zipped.getvalue()).decode()}
    starting = asyncio.ensure_future(api.post("/api/training/runs", json=run, headers=session))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await store.asked.wait()
    await until(lambda: held(wiring.database) == 0)
    store.let_go.set()
    started = await starting
    assert started.status_code == 201, started.text
    assert (await api.get(f"/api/training/runs/{started.json()['id']}", headers=session)).json()["state"] == "queued"


async def test_many_with_one_new_key_wait_for_one_proof(api: httpx.AsyncClient, wiring: Wiring, market: Market) -> None:
    key = await market.make_key(await market.people.join("globex"))
    headers = {"Authorization": f"Bearer {key.text}"}
    with busy_hashing(wiring):
        crowd = [asyncio.ensure_future(api.get("/api/me", headers=headers)) for _ in range(50)]
        await until(lambda: wiring.hasher.waiting == 1)
        await until(lambda: held(wiring.database) == 0)
    assert {answer.status_code for answer in await asyncio.gather(*crowd)} == {200}
