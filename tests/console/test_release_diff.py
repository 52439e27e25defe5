"""What changed between two releases: the same comparison in the API, on the page and behind the links to it."""

import json
import re
from typing import Any

import httpx
from fastapi import FastAPI

from tests.console.test_buying_pages import HOSTILE, shop
from tests.support.market import Market
from tests.support.statements import counted

DIFF = "/api/services/vendor/embedder/diff"
PAGE = "/services/vendor/embedder/diff"


def document(version: str, properties: dict[str, Any], required: list[str], **paths: Any) -> str:
    """An OpenAPI document with one operation, whose body has these properties."""
    schema = {"type": "object", "properties": properties, "required": required}
    post = {
        "operationId": "embed",
        "summary": "Embed",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "Done"}},
    }
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "T", "version": version},
            "paths": {"/embeddings": {"post": post}} | paths,
        }
    )


async def three_releases(market: Market) -> None:
    """1.1.0 adds an operation to what 1.0.1 has, and 1.2.0 demands a field, which needs a new major version."""
    customer = await shop(market)
    text, lang = {"text": {"type": "string"}}, {"lang": {"type": "string"}}
    await market.add_release(customer.service, "1.0.1", document=document("1.0.1", text, ["text"]))
    ping = {"get": {"operationId": "ping", "summary": HOSTILE, "responses": {"200": {"description": "Up"}}}}
    await market.add_release(customer.service, "1.1.0", document=document("1.1.0", text, ["text"], **{"/ping": ping}))
    await market.add_release(
        customer.service, "1.2.0", document=document("1.2.0", text | lang, ["text", "lang"], **{"/ping": ping})
    )


async def test_two_releases_are_compared_in_either_order(browser: httpx.AsyncClient, market: Market) -> None:
    await three_releases(market)
    added = (await browser.get(DIFF, params={"from": "1.1.0", "to": "1.0.1"})).json()
    assert (added["earlier"], added["later"], added["breaking"]) == ("1.0.1", "1.1.0", False)
    assert (added["bump"], added["least"], added["keeps_semver"]) == ("minor", "1.1.0", True)
    assert [change["weight"] for change in added["changes"]] == ["addition"]
    demanded = (await browser.get(DIFF, params={"from": "1.1.0", "to": "1.2.0"})).json()
    assert (demanded["breaking"], demanded["bump"], demanded["least"]) == (True, "major", "2.0.0")
    assert demanded["keeps_semver"] is False
    assert demanded["changes"][0]["weight"] == "breaking"
    assert "lang" in json.dumps(demanded["changes"])
    assert (await browser.get(DIFF, params={"from": "1.1.0", "to": "1.2.0"})).json() == demanded


async def test_one_without_a_document_and_the_same_twice(browser: httpx.AsyncClient, market: Market) -> None:
    await three_releases(market)
    unknown = (await browser.get(DIFF, params={"from": "1.0.0", "to": "1.0.1"})).json()
    assert [change["rule"] for change in unknown["changes"]] == ["document.added"]
    same = (await browser.get(DIFF, params={"from": "1.1.0", "to": "1.1.0"})).json()
    assert (same["changes"], same["breaking"], same["keeps_semver"]) == ([], False, True)


async def test_what_is_not_there_is_refused(browser: httpx.AsyncClient, market: Market) -> None:
    await three_releases(market)
    for path, code in ((DIFF, "release_not_found"), ("/api/services/vendor/nothing/diff", "service_not_found")):
        answer = await browser.get(path, params={"from": "1.1.0", "to": "9.9.9"})
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    page = await browser.get(PAGE, params={"from": "1.1.0", "to": HOSTILE[:100]})
    assert page.status_code == 404
    assert "<img src=x" not in page.text


async def test_the_page_says_it_in_words(app: FastAPI, browser: httpx.AsyncClient, market: Market) -> None:
    await three_releases(market)
    page = await browser.get(PAGE)
    words = re.sub(r"<[^>]+>|\s+", " ", page.text)
    assert "Breaks callers" in page.text
    assert "need at least a major version after 1.1.0" in words
    assert "1.2.0 is lower than that" in re.sub(r" +", " ", words)
    releases = await browser.get("/services/vendor/embedder/releases")
    link = re.search(r'href="(/services/vendor/embedder/diff\?[^"]+)">since 1\.0\.1<', releases.text)
    assert link is not None
    shown = await browser.get(link[1].replace("&amp;", "&"))
    assert "safe for callers" in shown.text
    assert "is high enough" in shown.text
    with counted(app) as sent:
        await browser.get(PAGE)
    assert len(sent) <= 14, sent


async def test_a_first_release_has_nothing_to_be_compared_with(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    page = await browser.get(PAGE)
    assert (page.status_code, "One release so far" in page.text) == (200, True)


async def test_the_page_reads_the_listing_once(browser: httpx.AsyncClient, app: FastAPI, market: Market) -> None:
    await three_releases(market)
    with counted(app) as sent:
        assert (await browser.get(PAGE, params={"from": "1.0.1", "to": "1.1.0"})).status_code == 200
    assert "AS named_organisations ON named_organisations.id = services.vendor_id" in " ".join(sent[0].split()), sent[0]
    assert sent.count(sent[0]) == 1
    assert len(sent) <= 8, sent
