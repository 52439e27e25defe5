"""An index that all processes share: fed once, asked by all, and what happens while it is away, full or replaced."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import trustme
from fastapi import FastAPI
from pydantic import SecretStr

from mercato.adapters.opensearch_address import read_address
from mercato.adapters.search_opensearch import OpenSearchClient
from mercato.api import discovery
from mercato.app.control import ROLES, create_app
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import (
    FallingBack,
    Filters,
    IndexQuery,
    IndexRefused,
    IndexUnavailable,
    RebuildAsked,
    Sort,
)
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running
from tests.adapters.shared_index import Replica, Shelf, feeding, index_at, listings, replica, shelf
from tests.conftest import TestClock
from tests.discovery.conftest import embedder
from tests.support.http_server import stand_in
from tests.support.opensearch import OpenSearchNode, why_not
from tests.support.ports import free_port
from tests.support.waiting import until

__all__ = ["embedder", "shelf"]


# Without an engine.


def version(number: str, distribution: str | None = "opensearch") -> dict[str, object]:
    return {"version": {"number": number} | ({} if distribution is None else {"distribution": distribution})}


REFUSALS: list[tuple[int, object, str]] = [
    (401, b"Unauthorized", "does not let us in"),
    (403, {"error": {"type": "security_exception", "reason": "no permissions"}}, "no permissions"),
    (200, version("1.3.20"), "1.3.20"),
    (200, version("8.15.0", None), "Elasticsearch 8.15.0"),
]


@pytest.mark.parametrize(("status", "body", "words"), REFUSALS)
async def test_what_does_not_let_us_in_or_does_not_fit_is_said(status: int, body: object, words: str) -> None:
    with stand_in(lambda *_: (status, body)) as (url, shown):
        index = index_at(url.replace("://", "://mercato:secretword@"))
        with pytest.raises(IndexRefused, match="MERCATO_SEARCH_URL") as refused:
            await index.open()
        await index.close()
    assert words in str(refused.value)
    assert "secretword" not in str(refused.value)
    assert shown[0] == f"Basic {base64.b64encode(b'mercato:secretword').decode()}"


async def test_a_certificate_that_is_not_trusted_is_said_and_its_authority_can_be_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with stand_in(lambda *_: (200, version("2.19.1")), tls) as (url, _):
        stranger, friend = index_at(url), index_at(url, authority=tmp_path / "ca.pem")
        with pytest.raises(IndexRefused, match="MERCATO_SEARCH_CA"):
            await stranger.open()
        assert await friend.open()
        await stranger.close()
        await friend.close()


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (502, b"Bad gateway"), (200, b"[1]")])
async def test_what_is_no_search_engine_is_away(status: int, body: bytes) -> None:
    with stand_in(lambda *_: (status, body)) as (url, _):
        index = index_at(url)
        with pytest.raises(IndexUnavailable, match="MERCATO_SEARCH_URL"):
            await index.open()
        await index.close()


async def test_while_it_is_away_the_records_answer_and_say_so(shelf: Shelf, tmp_path: Path) -> None:
    documents = listings(40)
    await shelf.put(*documents[:39])
    await shelf.put(documents[39], withdrawn=True)
    one = Replica(shelf, index_at(f"http://127.0.0.1:{free_port()}"))
    app = FastAPI()
    app.include_router(discovery.router)
    wiring = build_wiring(Settings(state=tmp_path / "state"), "postgresql://nobody@127.0.0.1/nothing")
    set_running(app, Running(wiring, searching=one.searching))
    install_problems(app)
    wanted = documents[7]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        for query in ({"q": wanted.name}, {"q": wanted.title}, {"q": wanted.title, "vendor": wanted.vendor}):
            answer = (await client.get("/api/search", params=query)).json()
            assert answer["partial"]
            assert wanted.name in [item["name"] for item in answer["items"]]
        everything = (await client.get("/api/search", params={"limit": 5})).json()
        assert (everything["total"], len(everything["items"]), everything["next"]) == (39, 5, None)
        assert sum(each["count"] for each in everything["facets"]["task"]) == 39
        facets = (await client.get("/api/facets", params={"licence": documents[0].licence})).json()
        assert facets["partial"]
        begun = (await client.get("/api/suggest", params={"q": wanted.title[:6]})).json()
        assert wanted.name in [each["name"] for each in begun["items"]]
    by_date = await one.searching.search("", Filters(), limit=50, sort=Sort("released", descending=True))
    released = [hit.document.released_at for hit in by_date.answer.hits]
    assert released == sorted(released, reverse=True)
    assert one.searching.version is None
    assert await one.asked.find_similar(wanted.service_id, 3) == ()
    await wiring.close()
    await one.asked.close()


async def test_a_control_plane_serves_without_its_search_engine(
    shelf: Shelf, settings: Settings, database_url: str, clock: TestClock
) -> None:
    await shelf.put(*listings(5))
    away = settings.model_copy(update={"search_url": SecretStr(f"http://127.0.0.1:{free_port()}")})
    app = create_app(build_wiring(away, database_url, clock), list(ROLES))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        answer = await client.get("/api/search", params={"limit": 2})
        assert (answer.json()["partial"], answer.json()["total"]) == (True, 5)
        assert answer.headers["mercato-index"] == "building"
        categories = await client.get("/api/categories")
        assert categories.status_code == 200


async def test_a_crowd_does_not_take_every_connection_while_it_is_away(shelf: Shelf) -> None:
    await shelf.put(*listings(10))
    asked = FallingBack(index_at(f"http://127.0.0.1:{free_port()}"), shelf.database)
    await asked.search(IndexQuery())
    answers = await asyncio.gather(*(asked.search(IndexQuery(limit=1)) for _ in range(40)))
    assert all(answer.partial for answer in answers)
    assert {answer.total for answer in answers} == {0, 10}
    assert (await asked.search(IndexQuery(limit=1))).total == 10
    await asked.close()


async def test_one_question_that_is_not_understood_sends_nobody_else_away(shelf: Shelf) -> None:
    await shelf.put(*listings(3))
    wrong = {"responses": [{"error": {"type": "parsing_exception", "reason": "no such query"}, "status": 400}]}
    with stand_in(lambda *_: (200, wrong)) as (url, _):
        asked = FallingBack(index_at(url), shelf.database)
        assert (await asked.search(IndexQuery("anything"))).partial
        assert not asked.is_away
        await asked.close()


# With a real one.


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenSearchNode]:
    missing = why_not()
    if missing:
        pytest.skip(missing)
    node = OpenSearchNode(tmp_path_factory.mktemp("opensearch"))
    await node.start()
    yield node
    await node.end()


@pytest.mark.slow
@pytest.mark.timeout(3600)
class TestShared:
    async def test_it_is_fed_once_and_each_process_knows_how_far(self, shelf: Shelf, node: OpenSearchNode) -> None:
        documents = listings(30)
        await shelf.put(*documents[:20])
        async with (
            replica(shelf, index_at(node.url, "once")) as first,
            replica(shelf, index_at(node.url, "once")) as other,
        ):
            assert first.keeper.state == "building"
            assert (await first.searching.search("", Filters(), limit=1)).state != "whole"
            async with feeding(shelf, index_at(node.url, "once")), feeding(shelf, index_at(node.url, "once")):
                for each in (first, other):
                    await until(each.holding(20))
                before = first.searching.version
                await shelf.put(*documents[20:])
                await shelf.put(documents[0], withdrawn=True)
                for each in (first, other):
                    await until(each.holding(29))
                    assert await each.agrees()
                assert first.searching.version != before
            await shelf.put(replace(documents[1], title="Nobody feeds this"))
            assert not await first.agrees()

    async def test_a_node_killed_in_the_middle_of_feeding_loses_nothing(
        self, shelf: Shelf, node: OpenSearchNode
    ) -> None:
        documents = listings(600)
        await shelf.put(*documents[:200])
        async with replica(shelf, index_at(node.url, "killed")) as one, feeding(shelf, index_at(node.url, "killed")):
            await until(lambda: one.holds(200))
            for first in range(200, 400, 20):
                await shelf.put(*documents[first : first + 20])
            await node.end()
            for first in range(400, 600, 20):
                await shelf.put(*documents[first : first + 20])
            away = await one.searching.search(documents[5].name, Filters(), limit=3)
            assert away.state != "whole"
            assert away.answer.hits[0].document.name == documents[5].name
            await node.start()
            await until(lambda: one.holds(600))
            assert await one.agrees()

    async def test_a_full_disk_stops_feeding_and_not_answers(self, shelf: Shelf, node: OpenSearchNode) -> None:
        documents = listings(100)
        await shelf.put(*documents[:10])
        index = index_at(node.url, "disk")
        async with replica(shelf, index) as one, feeding(shelf, index_at(node.url, "disk")):
            await until(lambda: one.holds(10))
            block = {"index.blocks.read_only_allow_delete": True}
            assert (await node.ask("PUT", "/disk-*/_settings", block)).status_code == 200
            with pytest.raises(IndexUnavailable, match="disk is full"):
                await index.apply(documents[:1])
            client = OpenSearchClient(read_address(f"{node.url}/disk"))
            with pytest.raises(IndexUnavailable, match="takes no writes"):
                await client.examine()
            await shelf.put(*documents[10:])

            async def is_marked() -> bool:
                return (await one.searching.search(documents[3].name, Filters(), limit=1)).state == "catching_up"

            await until(is_marked)
            found = await one.searching.search(documents[3].name, Filters(), limit=1)
            assert found.answer.hits[0].document.name == documents[3].name
            await node.ask("PUT", "/disk-*/_settings", {"index.blocks.read_only_allow_delete": None})
            await until(lambda: one.holds(100))
            assert await one.agrees()
            assert "2.19" in await client.examine()
            await client.close()

    async def test_it_is_written_anew_beside_the_one_that_answers(self, shelf: Shelf, node: OpenSearchNode) -> None:
        documents = listings(400)
        await shelf.put(*documents[:390])
        async with replica(shelf, index_at(node.url, "anew")) as one, feeding(shelf, index_at(node.url, "anew")):
            await until(lambda: one.holds(390))
            before = set((await node.ask("GET", "/anew-*")).json())
            totals: set[int] = set()

            async def is_another() -> bool:
                totals.add((await one.asked.search(IndexQuery(limit=1))).total)
                return set((await node.ask("GET", "/anew-*")).json()).isdisjoint(before)

            async with shelf.database.transaction() as session:
                await shelf.outbox.add(session, RebuildAsked(by="test"))
            await shelf.put(*documents[390:])
            await until(is_another)
            await until(lambda: one.holds(400))
            assert totals <= {*range(390, 401)}
            assert await one.agrees()

    async def test_an_index_that_was_deleted_or_half_written_is_made_again(
        self, shelf: Shelf, node: OpenSearchNode
    ) -> None:
        documents = listings(50)
        await shelf.put(*documents)
        dead, other = index_at(node.url, "lost"), index_at(node.url, "lost")
        await dead.begin()
        await other.begin()
        await other.finish()
        assert not await dead.is_begun()
        await dead.apply(documents[:1])  # into the one that is asked, not into its own, which is gone
        for name in (await node.ask("GET", "/lost-*")).json():
            await node.ask("DELETE", f"/{name}")
        await dead.begin()
        await dead.fill(documents[:5])  # and its worker dies here
        async with replica(shelf, index_at(node.url, "lost")) as one, feeding(shelf, index_at(node.url, "lost")):
            await until(lambda: one.holds(50))
            assert len((await node.ask("GET", "/lost-*")).json()) == 1
            for name in (await node.ask("GET", "/lost-*")).json():
                await node.ask("DELETE", f"/{name}")
            assert (await one.searching.search("", Filters(), limit=1)).state == "catching_up"
            await shelf.put(replace(documents[0], title="Another title"))
            await until(lambda: one.holds(50))
            assert await one.agrees()
