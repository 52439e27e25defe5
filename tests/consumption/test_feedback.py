"""What organisations found of results: replaced when it is said again, limited, added up for operators only."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from mercato.discovery import feedback
from mercato.discovery.feedback_models import SearchFeedback
from mercato.platform import Session
from tests.consumption.test_alerts import acme
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market


def _said(position: int = 3, verdict: str = "useful", **changes: Any) -> dict[str, Any]:
    return {
        "query": "Fast  Embeddings",
        "service": "acme/embedder",
        "position": position,
        "verdict": verdict,
        **changes,
    }


async def _rows(session: Session) -> list[SearchFeedback]:
    return list(await session.scalars(select(SearchFeedback).order_by(SearchFeedback.at)))


async def test_the_last_word_on_a_result_counts_and_operators_see_where_it_stood(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, customer = await acme(market)
    await market.list_service(vendor, "second")
    headers, operator = await sign_in(api, customer.caller), await sign_in(api, await market.operator())
    for body in (
        _said(1, "opened"), _said(3, "useful", query="fast embeddings"),
        _said(1, "not_useful", service="acme/second"), _said(2, "not_useful", query="other words"),
    ):  # fmt: skip
        assert (await api.post("/api/feedback", json=body, headers=headers)).status_code == 204
    async with market.database.transaction() as session:
        rows = await _rows(session)
    assert {(row.query, row.position, row.verdict) for row in rows} == {
        ("fast embeddings", 3, "useful"), ("fast embeddings", 1, "not_useful"), ("other words", 2, "not_useful"),
    }  # fmt: skip
    assert {row.organisation_id for row in rows} == {customer.caller.organisation_id}
    figures = (await api.get("/api/feedback", headers=operator)).json()
    assert (figures["queries"], figures["taken"], figures["not_useful"]) == (2, 1, 2)
    assert figures["reciprocal_rank_bp"] == 1_667, "a third, and nothing of the other words"
    assert figures["positions"][2] == {"position": 3, "opened": 0, "useful": 1, "not_useful": 0}
    assert (await api.get("/api/feedback", headers=headers)).status_code == 403


async def test_feedback_is_refused_of_what_is_not_there_and_of_nobody(api: httpx.AsyncClient, market: Market) -> None:
    _, customer = await acme(market)
    headers = await sign_in(api, customer.caller)
    assert (await api.post("/api/feedback", json=_said())).status_code == 401
    nothing = await api.post("/api/feedback", json=_said(service="acme/nothing"), headers=headers)
    assert nothing.json()["code"] == "service_not_found"
    for odd in ({"position": 0}, {"position": 201}, {"query": ""}, {"query": "x" * 501}, {"verdict": "great"}):
        answer = await api.post("/api/feedback", json=_said() | odd, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request"), odd


async def test_an_organisation_says_so_much_a_day(
    api: httpx.AsyncClient, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, customer = await acme(market)
    headers = await sign_in(api, customer.caller)
    monkeypatch.setattr(feedback, "MOST_A_DAY", 2)
    answers = [
        await api.post("/api/feedback", json=_said(query=f"words {number}"), headers=headers) for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert answers[2].json()["code"] == "feedback_enough"


async def test_many_at_once_on_one_result_leave_one_row(api: httpx.AsyncClient, market: Market) -> None:
    _, customer = await acme(market)
    headers = await sign_in(api, customer.caller)
    sent = [api.post("/api/feedback", json=_said(number + 1), headers=headers) for number in range(6)]
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {204}
    async with market.database.transaction() as session:
        assert len(await _rows(session)) == 1
