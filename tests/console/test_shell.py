"""The frame of every page: who is signed in, what forms may do, how refusals look, what files are served."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.console.assets import assets
from mercato.console.formatting import compact, millis, share, usd, usd_rounded
from mercato.console.visit import own_path
from mercato.platform import Database
from tests.conftest import People, TestClock
from tests.console.browser import HTML, PASSWORD, browser_of, sign_in, sign_up
from tests.identity.test_second_factors import enrol


class TestSessions:
    """Whoever signs in gets a cookie that nothing but the console takes."""

    async def test_a_person_signs_up_and_is_signed_in(self, browser: httpx.AsyncClient) -> None:
        answer = await sign_up(browser)
        assert answer.headers["location"] == "/home"
        cookie = answer.headers["set-cookie"]
        assert "mercato_session=" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = await browser.get("/")
        assert "acme@example.org" in page.text
        assert page.headers["cache-control"] == "no-store"

    async def test_the_cookie_is_no_credential_of_the_api(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        token = browser.cookies["mercato_session"]
        assert (await browser.get("/api/me", headers={"authorization": f"Bearer {token}"})).status_code == 401
        assert (await browser.get("/api/me")).status_code == 401
        renewed = await browser.post("/api/sessions/refresh", json={"refresh_token": token})
        assert renewed.status_code == 401

    async def test_a_refresh_token_is_no_cookie(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        body = {"email": "acme@example.org", "password": PASSWORD}
        tokens = (await browser.post("/api/sessions", json=body)).json()
        browser.cookies.clear()
        page = await browser.get("/", headers={"cookie": f"mercato_session={tokens['refresh_token']}"})
        assert "acme@example.org" not in page.text

    async def test_signing_out_ends_the_session_on_the_server(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        token = browser.cookies["mercato_session"]
        answer = await browser.post("/sign-out")
        assert answer.headers["location"] == "/sign-in"
        assert "mercato_session" not in browser.cookies
        page = await browser.get("/", headers={"cookie": f"mercato_session={token}"})
        assert "acme@example.org" not in page.text

    async def test_an_idle_session_and_an_old_one_have_ended(
        self, browser: httpx.AsyncClient, clock: TestClock
    ) -> None:
        await sign_up(browser)
        for _ in range(59):
            clock.advance(timedelta(hours=11))
            assert "acme@example.org" in (await browser.get("/")).text
        clock.advance(timedelta(hours=6))
        await sign_in(browser, "acme")
        clock.advance(timedelta(hours=11))
        assert "acme@example.org" in (await browser.get("/")).text
        clock.advance(timedelta(hours=12))
        assert "acme@example.org" not in (await browser.get("/")).text

    async def test_a_used_session_ends_after_thirty_days(self, browser: httpx.AsyncClient, clock: TestClock) -> None:
        await sign_up(browser)
        for _ in range(65):
            clock.advance(timedelta(hours=11))
            await browser.get("/")
        clock.advance(timedelta(hours=6))
        assert "acme@example.org" not in (await browser.get("/")).text

    async def test_a_second_factor_is_asked_for(self, browser: httpx.AsyncClient, clock: TestClock) -> None:
        ada = {"email": "ada@acme.example", "password": PASSWORD}
        await browser.post("/sign-up", data={"name": "Acme", "organisation": "acme", **ada})
        tokens = (await browser.post("/api/sessions", json=ada)).json()
        app, _, _ = await enrol(browser, tokens, clock)
        browser.cookies.clear()
        asked = await browser.post("/sign-in", data=ada)
        assert asked.status_code == 401
        assert 'name="code"' in asked.text
        assert PASSWORD not in asked.text
        assert (await browser.post("/sign-in", data=ada | {"code": "000000"})).status_code == 401
        assert (await browser.post("/sign-in", data=ada | {"code": app.next_code()})).status_code == 303

    async def test_a_wrong_password_says_so_on_the_form(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        browser.cookies.clear()
        form = {"email": "acme@example.org", "password": "nonsense", "next": "/keys"}
        answer = await browser.post("/sign-in", data=form)
        assert answer.status_code == 401
        assert "wrong_password" in answer.text
        assert 'value="acme@example.org"' in answer.text
        assert 'value="/keys"' in answer.text

    async def test_the_password_must_be_right_to_prove_again(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        assert (await browser.post("/prove", data={"password": "nonsense"})).status_code == 401
        done = await browser.post("/prove", data={"password": PASSWORD, "next": "/keys"})
        assert (done.status_code, done.headers["location"]) == (303, "/keys")

    async def test_a_suspended_organisation_sees_public_pages_only(
        self, browser: httpx.AsyncClient, database: Database
    ) -> None:
        await sign_up(browser)
        async with database.transaction() as session:
            await session.execute(text("UPDATE organisations SET suspended_at = now()"))
        page = await browser.get("/")
        assert (page.status_code, "acme@example.org" in page.text) == (200, False)
        assert "suspended" in (await sign_in(browser, "acme")).text


class TestForms:
    """Forms of other sites are refused."""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"sec-fetch-site": "same-origin"}, 303),
            ({"sec-fetch-site": "none"}, 303),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"sec-fetch-site": "same-site"}, 403),
            ({"origin": "http://127.0.0.1:8000"}, 303),
            ({"origin": "http://mercato.test"}, 403),
            ({"origin": "null"}, 403),
            ({}, 403),
        ],
    )
    async def test_where_a_form_comes_from_is_checked(self, app: FastAPI, headers: dict[str, str], status: int) -> None:
        async with browser_of(app) as browser:
            await sign_up(browser)
            del browser.headers["sec-fetch-site"]
            answer = await browser.post("/sign-out", headers=headers)
        assert answer.status_code == status
        assert (status == 303) or "form_of_another_site" in answer.text

    async def test_somebody_is_sent_nowhere_else(self, browser: httpx.AsyncClient) -> None:
        for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"):
            assert own_path(elsewhere) == "/home"
        assert own_path("/keys?after=1") == "/keys?after=1"
        form = {"name": "A", "organisation": "aaa", "email": "a@a.example", "password": PASSWORD}
        answer = await browser.post("/sign-up", data=form | {"next": "//evil.example"})
        assert answer.headers["location"] == "/home"

    async def test_what_was_typed_is_escaped(self, browser: httpx.AsyncClient) -> None:
        hostile = '"><img src=x onerror=alert(1)>\u202e'
        form = {"name": hostile, "organisation": "UPPER case", "email": "none", "password": "short"}
        answer = await browser.post("/sign-up", data=form)
        assert answer.status_code == 422
        assert "<img src=x" not in answer.text
        assert "organisation:" in answer.text

    async def test_two_sign_ups_at_once_make_one_organisation(self, app: FastAPI) -> None:
        form = {"name": "Acme", "organisation": "acme", "email": "a@acme.example", "password": PASSWORD}
        async with browser_of(app) as one, browser_of(app) as two:
            answers = await asyncio.gather(one.post("/sign-up", data=form), two.post("/sign-up", data=form))
        assert sorted(answer.status_code for answer in answers) == [303, 409]


class TestRefusals:
    """A refusal is a page for a browser and a problem for a program."""

    async def test_an_unknown_address_is_a_page_for_browsers_only(self, browser: httpx.AsyncClient) -> None:
        page = await browser.get("/nothing-here")
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["x-request-id"] in page.text
        problem = await browser.get("/nothing-here", headers={"accept": "*/*"})
        assert problem.headers["content-type"] == "application/problem+json"
        api = await browser.get("/api/nothing-here")
        assert api.headers["content-type"] == "application/problem+json"

    async def test_a_bad_parameter_is_a_page(self, browser: httpx.AsyncClient) -> None:
        page = await browser.get("/status", params={"after": "x" * 65})
        assert (page.status_code, "malformed_request" in page.text) == (422, True)

    async def test_a_lost_database_is_a_page(self, settings: Settings, clock: TestClock) -> None:
        away = "postgresql://nobody@127.0.0.1:1/nothing"
        app = create_app(build_wiring(settings, away, clock), list(ROLES))
        async with browser_of(app) as browser:
            page = await browser.get("/", headers={"cookie": "mercato_session=a.b"})
        assert page.status_code == 503
        assert "Reload the page" in page.text
        assert page.headers["retry-after"]

    async def test_whoever_must_sign_in_comes_back(self, browser: httpx.AsyncClient) -> None:
        answer = await browser.get("/prove?next=%2Fkeys")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?next=%2Fprove%3Fnext%3D%252Fkeys"


class TestFrame:
    """Headers, files, addresses."""

    @pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-up", "/status", "/device", "/nothing-here"])
    async def test_every_page_has_the_policy(self, browser: httpx.AsyncClient, path: str) -> None:
        headers = (await browser.get(path)).headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"

    async def test_a_file_is_kept_for_good(self, browser: httpx.AsyncClient) -> None:
        name = assets().names["console.css"]
        answer = await browser.get(f"/assets/{name}", headers={"accept-encoding": "gzip"})
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        assert "color-scheme" in answer.text
        assert (await browser.get("/assets/console.css")).status_code == 404

    async def test_styles_and_scripts_are_small(self) -> None:
        styles = assets().by_name[assets().names["console.css"]]
        # Those of charts are in the same file.
        assert len(styles.content) <= 24_000
        assert styles.compressed is not None
        assert len(styles.compressed) <= 10_000
        script = assets().by_name[assets().names["console.js"]]
        assert script.content.count(b"\n") <= 200, "lines"

    async def test_below_a_path_every_address_has_it(self, app: FastAPI) -> None:
        transport = httpx.ASGITransport(app, root_path="/market")
        async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test/market") as client:
            page = await client.get("/sign-in", headers=HTML)
        assert page.status_code == 200
        assert 'href="/market/assets/' in page.text
        assert 'href="/"' not in page.text

    async def test_a_public_page_may_be_kept_by_others(self, browser: httpx.AsyncClient) -> None:
        assert (await browser.get("/")).headers["cache-control"] == "public, max-age=30"

    async def test_the_navigation_shows_what_a_person_may_see(self, browser: httpx.AsyncClient, people: People) -> None:
        await people.operator()
        await sign_up(browser)
        assert "/ops" not in (await browser.get("/")).text

    async def test_behind_https_the_cookie_belongs_to_the_host(
        self, settings: Settings, database_url: str, clock: TestClock
    ) -> None:
        behind = settings.model_copy(update={"public_url": "https://market.example"})
        app = create_app(build_wiring(behind, database_url, clock), list(ROLES))
        async with browser_of(app) as browser:
            cookie = (await sign_up(browser)).headers["set-cookie"]
        assert cookie.startswith("__Host-mercato=")
        assert "Secure" in cookie
        assert "Path=/;" in cookie + ";"

    async def test_a_zone_is_chosen_and_an_unknown_one_is_utc(self, browser: httpx.AsyncClient) -> None:
        await browser.post("/zone", data={"zone": "Asia/Kolkata", "next": "/status"})
        assert "Times in Asia/Kolkata" in (await browser.get("/status")).text
        await browser.post("/zone", data={"zone": "Nowhere/At_All"})
        assert "Times in UTC" in (await browser.get("/status")).text


def test_amounts_are_exact() -> None:
    assert usd(1_234_567_890_123) == "$1,234.567890123"
    assert usd(-5_000_000_000) == "−$5.00"
    assert usd(1) == "$0.000000001"
    assert usd_rounded(1) == "<$0.01"
    assert usd_rounded(14_999_999) == "$0.01"
    assert compact(1_250_000) == "1.2M"
    assert share(9_950) == "99.50 %"
    assert millis(12_345_678) == "12.3 s"
