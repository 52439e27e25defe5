"""What anybody checks of the logs: heads are open to all, and the page proves what was added between two of them."""

import httpx
import pytest
from fastapi import FastAPI

from mercato_contracts.merkle import is_consistent
from tests.admin.conftest import Ledger
from tests.console.browser import browser_of


async def test_a_stranger_reads_heads_and_proves_that_they_only_add(api: httpx.AsyncClient, ledger: Ledger) -> None:
    first, second = await ledger.fill(3), await ledger.fill(300)
    heads = (await api.get("/api/audit/heads")).json()["items"]
    assert [head["size"] for head in heads] == [second.size, first.size]
    proof = (await api.get("/api/audit/consistency", params={"first": first.size})).json()
    path = [bytes.fromhex(step) for step in proof["path"]]
    roots = [bytes.fromhex(proof[name]["root"]) for name in ("first", "second")]
    assert is_consistent(first.size, roots[0], second.size, roots[1], path)


async def test_the_page_shows_the_key_the_heads_and_the_proof(app: FastAPI, ledger: Ledger) -> None:
    async with browser_of(app) as browser:
        empty = await browser.get("/trust")
        assert empty.text.count("Not sealed yet") == 3
        assert ledger.wiring.log_key.public in empty.text
        first, second = await ledger.fill(3), await ledger.fill(300)
        page = await browser.get("/trust", params={"log": "audit", "first": str(first.size), "second": ""})
        assert (page.status_code, page.headers["cache-control"]) == (200, "public, max-age=10")
        for head in (first, second):
            assert page.text.count(head.root) == 2, "as a head, and as a root of the proof"
        unknown = await browser.get("/trust", params={"first": "2"})
        assert (unknown.status_code, "audit_head_not_found" in unknown.text) == (404, True)


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"entry": "sig_none"}, 404), ({"entry": '"><img src=x>'}, 404), ({"log": "signals", "first": "1"}, 404),
     ({"first": "0"}, 422), ({"first": str(2**70)}, 422), ({"log": "other", "first": "1"}, 422),
     ({"entry": "x" * 65}, 422), ({"first": "-1", "second": "x"}, 422)],
)  # fmt: skip
async def test_nonsense_is_refused_and_the_heads_stay(app: FastAPI, asked: dict[str, str], status: int) -> None:
    async with browser_of(app) as browser:
        answer = await browser.get("/trust", params=asked)
    assert (answer.status_code, "<img src=x" in answer.text) == (status, False)
