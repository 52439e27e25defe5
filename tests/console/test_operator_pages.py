"""Pages of operators and the desk: who may read them, what their forms do, and that they do it once."""

import asyncio
import html
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from mercato.edge.wiring import Wiring, running_of
from mercato.platform import Database, Ids
from mercato.publishing import Approval, Submission
from tests.conftest import People, TestClock
from tests.console.browser import browser_of, once_in, sign_in, sign_up

OPERATOR_PAGES = (
    "/ops",
    "/ops/approvals",
    "/ops/approvals?state=decided",
    "/ops/health",
    "/ops/gateways",
    "/ops/queues",
    "/ops/queues?state=failed",
    "/ops/analytics",
    "/ops/organisations",
    "/ops/organisations?standing=verified&named=oper",
    "/ops/organisations/operator",
    "/ops/users",
    "/ops/roles",
    "/ops/calls",
    "/ops/calls?consumer=operator&failed=true",
    "/ops/disputes",
    "/ops/billing",
    "/ops/ledger",
    "/ops/reconciliation",
    "/ops/audit",
    "/ops/audit?verb=session.began&outcome=allowed",
    "/ops/audit/verification",
    "/ops/audit/export",
    "/ops/settings",
    "/ops/announcements",
    "/ops/rounds",
    "/ops/privacy",
    "/ops/retention",
    "/ops/retention?count=true",
    "/ops/sso",
    "/desk",
    "/desk/rounds",
    "/desk/switches",
    "/desk/optimizer",
    "/desk/record",
    "/desk/log",
)

MANIFEST = (Path(__file__).parents[2] / "examples/embedder/service.yaml").read_text()


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as client:
        yield client


@pytest.fixture
async def operator(browser: httpx.AsyncClient, people: People) -> httpx.AsyncClient:
    await people.operator()
    answer = await sign_in(browser, "operator")
    assert answer.status_code == 303, answer.text
    return browser


async def test_an_operator_reads_every_page(operator: httpx.AsyncClient) -> None:
    for path in OPERATOR_PAGES:
        page = await operator.get(path)
        assert page.status_code == 200, f"{path}: {page.text[:2000]}"
        if "/export" not in path:
            assert "API: <code>" in page.text, path
            assert "Command: <code>" in page.text, path
            assert 'aria-current="page"' in page.text, path


async def test_others_are_refused_and_see_nothing_of_it(app: FastAPI, operator: httpx.AsyncClient) -> None:
    async with browser_of(app) as acme, browser_of(app) as nobody:
        await sign_up(acme)
        for path in OPERATOR_PAGES:
            refused = await acme.get(path)
            assert refused.status_code == 403, path
            assert "operator@example.org" not in refused.text, path
            assert (await nobody.get(path)).headers["location"].startswith("/sign-in"), path
        home = await acme.get("/")
        assert "/ops" not in home.text


async def test_forms_of_another_site_do_nothing(app: FastAPI, operator: httpx.AsyncClient) -> None:
    async with browser_of(app) as acme:
        await sign_up(acme)
    forged = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    for path, form in (
        ("/ops/organisations/acme/suspend", {"reason": "because"}),
        ("/desk/switches", {"scope": "all", "reason": "because"}),
        ("/ops/announcements", {"kind": "maintenance", "text": "gone"}),
    ):
        answer = await operator.post(path, data=form, headers=forged)
        assert answer.status_code == 403, path
    assert "Everything runs" in (await operator.get("/desk/switches")).text
    assert "Suspended" not in (await operator.get("/ops/organisations/acme")).text


async def test_an_organisation_is_suspended_with_a_reason_and_comes_back(
    app: FastAPI, operator: httpx.AsyncClient
) -> None:
    async with browser_of(app) as acme:
        await sign_up(acme)
    path = "/ops/organisations/acme"
    empty = await operator.post(f"{path}/suspend", data={"reason": " "})
    assert empty.status_code == 422
    assert "reason" in empty.text
    done = await operator.post(f"{path}/suspend", data={"reason": "unpaid <b>bills</b>"})
    assert done.headers["location"] == path
    page = (await operator.get(path)).text
    assert "unpaid &lt;b&gt;bills&lt;/b&gt;" in page
    assert (await operator.post(f"{path}/reinstate", data={"reason": "paid"})).status_code == 303
    assert "Suspend acme" in (await operator.get(path)).text


async def test_a_switch_is_thrown_once_and_lifted_by_who_proves_again(
    operator: httpx.AsyncClient, clock: TestClock
) -> None:
    page = await operator.get("/desk/switches")
    form = {"scope": "all", "target": "", "reason": "a drill", "once": once_in(page)}
    clicks = await asyncio.gather(*(operator.post("/desk/switches", data=form) for _ in range(2)))
    assert {click.status_code for click in clicks} <= {303, 409}
    shown = (await operator.get("/desk/switches")).text
    assert shown.count("a drill") == 1
    switch = shown.partition("/desk/switches/")[2].partition("/lift")[0]
    clock.advance(timedelta(minutes=11))
    lift = await operator.post(f"/desk/switches/{switch}/lift", data={"reason": "over"})
    assert lift.headers["location"].startswith("/prove?next=")
    assert "Everything runs" not in (await operator.get("/desk/switches")).text
    await sign_in(operator, "operator")
    assert (await operator.post(f"/desk/switches/{switch}/lift", data={"reason": "over"})).status_code == 303
    assert "Everything runs" in (await operator.get("/desk/switches")).text
    record = (await operator.get("/desk/record")).text
    assert "kill.lifted" in record


