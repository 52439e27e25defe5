"""Where the engine of workflows does not answer, operators are told so, and everything else is still shown."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from mercato.app.settings import Settings
from tests.admin.test_audit_api import sign_in
from tests.conftest import People
from tests.console.browser import browser_of
from tests.console.browser import sign_in as sign_in_browser
from tests.support.ports import free_port


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Temporal is set, and nobody is there."""
    url = f"temporal://127.0.0.1:{free_port()}/mercato"
    return Settings(state=tmp_path / "state", DATABASE_URL=database_url, workflows_url=url)


async def test_the_api_says_that_the_engine_is_away(api: httpx.AsyncClient, people: People) -> None:
    await people.operator()
    operator = await sign_in(api, "operator@example.org")
    for path in ("/api/workflows", "/api/queues"):
        answer = await api.get(path, headers=operator)
        assert (answer.status_code, answer.json()["code"]) == (503, "workflows_away")
        assert "mercato doctor" in answer.json()["fix"]
    order = await api.post("/api/workflows/publish:sub_1/retry", json={"reason": "a test"}, headers=operator)
    assert (order.status_code, order.json()["code"]) == (503, "workflows_away")
    assert (await api.get("/api/health", headers=operator)).status_code == 200


async def test_the_page_of_queues_shows_the_others(app: FastAPI, people: People) -> None:
    await people.operator()
    async with browser_of(app) as browser:
        await sign_in_browser(browser, "operator")
        page = await browser.get("/ops/queues")
        assert page.status_code == 503
        assert "does not answer" in page.text
        assert "messages of webhooks" in page.text
