"""The pages of passkeys: plain forms around an authenticator's answer."""

import html
import json
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.edge.wiring import running_of
from tests.console.browser import browser_of, sign_up
from tests.fakes.authenticator import Authenticator


@pytest.fixture
def authenticator(app: FastAPI) -> Authenticator:
    return Authenticator(running_of(app).wiring.client_url)


def options_in(page: httpx.Response) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found is not None, page.text
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


async def test_a_passkey_is_added_signs_in_proves_and_is_removed(app: FastAPI, authenticator: Authenticator) -> None:
    browser = browser_of(app)
    await sign_up(browser)
    begun = await browser.post("/passkeys/new", data={"name": "Phone <b>"})
    answer = json.dumps(authenticator.create(options_in(begun)))
    added = await browser.post("/passkeys", data={"name": "Phone <b>", "credential": answer})
    assert added.status_code == 303, added.text
    listed = await browser.get("/passkeys")
    assert "Phone &lt;b&gt;" in listed.text
    proving = await browser.get("/prove/passkey")
    proved = await browser.post(
        "/prove/passkey", data={"credential": json.dumps(authenticator.get(options_in(proving)))}
    )
    assert proved.status_code == 303, proved.text
    other = browser_of(app)
    signing = await other.get("/sign-in/passkey", params={"next": "/keys"})
    credential = json.dumps(authenticator.get(options_in(signing)))
    signed_in = await other.post("/sign-in/passkey", data={"credential": credential, "next": "/keys"})
    assert (signed_in.status_code, signed_in.headers["location"].endswith("/keys")) == (303, True)
    again = await browser_of(app).post("/sign-in/passkey", data={"credential": credential})
    assert again.status_code in (401, 403)
    removal = re.search(r'action="(/passkeys/pky_[0-9a-f]+/remove)"', listed.text)
    assert removal is not None
    assert (await other.post(removal[1])).status_code == 303
    assert "No passkeys yet" in (await browser.get("/passkeys")).text


@pytest.mark.parametrize("credential", ["", "{", "[]", "{}", '{"id": 1}'])
async def test_an_answer_that_is_none_is_refused(app: FastAPI, credential: str) -> None:
    answer = await browser_of(app).post("/sign-in/passkey", data={"credential": credential})
    assert 400 <= answer.status_code < 500
    assert "This passkey does not work" in answer.text
