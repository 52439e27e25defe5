"""Exports take their place when they are asked for, and give it back however they end."""

import asyncio
import gc
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Response
from sqlalchemy import text

from mercato.api.exports import MOST_AT_ONCE, answer_export
from mercato.edge.wiring import Wiring, running_of
from mercato.metering import ExportsBusy
from mercato.platform import Database, Session
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market
from tests.support.waiting import until


@pytest.fixture
def wiring(app: FastAPI) -> Wiring:
    return running_of(app).wiring


async def test_no_more_exports_run_at_once_than_may(api: httpx.AsyncClient, market: Market, database: Database) -> None:
    headers = await sign_in(api, await market.people.join("buyer"))
    ended: list[int] = []

    async def ask() -> None:
        answer = await api.get("/api/statement/export", headers=headers)
        assert answer.status_code == 200 or answer.json()["code"] == "exports_busy"
        ended.append(answer.status_code)

    async with database.transaction() as session:
        await session.execute(text("LOCK TABLE postings IN ACCESS EXCLUSIVE MODE"))
        asked = [asyncio.create_task(ask()) for _ in range(3 * MOST_AT_ONCE)]
        # The others wait for the lock in the middle of their bodies.
        await until(lambda: len(ended) == 2 * MOST_AT_ONCE)
        assert set(ended) == {503}
    await asyncio.gather(*asked)
    assert ended[-MOST_AT_ONCE:] == [200] * MOST_AT_ONCE
    assert (await api.get("/api/statement/export", headers=headers)).status_code == 200


def ask_for_one(wiring: Wiring) -> Response:
    async def lines(session: Session) -> AsyncIterator[bytes]:
        yield b"1\r\n"

    return answer_export(wiring, "csv", "numbers", ["number"], lines)


async def test_an_answer_that_is_never_sent_gives_its_place_back(wiring: Wiring) -> None:
    held = [ask_for_one(wiring) for _ in range(MOST_AT_ONCE)]
    with pytest.raises(ExportsBusy):
        ask_for_one(wiring)
    held.clear()
    gc.collect()
    ask_for_one(wiring)


async def test_a_client_that_leaves_at_once_gives_its_place_back(wiring: Wiring) -> None:
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise OSError("the client left")

    held = [ask_for_one(wiring) for _ in range(MOST_AT_ONCE)]
    for answer in held:
        with pytest.raises((OSError, ExceptionGroup)):
            await answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
    again = [ask_for_one(wiring) for _ in range(MOST_AT_ONCE)]
    with pytest.raises(ExportsBusy):
        ask_for_one(wiring)
    again.clear()
