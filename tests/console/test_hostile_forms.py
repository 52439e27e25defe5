"""Forms as a stranger sends them: from another site, again, with another organisation's ids, after the session ended;
and pages whose database goes away while they load."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import text

from mercato.console.routes import PageRoute
from mercato.platform import Database
from tests.browser.scenery import Scenery
from tests.console.browser import OWN, PASSWORD, browser_of, once_in, sign_in, sign_up
from tests.console.test_buying_pages import shop
from tests.support.governed import submit
from tests.support.market import Market
from tests.support.site import build_site, own_database
from tests.support.waiting import until

_FORGED: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "", "origin": "https://evil.example"}, {"sec-fetch-site": "", "origin": "null"},
)  # fmt: skip
_ENDS_THE_SESSION = ("/sign-out", "/organisations/", "/view-as/end", "/organisation/sessions/")
_TABLES = (
    "keys", "subscriptions", "budgets", "webhooks", "submissions", "releases", "services", "deployments", "runs",
    "canaries", "credentials", "approvals", "kill_switches", "invitations", "users", "saved_searches", "reviews",
    "rounds", "datasets", "legal_holds", "erasures", "person_exports", "announcements", "call_disputes",
    "adjustments",
)  # fmt: skip
"""What a form could change; those that there are not are left out."""


@dataclass(frozen=True)
class Place:
    """A marketplace with two vendors who have everything, and their ids."""

    app: FastAPI
    url: str
    scenery: Scenery


@pytest.fixture(scope="module")
def place_database(postgres: str, migrated_template: str) -> Iterator[str]:
    """Nothing in it may change."""
    with own_database(postgres, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
async def place(place_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Shared: forms here do nothing."""
    app = build_site(tmp_path_factory.mktemp("place"), place_database)
    async with app.router.lifespan_context(app):
        yield Place(app, place_database, await Scenery.furnish(place_database, "pages", operator=True))


def _forms(app: FastAPI) -> list[str]:
    """The addresses of every form of the console, as its router writes them."""
    found = {
        context.path
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, PageRoute) and "POST" in (context.original_route.methods or ())
    }
    return sorted(path for path in found if path)


def _address(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values.get(found[1], "x"), template)


