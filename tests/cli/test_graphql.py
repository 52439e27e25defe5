"""`mp graphql` as people run it."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.cli.conftest import Mp
from tests.conftest import People, TestClock
from tests.support.asgi import serve_app


@pytest.fixture
async def mp(app: FastAPI, clock: TestClock, people: People, tmp_path: Path) -> AsyncIterator[Mp]:
    clock.at = datetime.now(UTC)
    await people.join("acme")
    async with serve_app(app) as url:
        found = Mp(tmp_path)
        login = ("login", "--url", url, "--email", "acme@example.org")
        assert (await run(found, *login, stdin="correct horse battery")).returncode == 0
        yield found


async def run(mp: Mp, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(mp, *words, stdin=stdin)


async def test_a_question_is_answered_and_what_is_refused_of_it_is_said(mp: Mp, tmp_path: Path) -> None:
    query = tmp_path / "query.graphql"
    query.write_text("query ($n: Int!) { services(first: $n) { items { name } next } }")
    done = await run(mp, "graphql", "--file", str(query), "--variables", '{"n": 5}')
    assert (done.returncode, json.loads(done.stdout)) == (0, {"services": {"items": [], "next": None}})
    refused = await run(mp, "graphql", "{ approvals(first: 5) { items { id } } }", "--json")
    assert refused.returncode == 1
    assert '"not_allowed"' in refused.stdout
    assert "not_allowed" in refused.stderr
    for words in ((), ("{ a }", "--file", str(query)), ("{ a }", "--variables", "[1]")):
        assert (await run(mp, "graphql", *words)).returncode == 2
