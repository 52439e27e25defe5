"""Heartbeats: signed, of now, taken once; who falls silent gets no calls, who is heard again does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from mercato.app.control import build_wiring, create_app
from mercato.app.settings import Settings
from mercato.deployments import Heartbeats
from mercato.identity import Caller, Keys
from mercato.publishing import Catalogue, DeploymentHolds
from mercato_contracts.deployments import ACCESS_TOKEN, TOKEN_EXCHANGE
from tests.conftest import TestClock
from tests.support.market import Market, market

__all__ = ["market"]


@pytest.fixture
async def app(settings: Settings, database_url: str, clock: TestClock) -> AsyncIterator[FastAPI]:
    """The roles that take part: no search index is built for these tests."""
    app = create_app(build_wiring(settings, database_url, clock), ["accounts", "vendors"])
    async with app.router.lifespan_context(app):
        yield app


class Vendor:
    """A vendor with a linked deployment and a token of it."""

    def __init__(self, market: Market, api: httpx.AsyncClient, slug: str) -> None:
        self.market, self.api, self.slug = market, api, slug
        self.private = Ed25519PrivateKey.generate()
        self.caller: Caller
        self.key = self.token = self.deployment = ""

    async def open(self) -> "Vendor":
        market = self.market
        self.caller = await market.people.join(self.slug)
        service, _ = await market.list_service(self.caller)
        async with market.database.transaction() as session:
            (deployment,) = await Catalogue(session).deployments_of_vendor(service.vendor_id)
            keys = Keys(session, market.clock, market.ids, market.hasher, market.outbox)
            self.key = (await keys.make(self.caller, kind="vk", name="k", scopes=None, expires_at=None)).text
        self.deployment = deployment.id
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": self.key, "subject_token_type": ACCESS_TOKEN}
        answer = await self.api.post("/api/oauth/token", data=form | {"audience": self.deployment})
        self.token = answer.json()["access_token"]
        return self

    @property
    def public_key(self) -> str:
        return base64.b64encode(self.private.public_key().public_bytes_raw()).decode()

    async def link(self, **changes: Any) -> httpx.Response:
        body = {"public_key": self.public_key, "interval_seconds": 10} | changes
        return await self.api.put(f"/api/deployments/{self.deployment}/link", json=body, headers=bearer(self.key))

    def body(self, sequence: int = 1, **changes: Any) -> bytes:
        expected = {
            "contract": "heartbeat/1",
            "deployment": self.deployment,
            "sequence": sequence,
            "sent_at": self.market.clock.now().isoformat(),
            "figures": {"status": "ok", "calls": 12, "p95_ms": 14},
        }
        return json.dumps(expected | changes).encode()

    async def beat(
        self, body: bytes | None = None, *, signature: str | None = None, token: str | None = None
    ) -> httpx.Response:
        sent = self.body() if body is None else body
        signed = signature or f"ed25519={base64.b64encode(self.private.sign(sent)).decode()}"
        headers = bearer(token or self.token) | {"Mercato-Signature": signed, "Content-Type": "application/json"}
        return await self.api.post("/api/heartbeats", content=sent, headers=headers)

    async def look(self) -> dict[str, Any]:
        answer = await self.api.get(f"/api/deployments/{self.deployment}", headers=bearer(self.key))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def watch(self) -> int:
        async with self.market.database.transaction() as session:
            return await Heartbeats(session, self.market.clock, self.market.outbox).hold_stale()


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def vendor(market: Market, api: httpx.AsyncClient) -> Vendor:
    """Acme, linked: a heartbeat is due every ten seconds."""
    vendor = await Vendor(market, api, "acme").open()
    assert (await vendor.link()).status_code == 200
    return vendor


async def test_a_linked_deployment_is_heard_and_shows_what_it_said(vendor: Vendor) -> None:
    assert (await vendor.look())["link"]["state"] == "linked"
    answer = await vendor.beat()
    assert answer.status_code == 200, answer.text
    now = vendor.market.clock.now()
    assert answer.json()["due_at"] == (now + timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    found = await vendor.look()
    assert (found["service"], found["version"], found["routed"]) == ("acme/embedder", "1.0.0", True)
    assert (found["link"]["state"], found["link"]["sequence"]) == ("live", 1)
    assert found["link"]["figures"]["calls"] == 12
    listed = await vendor.api.get("/api/deployments", headers=bearer(vendor.key))
    assert [item["id"] for item in listed.json()["items"]] == [vendor.deployment]


async def test_one_that_falls_silent_is_held_out_of_routing_until_it_is_heard_again(
    vendor: Vendor, clock: TestClock
) -> None:
    await vendor.beat()
    clock.advance(timedelta(seconds=29))
    assert await vendor.watch() == 0
    clock.advance(timedelta(seconds=1))
    assert await vendor.watch() == 1
    assert await vendor.watch() == 0
    answer = await vendor.look()
    assert (answer["routed"], answer["link"]["state"]) == (False, "stale")
    assert answer["holds"][0]["by"] == "heartbeat"
    assert "No heartbeat for 30 s" in answer["holds"][0]["reason"]
    assert (await vendor.beat(vendor.body(2))).status_code == 200
    answer = await vendor.look()
    assert (answer["routed"], answer["holds"], answer["link"]["state"]) == (True, [], "live")


async def test_one_that_never_said_a_word_is_held_too(vendor: Vendor, clock: TestClock) -> None:
    clock.advance(timedelta(seconds=30))
    assert await vendor.watch() == 1
    assert not (await vendor.look())["routed"]


async def test_a_heartbeat_does_not_lift_another_holders_hold(vendor: Vendor, clock: TestClock) -> None:
    clock.advance(timedelta(seconds=30))
    await vendor.watch()
    async with vendor.market.database.transaction() as session:
        holds = DeploymentHolds(session, clock, vendor.market.outbox)
        await holds.hold_deployment(vendor.deployment, holder="kill-switch:vendor", reason="drawdown", by="usr_test")
    assert (await vendor.beat()).status_code == 200
    answer = await vendor.look()
    assert (answer["routed"], [hold["by"] for hold in answer["holds"]]) == (False, ["kill-switch:vendor"])


async def test_of_two_workers_one_finds_it_stale(vendor: Vendor, clock: TestClock) -> None:
    clock.advance(timedelta(seconds=30))
    assert sum(await asyncio.gather(*(vendor.watch() for _ in range(8)))) == 1


async def test_a_heartbeat_is_taken_once_though_copies_come_at_once(vendor: Vendor) -> None:
    body = vendor.body(7)
    answers = await asyncio.gather(*(vendor.beat(body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert code(await vendor.beat(vendor.body(6))) == (409, "heartbeat_replayed")
    assert (await vendor.look())["link"]["sequence"] == 7


async def test_a_wrong_signature_is_refused_and_nothing_changes(vendor: Vendor, clock: TestClock) -> None:
    body = vendor.body()
    other = Ed25519PrivateKey.generate().sign(body)
    for signature in (
        f"ed25519={base64.b64encode(other).decode()}",
        f"ed25519={base64.b64encode(vendor.private.sign(body + b' ')).decode()}",
        "ed25519=",
        "ed25519=!!!",
        f"hmac={base64.b64encode(vendor.private.sign(body)).decode()}",
        base64.b64encode(vendor.private.sign(body)).decode(),
    ):
        assert code(await vendor.beat(body, signature=signature)) == (403, "signature_refused")
    assert (await vendor.look())["link"]["state"] == "linked"
    old = vendor.private
    vendor.private = Ed25519PrivateKey.generate()
    await vendor.link()
    signed = f"ed25519={base64.b64encode(old.sign(body)).decode()}"
    assert code(await vendor.beat(body, signature=signed)) == (403, "signature_refused")


async def test_another_vendors_deployment_is_neither_spoken_for_nor_seen_nor_linked(
    vendor: Vendor, market: Market, api: httpx.AsyncClient
) -> None:
    globex = await Vendor(market, api, "globex").open()
    await globex.link()
    body = globex.body()
    stolen = f"ed25519={base64.b64encode(globex.private.sign(body)).decode()}"
    assert code(await vendor.beat(body, signature=stolen)) == (403, "other_deployment")
    assert code(await vendor.beat(body, signature=stolen, token=vendor.key)) == (404, "deployment_not_found")
    path = f"/api/deployments/{globex.deployment}"
    assert code(await api.get(path, headers=bearer(vendor.key))) == (404, "deployment_not_found")
    linked = await api.put(f"{path}/link", json={"public_key": vendor.public_key}, headers=bearer(vendor.key))
    assert code(linked) == (404, "deployment_not_found")
    assert code(await vendor.api.put(f"{path}/link", json={"public_key": "x"}, headers=bearer(vendor.token))) == (
        403,
        "not_allowed",
    )


async def test_a_heartbeat_of_another_time_and_a_malformed_one_are_refused(vendor: Vendor, clock: TestClock) -> None:
    for seconds in (-61, 61):
        at = (clock.now() + timedelta(seconds=seconds)).isoformat()
        assert code(await vendor.beat(vendor.body(sent_at=at))) == (422, "heartbeat_out_of_time")
    for changes in ({"sequence": 0}, {"sequence": 2**64}, {"sent_at": "2026-11-02T09:00:00"}, {"contract": "x"}):
        assert code(await vendor.beat(vendor.body(**changes))) == (422, "malformed_request")
    for body in (b"", b"[]", b"\xff", b'{"deployment": "\\u0000"}'):
        assert code(await vendor.beat(body)) == (422, "malformed_request")
    for wrong in ("", "x", base64.b64encode(b"x" * 31).decode(), vendor.public_key + "="):
        assert code(await vendor.link(public_key=wrong)) == (422, "public_key_malformed")


async def test_a_revoked_token_no_longer_speaks(vendor: Vendor) -> None:
    await vendor.beat()
    listed = await vendor.api.get(f"/api/deployments/{vendor.deployment}/tokens", headers=bearer(vendor.key))
    (token,) = listed.json()["items"]
    await vendor.api.delete(f"/api/deployment-tokens/{token['id']}", headers=bearer(vendor.key))
    sequence = 2
    async with asyncio.timeout(120):
        while (answer := await vendor.beat(vendor.body(sequence))).status_code == 200:
            sequence += 1
    assert code(answer) == (401, "not_signed_in")
