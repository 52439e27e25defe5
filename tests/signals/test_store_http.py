"""`POST /api/signals/store` over HTTP: whose credentials speak for which deployment, and what a repeated key gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from mercato.app.control import build_wiring, create_app
from mercato.app.settings import Settings
from mercato.datasets import Round
from mercato.identity import Keys
from mercato.signals.models import SignalEntry
from mercato_contracts.deployments import ACCESS_TOKEN, TOKEN_EXCHANGE
from tests.conftest import TestClock
from tests.signals.conftest import Desk, Writer


@pytest.fixture
async def app(settings: Settings, database_url: str, clock: TestClock) -> AsyncIterator[FastAPI]:
    """The roles that take part: no search index is built for these tests."""
    app = create_app(build_wiring(settings, database_url, clock), ["publishing", "accounts", "vendors"])
    async with app.router.lifespan_context(app):
        yield app


@dataclass
class Door:
    """The store's route, knocked at with credentials of the test's choice."""

    desk: Desk
    api: httpx.AsyncClient
    round: Round
    writer: Writer
    key: str

    async def body(self, writer: Writer | None = None, score: float = 0.5) -> bytes:
        """A good write of the round's first era, by `writer`."""
        ids = (await self.desk.panel_of(self.round)).names(self.round.first_era)
        scores = {one: score - at / 40 for at, one in enumerate(sorted(ids))}
        answer = self.desk.write(writer or self.writer, self.round, self.round.first_era, scores)
        return json.dumps(answer).encode()

    async def post(
        self, body: bytes, credential: str, signer: Writer | None = None, idempotency_key: str | None = None
    ) -> httpx.Response:
        """What the route answers."""
        headers = {"authorization": f"Bearer {credential}", "mercato-signature": (signer or self.writer).sign(body)}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        return await self.api.post("/api/signals/store", content=body, headers=headers)

    async def token(self, key: str, deployment: str, scope: str | None = None) -> dict[str, Any]:
        """A token of this deployment, for a vendor key."""
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": key, "subject_token_type": ACCESS_TOKEN}
        form |= {"audience": deployment} | ({"scope": scope} if scope else {})
        answer = await self.api.post("/api/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def entries(self) -> int:
        """In the log."""
        async with self.desk.database.transaction() as session:
            return await session.scalar(select(func.count()).select_from(SignalEntry)) or 0


async def _key_of(desk: Desk, writer: Writer) -> str:
    async with desk.database.transaction() as session:
        keys = Keys(session, desk.clock, desk.ids, desk.people.hasher, desk.outbox)
        return (await keys.make(writer.caller, kind="vk", name="test", scopes=None, expires_at=None)).text


@pytest.fixture
async def door(desk: Desk, api: httpx.AsyncClient) -> Door:
    """An open round, and Acme's deployment."""
    writer = await desk.writer("acme")
    return Door(desk, api, await desk.open(), writer, await _key_of(desk, writer))


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code."""
    return answer.status_code, answer.json().get("code", "")


class TestWhose:
    async def test_a_deployments_token_writes_for_its_own_deployment(self, door: Door) -> None:
        token = (await door.token(door.key, door.writer.deployment))["access_token"]
        assert (await door.post(await door.body(), token)).status_code == 201

    async def test_and_for_no_other_of_the_same_vendor_which_the_vendors_key_may(self, door: Door) -> None:
        other = await door.desk.writer("acme-two", vendor=door.writer.caller)
        token = (await door.token(door.key, door.writer.deployment))["access_token"]
        body = await door.body(other)
        assert told(await door.post(body, token, signer=other)) == (404, "signal_deployment_unknown")
        assert await door.entries() == 0
        assert (await door.post(body, door.key, signer=other)).status_code == 201

    @pytest.mark.parametrize("with_token", [True, False])
    async def test_nobody_writes_for_another_vendors_deployment(self, door: Door, with_token: bool) -> None:
        zeta = await door.desk.writer("zeta")
        key = await _key_of(door.desk, zeta)
        credential = (await door.token(key, zeta.deployment))["access_token"] if with_token else key
        # Signed by either: whose deployment it is comes first, so nobody learns from the answer whether a key is right.
        for signer in (zeta, door.writer):
            answer = await door.post(await door.body(), credential, signer=signer)
            assert told(answer) == (404, "signal_deployment_unknown")
        assert await door.entries() == 0

    async def test_a_revoked_token_writes_no_more_though_it_was_proven_a_moment_ago(self, door: Door) -> None:
        new = await door.token(door.key, door.writer.deployment)
        body = await door.body()
        assert (await door.post(body, new["access_token"])).status_code == 201
        path, headers = f"/api/deployment-tokens/{new['token_id']}", {"authorization": f"Bearer {door.key}"}
        assert (await door.api.delete(path, headers=headers)).status_code == 204
        answer = await door.post(await door.body(score=0.9), new["access_token"])
        assert (answer.status_code, await door.entries()) == (401, 1)

    async def test_a_token_that_may_only_send_heartbeats_writes_nothing(self, door: Door) -> None:
        token = (await door.token(door.key, door.writer.deployment, "heartbeats:write"))["access_token"]
        assert told(await door.post(await door.body(), token)) == (403, "not_allowed")
        assert await door.entries() == 0


class TestRepeated:
    async def test_the_same_key_and_body_get_the_same_answer_byte_for_byte(self, door: Door) -> None:
        body = await door.body()
        first = await door.post(body, door.key, idempotency_key="one")
        again = await door.post(body, door.key, idempotency_key="one")
        anew = await door.post(body, door.key, idempotency_key="two")
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
        assert [answer.json()["items"][0]["is_repeated"] for answer in (first, anew)] == [False, True]
        assert await door.entries() == 1

    async def test_another_body_under_the_same_key_is_refused(self, door: Door) -> None:
        assert (await door.post(await door.body(), door.key, idempotency_key="one")).status_code == 201
        answer = await door.post(await door.body(score=0.9), door.key, idempotency_key="one")
        assert (told(answer), await door.entries()) == ((422, "idempotency_key_reused"), 1)

    async def test_the_first_answer_is_the_askers_alone(self, door: Door) -> None:
        zeta = await door.desk.writer("zeta")
        assert (await door.post(await door.body(), door.key, idempotency_key="one")).status_code == 201
        answer = await door.post(await door.body(), await _key_of(door.desk, zeta), zeta, idempotency_key="one")
        assert told(answer) == (404, "signal_deployment_unknown")

    async def test_a_refusal_is_not_kept(self, door: Door) -> None:
        body = await door.body()
        other = await door.desk.writer("acme-two", vendor=door.writer.caller)
        wrong = await door.post(body, door.key, signer=other, idempotency_key="one")
        assert told(wrong) == (403, "signature_refused")
        assert (await door.post(body, door.key, idempotency_key="one")).status_code == 201

    async def test_sent_many_times_at_once_it_is_one_entry_and_one_answer(self, door: Door) -> None:
        body = await door.body()
        posts = (door.post(body, door.key, idempotency_key="one") for _ in range(12))
        answers = await asyncio.gather(*posts)
        taken = {answer.content for answer in answers if answer.status_code == 201}
        others = {told(answer) for answer in answers if answer.status_code != 201}
        assert len(taken) == 1
        assert others <= {(409, "idempotency_key_in_flight")}
        assert await door.entries() == 1
