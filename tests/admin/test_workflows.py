"""Operators see what the engine of durable workflows does, cancel it and retry what failed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.admin import WorkflowOrders
from mercato.edge.wiring import Wiring, running_of
from mercato.platform import OutboxFeed, Steps, Workflow, Workflows
from tests.admin.test_audit_api import Headers, sign_in, sign_up
from tests.conftest import People
from tests.console.browser import browser_of
from tests.console.browser import sign_in as sign_in_browser
from tests.support.engines import engine_of_test
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("workflow_engine")


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


@pytest.fixture
def wiring(app: FastAPI) -> Wiring:
    return running_of(app).wiring


class _Work:
    """A workflow of three steps that fails between the second and the third until it may pass."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.may_pass = False
        self.under_way = 0

    async def step(self, subject: str, name: str) -> None:
        self.done.append(name)

    async def run(self, steps: Steps, subject: str) -> None:
        self.under_way += 1
        try:
            await self._run(steps, subject)
        finally:
            self.under_way -= 1

    async def _run(self, steps: Steps, subject: str) -> None:
        await steps.run("step", "first")
        if subject == "patient":
            await steps.wait("word", timedelta(days=1))
        elif not self.may_pass:
            raise RuntimeError("the provider is away")
        await steps.run("step", "last")

    @asynccontextmanager
    async def worker(self, wiring: Wiring, database_url: str) -> AsyncIterator[Workflows]:
        work = Workflow("toil", self.run, {"step": self.step})
        engine = engine_of_test(database_url, [work], executor="test", close_within_seconds=5)
        feed = OutboxFeed(wiring.database)
        await engine.open()
        await feed.start([WorkflowOrders(engine).subscriber().inside()], [])
        try:
            yield engine
        finally:
            await feed.close()
            await engine.close()


async def _state(api: httpx.AsyncClient, who: Headers, workflow: str) -> dict[str, Any]:
    answer = await api.get("/api/workflows", headers=who)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = [each for each in answer.json()["items"] if each["id"] == workflow]
    return found[0] if found else {"state": "absent"}


async def _order(api: httpx.AsyncClient, who: Headers, workflow: str, order: str) -> httpx.Response:
    return await api.post(f"/api/workflows/{workflow}/{order}", json={"reason": "a test"}, headers=who)


async def test_a_failed_workflow_is_retried_behind_its_last_step(
    api: httpx.AsyncClient, wiring: Wiring, operator: Headers, database_url: str
) -> None:
    work = _Work()
    assert (await api.get("/api/workflows", headers=operator)).json() == {"items": [], "next": None}
    async with work.worker(wiring, database_url) as engine:
        await engine.start("toil", "a")

        async def failed() -> bool:
            return bool((await _state(api, operator, "toil:a"))["state"] == "failed")

        await until(failed)
        shown = await _state(api, operator, "toil:a")
        assert shown["workflow"] == "toil"
        assert shown["subject"] == "a"
        assert shown["steps"] == 1
        assert shown["worker"] == "test"
        assert "the provider is away" in shown["error"]
        work.may_pass = True
        assert (await _order(api, operator, "toil:a", "retry")).status_code == 202

        async def done() -> bool:
            return bool((await _state(api, operator, "toil:a"))["state"] == "done")

        await until(done)
        assert work.done == ["first", "last"], "what had ended is not done again"
        refused = await _order(api, operator, "toil:a", "retry")
        assert (refused.status_code, refused.json()["code"]) == (409, "workflow_not_over")
        late = await _order(api, operator, "toil:a", "cancel")
        assert (late.status_code, late.json()["code"]) == (409, "workflow_over")


async def test_an_order_that_is_refused_keeps_its_reason_on_the_page(
    app: FastAPI, api: httpx.AsyncClient, wiring: Wiring, operator: Headers, database_url: str
) -> None:
    async with _Work().worker(wiring, database_url) as engine, browser_of(app) as browser:
        await engine.start("toil", "a")

        async def failed() -> bool:
            return bool((await _state(api, operator, "toil:a"))["state"] == "failed")

        await until(failed)
        await sign_in_browser(browser, "operator")
        reason = "because " * 100
        refused = await browser.post("/ops/queues/toil:a/retry", data={"reason": reason})
        assert (refused.status_code, f'value="{reason[:500]}"' in refused.text) == (422, True)
        over = await browser.post("/ops/queues/toil:a/cancel", data={"reason": "no longer needed"})
        assert (over.status_code, 'value="no longer needed"' in over.text) == (409, True)
        assert await failed()


async def test_a_workflow_that_waits_is_cancelled_and_goes_on_when_retried(
    workflow_engine: str, api: httpx.AsyncClient, wiring: Wiring, operator: Headers, database_url: str
) -> None:
    work = _Work()
    async with work.worker(wiring, database_url) as engine:
        await engine.start("toil", "patient")

        async def waits() -> bool:
            return bool((await _state(api, operator, "toil:patient")).get("steps") == 1)

        await until(waits)
        queues = (await api.get("/api/queues", headers=operator)).json()["items"]
        assert {"workflows running", "messages of webhooks"} <= {each["name"] for each in queues}
        assert (await _order(api, operator, "toil:patient", "cancel")).status_code == 202

        async def cancelled() -> bool:
            return bool((await _state(api, operator, "toil:patient"))["state"] == "cancelled")

        await until(cancelled)

        async def ended() -> bool:
            return work.under_way == 0

        if workflow_engine == "dbos":  # Temporal's client keeps the cancelled run in memory, and never wakes it
            await until(ended)
        assert (await _order(api, operator, "toil:patient", "retry")).status_code == 202

        async def waits_again() -> bool:
            return bool((await _state(api, operator, "toil:patient"))["state"] == "running")

        await until(waits_again)
        await engine.send("toil", "patient", "word", True, once="word")

        async def done() -> bool:
            return bool((await _state(api, operator, "toil:patient"))["state"] == "done")

        await until(done)
        assert work.done == ["first", "last"]


async def test_only_operators_see_and_order(api: httpx.AsyncClient, operator: Headers) -> None:
    acme = await sign_up(api, "acme")
    for path in ("/api/workflows", "/api/queues"):
        assert (await api.get(path, headers=acme)).status_code == 403
    assert (await _order(api, acme, "toil:a", "cancel")).status_code == 403
    unknown = await _order(api, operator, "toil:none", "retry")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "workflow_unknown")
