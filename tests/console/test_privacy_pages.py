"""Operators' pages of privacy: erasing, holding and copying what is known of a person, and how long rows are kept."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from mercato.identity import SsoProvider
from mercato.platform import Database
from tests.conftest import People, TestClock
from tests.console.browser import HTML, browser_of, once_in, sign_in
from tests.console.test_buying_pages import HOSTILE


@pytest.fixture
async def operator(app: FastAPI, people: People) -> AsyncIterator[httpx.AsyncClient]:
    """The operator's administrator, who has just signed in."""
    await people.operator()
    async with browser_of(app) as browser:
        assert (await sign_in(browser, "operator")).status_code == 303
        yield browser


async def test_a_person_is_held_and_then_erased(operator: httpx.AsyncClient, people: People) -> None:
    person = (await people.join("zeta")).actor
    page = await operator.get("/ops/privacy")
    assert "Nobody was erased" in page.text
    hold = {"person": person, "reason": f"A court asks. {HOSTILE[:200]}", "once": once_in(page)}
    assert (await operator.post("/ops/privacy/holds", data=hold)).status_code == 303
    page = await operator.get("/ops/privacy")
    assert "A court asks." in page.text
    assert "<img src=x" not in page.text
    form = {"person": person, "typed": person}
    held = await operator.post("/ops/privacy/erasures", data=form)
    assert held.status_code == 409, held.text
    lift = re.search(r'action="(/ops/privacy/holds/\w+/lift)"', page.text)
    assert lift is not None
    assert (await operator.post(lift[1], data={})).status_code == 303
    mistyped = await operator.post("/ops/privacy/erasures", data=form | {"typed": "somebody"})
    assert (mistyped.status_code, "cannot be undone" in mistyped.text) == (422, True)
    once = {"once": once_in(page)}
    for _ in range(2):
        assert (await operator.post("/ops/privacy/erasures", data=form | once)).status_code == 303
    page = await operator.get("/ops/privacy")
    assert page.text.count(f"<code>{person}</code>") == 1


async def test_a_copy_is_asked_for(operator: httpx.AsyncClient, people: People) -> None:
    person = (await people.join("zeta")).actor
    made = await operator.post("/ops/privacy/copies", data={"person": person})
    assert made.headers["location"] == f"/ops/privacy?person={person}"
    assert f"Copies of {person}" in (await operator.get(made.headers["location"])).text
    assert (await operator.post("/ops/privacy/copies", data={"person": "usr_nobody"})).status_code == 404


async def test_an_old_proof_is_asked_for_anew(operator: httpx.AsyncClient, people: People, clock: TestClock) -> None:
    person = (await people.join("zeta")).actor
    clock.at = clock.at.replace(hour=clock.at.hour + 1)
    for path in ("erasures", "copies"):
        asked = await operator.post(f"/ops/privacy/{path}", data={"person": person, "typed": person})
        assert (asked.status_code, asked.headers["location"].split("?")[0]) == (303, "/prove")


async def test_retention_is_shown_and_counted_only_when_asked(operator: httpx.AsyncClient) -> None:
    page = await operator.get("/ops/retention")
    assert "usage_events" in page.text
    assert "Due now" not in page.text
    assert "Due now" in (await operator.get("/ops/retention", params={"count": "true"})).text


async def test_providers_of_all_organisations_are_listed(
    operator: httpx.AsyncClient, people: People, database: Database, clock: TestClock
) -> None:
    zeta = await people.join("zeta")
    assert "No organisation has an identity provider" in (await operator.get("/ops/sso")).text
    async with database.transaction() as session:
        session.add(SsoProvider(
            organisation_id=zeta.organisation_id, issuer=f"https://id.example.org/{HOSTILE[:100]}", client_id="c",
            sealed_secret=b"", groups_claim="groups", role_of_group={"staff": "viewer"}, default_role=None,
            domains=["zeta.example"], has_passwords=True, created_at=clock.now(), changed_at=clock.now(),
            worked_at=None,
        ))  # fmt: skip
    page = await operator.get("/ops/sso")
    for words in ("id.example.org", "from its groups", "zeta.example", "never"):
        assert words in page.text
    assert "<img src=x" not in page.text


@pytest.mark.parametrize("path", ["/ops/privacy", "/ops/retention", "/ops/sso"])
async def test_others_may_not_look(app: FastAPI, people: People, path: str) -> None:
    await people.join("zeta")
    async with browser_of(app) as browser:
        assert (await browser.get(path, headers=HTML)).status_code == 303
        await sign_in(browser, "zeta")
        assert (await browser.get(path)).status_code == 403