async def _counts(url: str) -> dict[str, Any]:
    """A digest of each table's rows."""
    database = Database(url)
    try:
        async with database.transaction() as session:
            names = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            there = sorted(set(names) & set(_TABLES))
            return {
                name: await session.scalar(
                    text(f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {name} t")
                )
                for name in there
            }
    finally:
        await database.close()


async def test_no_form_of_another_site_does_anything(place: Place) -> None:
    async with browser_of(place.app) as vendor:
        await sign_in(vendor, "pages")
        before = await _counts(place.url)
        faults = []
        for template in _forms(place.app):
            address = _address(template, place.scenery.own)
            for headers in _FORGED:
                answer = await vendor.post(address, data={"name": "x", "reason": "forged"}, headers=OWN | headers)
                if (answer.status_code, "form_of_another_site" in answer.text) != (403, True):
                    faults.append(f"{template} with {headers}: {answer.status_code}")
        assert faults == []
        assert await _counts(place.url) == before
        assert (await vendor.get("/home")).status_code == 200, "the session goes on"


async def test_no_form_touches_what_belongs_to_others(place: Place) -> None:
    """Each form with ids in its address, sent with those of the other vendor."""
    async with browser_of(place.app) as vendor:
        await sign_in(vendor, "pages")
        before = await _counts(place.url)
        faults = []
        for template in _forms(place.app):
            if "{" not in template or template.startswith(_ENDS_THE_SESSION) or "/try" in template:
                continue
            # A vendor's own pages know a service by its name alone, and both vendors have the same names.
            own_names = {"name": "marker"} if template.startswith("/vendor/") else {}
            form = {"reason": "not mine", "typed": place.scenery.foreign.get("version", "x"), "name": "embedder"}
            answer = await vendor.post(_address(template, place.scenery.foreign | own_names), data=form)
            if answer.status_code not in (303, 403, 404, 409, 422):
                faults.append(f"{template}: {answer.status_code}")
            if answer.status_code == 303 and not answer.headers["location"].startswith(("/sign-in", "/prove")):
                faults.append(f"{template} was done: {answer.headers['location']}")
        assert await _counts(place.url) == before
        assert faults == []


async def test_a_form_is_replayed_for_nothing_and_never_with_other_words(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    form = {"once": once_in(await browser.get("/keys")), "kind": "ck", "name": "first"}
    first = await browser.post("/keys", data=form)
    assert first.status_code == 200
    changed = await browser.post("/keys", data=form | {"name": "second"})
    assert (changed.status_code, "This form was sent already" in changed.text) == (422, True)
    assert "second" not in (await browser.get("/keys")).text


async def test_a_replayed_form_gives_a_stranger_nothing(app: FastAPI, browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    form = {"once": once_in(await browser.get("/keys")), "kind": "ck", "name": "first"}
    secret = re.search(r"ck_[\w.-]{40,}", (await browser.post("/keys", data=form)).text)
    assert secret is not None
    async with browser_of(app) as rival:
        await sign_up(rival, "rival")
        answer = await rival.post("/keys", data=form)
        assert secret[0] not in answer.text


async def test_a_form_after_the_session_ended_elsewhere_does_nothing_and_leads_to_sign_in(
    app: FastAPI, browser: httpx.AsyncClient
) -> None:
    await sign_up(browser)
    form = {"once": once_in(await browser.get("/keys")), "kind": "ck", "name": "late"}
    async with browser_of(app) as elsewhere:
        await sign_in(elsewhere, "acme")
        assert (await elsewhere.post("/organisation/sessions/end-others", data={})).status_code == 303
        for path in ("/keys", "/usage", "/organisation"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")
        late = await browser.post("/keys", data=form)
        assert (late.status_code, late.headers["location"].split("?")[0]) == (303, "/sign-in")
        assert "late" not in (await elsewhere.get("/keys")).text


async def test_nothing_private_is_kept_for_the_back_button(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    for path in ("/home", "/keys", "/usage", "/privacy", "/search", "/trust", "/status", "/saved-searches", "/nothing"):
        assert (await browser.get(path)).headers["cache-control"] == "no-store", path


async def test_two_clicks_on_approve_at_once_are_one_vote(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await market.operator()
    await sign_in(browser, "operator")
    submission_id = await submit(market, await market.people.join("zeta"), people=2)
    path = f"/ops/approvals/{submission_id}"
    page = await browser.get(path)
    form = {"decision": "approve", "reason": "It is fine.", "once": once_in(page)}
    clicks = await asyncio.gather(*(browser.post(path, data=form) for _ in range(4)))
    # A browser shows the answer to the last click alone, so that each gets the first one's.
    assert {click.status_code for click in clicks} == {303}
    bare = {name: value for name, value in form.items() if name != "once"}
    again = await browser.post(path, data=bare)
    assert again.status_code in (303, 409), "the same vote again changes nothing"
    async with market.database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM approval_votes")) == 1


async def test_the_database_goes_away_while_a_page_loads(
    app: FastAPI, browser: httpx.AsyncClient, market: Market, database_url: str
) -> None:
    """The page waits for a lock as its connection is ended."""
    await shop(market)
    await sign_in(browser, "buyer")
    holder = Database(database_url)
    waits = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    try:
        async with holder.transaction() as session:
            await session.execute(text("LOCK TABLE subscriptions IN ACCESS EXCLUSIVE MODE"))
            loading = asyncio.create_task(browser.get("/subscriptions"))

            async def is_waiting() -> list[int]:
                return list(await session.scalars(waits))

            for pid in await until(is_waiting, what="the page waits for the lock"):
                await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            page = await loading
    finally:
        await holder.close()
    assert page.status_code == 503, page.text
    assert "Reload the page" in page.text
    assert page.headers["retry-after"]
    assert "subscriptions" not in re.sub(r'(href|value)="[^"]*"', "", page.text).lower().partition("<main")[2]
    assert (await browser.get("/subscriptions")).status_code == 200


async def test_a_password_of_a_stranger_opens_nothing(browser: httpx.AsyncClient) -> None:
    """Fields that no form has are ignored, not obeyed."""
    form = {"name": "A", "organisation": "aaa", "email": "a@a.example", "password": PASSWORD}
    await browser.post("/sign-up", data=form | {"role": "super_admin", "is_operator": "true"})
    assert "aaa · admin" in (await browser.get("/home")).text
    assert (await browser.get("/ops")).status_code == 403


async def test_two_clicks_on_make_the_key_show_the_same_key(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    form = {"once": once_in(await browser.get("/keys")), "kind": "ck", "name": "first"}
    clicks = await asyncio.gather(*(browser.post("/keys", data=form) for _ in range(3)))
    shown = [re.search(r"ck_[\w.-]{40,}", click.text) for click in clicks]
    assert len({found[0] for found in shown if found}) == 1
    assert all(shown), [click.status_code for click in clicks]
