"""The pages behind the links in letters, as a browser without scripts uses them."""

import re

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.edge.wiring import Wiring, running_of
from mercato.identity import LinkTokens
from tests.identity.test_sign_in import ACME, bearer, sign_in

NEW = "another good password"
PAGES = ("/join/{token}", "/new-password/{token}", "/forgot-password")


@pytest.fixture
async def tokens(api: httpx.AsyncClient) -> dict[str, str]:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await sign_in(api)


async def invite(api: httpx.AsyncClient, tokens: dict[str, str]) -> str:
    """The path of a new invitation's page."""
    body = {"email": "bob@acme.example", "role": "viewer"}
    invited = await api.post("/api/invitations", json=body, headers=bearer(tokens))
    return f"/join/{invited.json()['link'].rpartition('/')[2]}"


async def test_who_follows_an_invitation_joins(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    path = await invite(api, tokens)
    page = await api.get(path)
    assert page.status_code == 200
    assert "<strong>Acme</strong> (acme) invites <strong>bob@acme.example</strong>" in page.text
    joined = await api.post(path, data={"name": "Bob", "password": NEW})
    assert joined.status_code == 200
    assert "mp login --url" in joined.text
    signed_in = await api.post("/api/sessions", json={"email": "bob@acme.example", "password": NEW})
    assert signed_in.status_code == 201
    again = await api.post(path, data={"name": "Bob", "password": NEW})
    assert (again.status_code, "accepted already" in again.text) == (404, True)


async def test_what_was_typed_wrong_is_said_on_the_form_and_the_name_is_kept(
    api: httpx.AsyncClient, tokens: dict[str, str]
) -> None:
    path = await invite(api, tokens)
    short = await api.post(path, data={"name": '"><script>', "password": "short"})
    assert short.status_code == 422
    assert "characters" in short.text
    assert 'value="&#34;&gt;&lt;script&gt;"' in short.text
    nameless = await api.post(path, data={"password": NEW})
    assert "Your name is missing." in nameless.text
    assert (await api.post(path, data={"name": "Bob", "password": NEW})).status_code == 200


async def test_a_link_for_a_new_password_is_used_once(
    api: httpx.AsyncClient, tokens: dict[str, str], app: FastAPI
) -> None:
    await api.post("/api/password-resets", json={"email": "ada@acme.example"})
    wiring = running_of(app).wiring
    path = f"/new-password/{await newest_reset(wiring, wiring.reset_links)}"
    assert (await api.get(path)).status_code == 200
    short = await api.post(path, data={"password": "short"})
    assert (short.status_code, "characters" in short.text) == (422, True)
    assert (await api.post(path, data={"password": NEW})).status_code == 200
    assert (await api.post(path, data={"password": NEW})).status_code == 404
    assert (await api.post("/api/sessions", json={"email": "ada@acme.example", "password": NEW})).status_code == 201


async def newest_reset(wiring: Wiring, links: LinkTokens) -> str:
    """The token that the letter holds."""
    async with wiring.database.transaction() as session:
        return links.of((await session.execute(text("SELECT max(id) FROM password_resets"))).scalar_one())


async def test_who_forgot_a_password_asks_for_a_link_and_learns_of_nobody(
    api: httpx.AsyncClient, tokens: dict[str, str], app: FastAPI
) -> None:
    assert 'href="/forgot-password"' in (await api.get("/sign-in")).text
    assert (await api.get("/forgot-password")).status_code == 200
    wrong = await api.post("/forgot-password", data={"email": "nobody"})
    assert (wrong.status_code, 'value="nobody"' in wrong.text) == (422, True)
    known = await api.post("/forgot-password", data={"email": "Ada@acme.example"})
    unknown = await api.post("/forgot-password", data={"email": "ada@nobody.example"})
    assert known.status_code == unknown.status_code == 200
    seen = [re.sub(r"req_[0-9a-f]+|[Aa]da@\w+\.example", "", answer.text) for answer in (known, unknown)]
    assert seen[0] == seen[1]
    wiring = running_of(app).wiring
    path = f"/new-password/{await newest_reset(wiring, wiring.reset_links)}"
    assert (await api.post(path, data={"password": NEW})).status_code == 200


@pytest.mark.parametrize("page", PAGES)
async def test_a_form_of_another_site_is_refused(api: httpx.AsyncClient, page: str) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    answer = await api.post(page.format(token="x.y"), data={"name": "E", "password": NEW}, headers=headers)
    assert (answer.status_code, "form_of_another_site" in answer.text) == (403, True)


@pytest.mark.parametrize("token", ["x", "ivt_0.%22%3E%3Cscript%3E", "%00", "a" * 5000])
async def test_a_forged_link_is_a_page_that_says_so(api: httpx.AsyncClient, token: str) -> None:
    for answer in (
        await api.get(f"/join/{token}"),
        await api.post(f"/join/{token}", data={"name": "E", "password": NEW}),
        await api.post(f"/new-password/{token}", data={"password": NEW}),
    ):
        assert answer.status_code == 404
        assert "This link does not work" in answer.text
        assert "<script>" not in answer.text


@pytest.mark.parametrize("page", PAGES)
async def test_the_pages_load_nothing_of_others(api: httpx.AsyncClient, page: str) -> None:
    answer = await api.get(page.format(token="x.y"))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert all(target.startswith(("/", "#")) for target in re.findall(r'(?:src|href|action)="([^"]*)"', answer.text))
