"""Service accounts in the console: made, narrowed and disabled by forms."""

import re

import httpx
from fastapi import FastAPI

from tests.console.browser import browser_of, once_in, sign_up

PATH = "/organisation/service-accounts"


async def test_an_administrator_makes_narrows_and_disables_one(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    page = await browser.get(PATH)
    assert "No service accounts yet" in page.text
    assert PATH in (await browser.get("/organisation")).text
    hostile = "<script>alert(1)</script>"
    form = {"name": hostile, "purpose": "Publishes.", "rights": ["services:publish", "services:read"],
            "once": once_in(page)}  # fmt: skip
    for _ in range(2):  # a double click makes one
        assert (await browser.post(PATH, data=form)).status_code == 303
    page = await browser.get(PATH)
    assert hostile not in page.text
    assert "&lt;script&gt;" in page.text
    [account] = re.findall(r"service-accounts/(sva_[0-9a-f]{32})/disable", page.text)
    taken = await browser.post(PATH, data={**form, "once": once_in(page)})
    assert (taken.status_code, "Choose another name" in taken.text) == (409, True)
    new = await browser.get(f"/keys?account={account}")
    assert f'value="{account}"' in new.text
    key = {"name": "ci", "kind": "vk", "service_account_id": account, "once": once_in(new)}
    made = await browser.post("/keys", data=key)
    assert "vk_" in made.text, made.text
    assert "&lt;script&gt;" in (await browser.get("/keys")).text
    await browser.post(f"{PATH}/{account}/rights", data={"rights": "services:read"})
    assert "1 rights of" in (await browser.get(PATH)).text
    assert (await browser.post(f"{PATH}/{account}/disable", data={})).status_code == 303
    assert "disabled" in (await browser.get(PATH)).text
    assert (await browser.post(f"{PATH}/{account}/enable", data={})).status_code == 303
    assert "in force" in (await browser.get(PATH)).text


async def test_another_organisation_neither_sees_nor_ends_it(browser: httpx.AsyncClient, app: FastAPI) -> None:
    await sign_up(browser)
    page = await browser.get(PATH)
    await browser.post(PATH, data={"name": "deploy-bot", "rights": "call", "once": once_in(page)})
    [account] = re.findall(r"service-accounts/(sva_[0-9a-f]{32})/disable", (await browser.get(PATH)).text)
    async with browser_of(app) as other:
        await sign_up(other, "globex")
        assert "deploy-bot" not in (await other.get(PATH)).text
        for verb in ("disable", "enable", "rights"):
            assert (await other.post(f"{PATH}/{account}/{verb}", data={})).status_code == 404
    foreign = await browser.post(f"{PATH}/{account}/disable", data={}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert "in force" in (await browser.get(PATH)).text