async def test_maintenance_is_announced_and_ended(operator: httpx.AsyncClient, app: FastAPI) -> None:
    wiring: Wiring = running_of(app).wiring
    form = {"kind": "maintenance", "text": "The disk grows.", "ends_at": "2026-11-02T12:30"}
    assert (await operator.post("/ops/announcements", data=form)).status_code == 303
    await wiring.notices.load()
    page = (await operator.get("/ops/announcements")).text
    assert "The disk grows." in page
    assert "in force" in page
    async with browser_of(app) as visitor:
        name = {"name": "Acme", "organisation": "acme", "email": "a@b.org", "password": "correct horse battery"}
        refused = await visitor.post("/sign-up", data=name)
        assert refused.status_code == 503
        assert "The disk grows." in refused.text
    announcement = page.partition("/ops/announcements/")[2].partition("/end")[0]
    assert (await operator.post(f"/ops/announcements/{announcement}/end", data={})).status_code == 303
    assert "over" in (await operator.get("/ops/announcements")).text


@pytest.fixture
async def waiting(database: Database, people: People, clock: TestClock, ids: Ids) -> str:
    """A submission of Zeta's that waits for one person."""
    zeta = await people.join("zeta")
    submission_id = ids.new("sbm")
    async with database.transaction() as session:
        session.add(
            Submission(
                id=submission_id, vendor_id=zeta.organisation_id, service_name="<script>", version="1.2.0",
                manifest=MANIFEST, document=None, digest="0" * 64, state="waiting", created_by=zeta.actor,
                created_at=clock.now(), ended_at=None,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Approval(
                submission_id=submission_id, state="pending", required_people=1, rule="new-vendor",
                reason="The vendor is new.", digest="0" * 64, created_at=clock.now(), decided_at=None,
            )
        )  # fmt: skip
    return submission_id


async def test_two_clicks_on_approve_are_one_vote(operator: httpx.AsyncClient, waiting: str, clock: TestClock) -> None:
    clock.advance(timedelta(minutes=5))
    queue = (await operator.get("/ops/approvals")).text
    assert "zeta/&lt;script&gt; 1.2.0" in queue
    assert "5 min" in queue
    page = await operator.get(f"/ops/approvals/{waiting}")
    assert "The vendor is new." in page.text
    assert "$0.00002" in page.text, "what it would cost"
    assert "<script>" not in page.text.replace('<script src="', "")
    form = {"decision": "approve", "reason": "we met them", "once": once_in(page)}
    path = f"/ops/approvals/{waiting}"
    clicks = await asyncio.gather(*(operator.post(path, data=form) for _ in range(2)))
    assert {click.status_code for click in clicks} <= {303, 409}
    shown = (await operator.get(path)).text
    assert shown.count("approved: we met them") == 1
    assert "approved" in shown
    assert waiting in (await operator.get("/ops/approvals?state=decided")).text


async def test_a_decision_needs_a_reason_a_proof_and_the_right(
    app: FastAPI, operator: httpx.AsyncClient, waiting: str, clock: TestClock
) -> None:
    path = f"/ops/approvals/{waiting}"
    nameless = await operator.post(path, data={"decision": "reject", "reason": ""})
    assert nameless.status_code == 422
    async with browser_of(app) as zeta:
        await sign_in(zeta, "zeta")
        assert (await zeta.get(path)).status_code == 403
        assert (await zeta.post(path, data={"decision": "approve", "reason": "mine"})).status_code == 403
    clock.advance(timedelta(minutes=11))
    late = await operator.post(path, data={"decision": "reject", "reason": "spam"})
    assert late.headers["location"].startswith("/prove?next=")
    assert "pending" in (await operator.get(path)).text


async def test_the_optimizer_answers_and_refuses_on_the_page(operator: httpx.AsyncClient) -> None:
    page = await operator.get("/desk/optimizer")
    asked = page.text.partition('spellcheck="false">')[2].partition("</textarea>")[0]
    done = await operator.post("/desk/optimizer", data={"asked": html.unescape(asked)})
    assert done.status_code == 200, done.text
    assert "AAPL" in done.text
    wrong = await operator.post("/desk/optimizer", data={"asked": "{not json"})
    assert wrong.status_code == 422
    assert "{not json" in wrong.text


async def test_an_unknown_thing_is_not_found(operator: httpx.AsyncClient) -> None:
    for path in (
        "/ops/approvals/sbm_none",
        "/ops/organisations/nobody",
        "/ops/audit/entries/aud_none",
        "/desk/rounds/rnd_none",
        "/ops/calls?consumer=nobody",
    ):
        assert (await operator.get(path)).status_code == 404, path


async def test_a_database_that_goes_away_leaves_a_page_that_says_so(
    operator: httpx.AsyncClient, postgres: str, database_url: str
) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("UPDATE pg_database SET datallowconn = false WHERE datname = %s", [name])
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        page = await operator.get("/ops")
        connection.execute("UPDATE pg_database SET datallowconn = true WHERE datname = %s", [name])
    assert page.status_code == 503, page.text
    assert "temporarily_unavailable" in page.text
    assert "<html" in page.text
