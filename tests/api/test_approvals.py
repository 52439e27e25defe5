"""Approvals over HTTP: claimed by one person at a time, commented, bound to what was submitted, found when decided."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import TestClock
from tests.metering.test_usage_api import sign_in
from tests.support.governed import submit
from tests.support.market import Market

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Office:
    """Two people of the operator, and a submission of Zeta's that waits."""

    api: httpx.AsyncClient
    first: dict[str, str]
    second: dict[str, str]
    vendor: dict[str, str]
    submission_id: str

    @property
    def path(self) -> str:
        return f"/api/approvals/{self.submission_id}"

    async def claim(self, who: dict[str, str], **body: Any) -> httpx.Response:
        return await self.api.post(f"{self.path}/claim", json=body, headers=who)

    async def decide(self, who: dict[str, str], decision: str = "approve", **more: Any) -> httpx.Response:
        return await self.api.post(self.path, json={"decision": decision, "reason": "we met", **more}, headers=who)

    async def find(self, **asked: Any) -> list[dict[str, Any]]:
        answer = await self.api.get("/api/approvals", params=asked, headers=self.first)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture
async def office(api: httpx.AsyncClient, market: Market) -> Office:
    first = await sign_in(api, await market.operator())
    person = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD, "role": "approver"}
    assert (await api.post("/api/users", json=person, headers=first)).status_code == 201
    session = await api.post("/api/sessions", json={"email": "ada@example.org", "password": PASSWORD})
    zeta = await market.people.join("zeta")
    submission_id = await submit(market, zeta, people=2)
    second = {"authorization": f"Bearer {session.json()['access_token']}"}
    return Office(api, first, second, await sign_in(api, zeta), submission_id)


async def told(market: Market, topic: str) -> int:
    """How often this was news."""
    async with market.database.transaction() as session:
        query = text("SELECT count(*) FROM outbox_events WHERE topic = :topic")
        return int(await session.scalar(query, {"topic": topic}) or 0)


async def test_of_two_who_claim_at_once_one_wins_and_the_other_reads_who_holds_it(
    office: Office, market: Market
) -> None:
    answers = await asyncio.gather(*(office.claim(who) for who in (office.first, office.second)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = next(answer for answer in answers if answer.status_code == 200).json()["claim"]
    lost = next(answer for answer in answers if answer.status_code == 409).json()
    assert lost["code"] == "approval_claimed"
    assert won["name"] in lost["detail"]
    loser = office.second if answers[0].status_code == 200 else office.first
    refused = await office.decide(loser)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_claimed")
    taken = await office.claim(loser, take_over=True)
    assert taken.json()["claim"]["person"] != won["person"]
    assert await told(market, "approval.claimed") == 2


async def test_claiming_again_changes_nothing_and_letting_go_frees_it(office: Office) -> None:
    first = (await office.claim(office.first)).json()["claim"]
    assert (await office.claim(office.first)).json()["claim"] == first
    let_go = await office.api.delete(f"{office.path}/claim", headers=office.second)
    assert let_go.json()["code"] == "approval_claimed"
    for _ in range(2):
        freed = await office.api.delete(f"{office.path}/claim", headers=office.first)
        assert (freed.status_code, freed.json()["claim"]) == (200, None)
    assert (await office.claim(office.second)).status_code == 200
    assert (await office.decide(office.second)).status_code == 200
    assert (await office.api.get(office.path, headers=office.first)).json()["claim"] is None, "a vote ends it"
    assert (await office.decide(office.first)).json()["approval"]["state"] == "approved"
    late = await office.claim(office.first)
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")


async def test_a_decision_holds_for_what_was_looked_at(office: Office) -> None:
    shown = (await office.api.get(office.path, headers=office.first)).json()["submission"]["digest"]
    other = await office.decide(office.first, digest="1" * 64)
    assert (other.status_code, other.json()["code"]) == (409, "approval_digest_differs")
    assert (await office.decide(office.first, digest=shown)).status_code == 200


async def test_comments_are_for_operators_alone(office: Office, market: Market, clock: TestClock) -> None:
    path = f"{office.path}/comments"
    for who, words in ((office.first, "Whose model is it?"), (office.second, "Theirs <b>")):
        made = await office.api.post(path, json={"text": words}, headers=who)
        assert made.status_code == 201, made.text
        clock.advance(timedelta(seconds=1))
    comments = (await office.api.get(office.path, headers=office.second)).json()["comments"]
    assert [each["text"] for each in comments] == ["Whose model is it?", "Theirs <b>"]
    assert comments[1]["name"] == "Ada"
    assert (await office.api.post(path, json={"text": " "}, headers=office.first)).status_code == 422
    for answer in (
        await office.api.get(office.path, headers=office.vendor),
        await office.claim(office.vendor),
        await office.api.post(path, json={"text": "mine"}, headers=office.vendor),
    ):
        assert answer.status_code == 403
    seen = await office.api.get(f"/api/submissions/{office.submission_id}", headers=office.vendor)
    assert "Whose model" not in seen.text
    assert await told(market, "approval.commented") == 2


async def test_what_was_decided_is_found_with_its_age_and_target(office: Office, clock: TestClock) -> None:
    (waiting,) = await office.find(q="zeta SPEAKER")
    assert waiting["waiting_seconds"] == 0
    assert await office.find(q="100%_") == []
    assert await office.find(mine=True) == []
    await office.claim(office.first)
    assert len(await office.find(mine=True)) == 1
    clock.advance(timedelta(minutes=5))
    assert (await office.decide(office.first, "reject")).status_code == 200
    clock.advance(timedelta(minutes=1))
    assert await office.find() == []
    (decided,) = await office.find(state="decided", q="speech", mine=True)
    assert decided["waiting_seconds"] == 300
    assert decided["approval"]["votes"][0]["reason"] == "we met"
    assert await office.find(state="approved") == []
    assert len(await office.find(state="rejected")) == 1
