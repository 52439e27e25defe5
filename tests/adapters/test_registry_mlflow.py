"""The registry port against a real MLflow 3: what it holds, killed and started again, beside models of others."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from mercato.adapters.mlflow_address import read_address
from mercato.adapters.registry_mlflow import MlflowClient, MlflowRegistry
from mercato.platform import Database
from mercato.publishing import Lifecycle, Service
from mercato.registry import (
    ModelReader,
    RegisteredModel,
    RegisteredVersion,
    RegistryFeeder,
    RegistryRefused,
    RegistryTaken,
    RegistryUnavailable,
    count_waiting_news,
    forget_registry_feeder,
    reconcile,
)
from tests.conftest import People
from tests.support.market import Market, market
from tests.support.mlflow import PASSWORD, USER, MlflowServer
from tests.support.running import Place
from tests.support.waiting import until

__all__ = ["market"]

pytestmark = pytest.mark.slow
URL = "https://market.example"
PROCESS = Path(__file__).with_name("registry_worker.py")
HOSTILE = (
    "acme/embedder", "a-b/c", "a/b-c", "a.b/c", "a/b.c", "UPPER/Case", "with space/and 'quotes' \"and\" `ticks`",
    "emoji/🦀🙂", "a/b/c/d", "../..", "x" * 500, "x" * 499 + "y", "semi;colon/--%", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


def at(url: str, marketplace: str = "ours", prefix: str = "mercato") -> MlflowRegistry:
    return MlflowRegistry(MlflowClient(read_address(url)), prefix=prefix, marketplace=marketplace)


@pytest.fixture
async def registry(server: MlflowServer) -> AsyncIterator[MlflowRegistry]:
    """Of a marketplace of this test alone, all of whose models are removed before the next one."""
    registry = at(server.url)
    yield registry
    for name in [one.registered_name async for one in registry.list_own()]:
        await registry.remove(name)
    await registry.close()


def version(key: str, number: str, **tags: str) -> RegisteredVersion:
    return RegisteredVersion(key, number, f"What is new in {number}", {"version": number, "status": "live", **tags})


def model(
    name: str = "acme/embedder", *versions: RegisteredVersion, key: str = "svc_1", description: str = "An embedder",
    aliases: dict[str, str] | None = None, **tags: str,
) -> RegisteredModel:  # fmt: skip
    tags = {"service": name, "status": "listed", **tags}
    return RegisteredModel(key, name, description, tags, versions, aliases or {})


ONE, TWO = version("rel_1", "1.0.0", digest="sha256:1"), version("rel_2", "1.1.0", digest="sha256:2")


async def test_what_was_brought_is_there_and_a_second_time_changes_nothing(
    registry: MlflowRegistry, server: MlflowServer
) -> None:
    wanted = model("acme/embedder", ONE, TWO, aliases={"champion": "rel_2", "canary": "rel_1"})
    assert await registry.differences(wanted) == ("the model is missing",)
    assert await registry.bring(wanted)
    assert await registry.differences(wanted) == ()
    assert await registry.bring(wanted) == ()
    held = server.models()["mercato.acme.embedder"]
    assert held["description"] == "An embedder"
    assert held["tags"] == {
        "mercato.marketplace": "ours", "mercato.service_id": "svc_1", "mercato.service": "acme/embedder",
        "mercato.status": "listed",
    }  # fmt: skip
    assert held["aliases"] == {"champion": 2, "canary": 1}
    assert held["versions"][2] == {
        "mercato.release_id": "rel_2", "mercato.version": "1.1.0", "mercato.status": "live",
        "mercato.digest": "sha256:2",
    }  # fmt: skip
    by_alias = server.ask("GET", "registered-models/alias", name="mercato.acme.embedder", alias="champion")
    assert by_alias["model_version"]["source"] == "mercato:/mercato.acme.embedder@1.1.0"
    assert by_alias["model_version"]["description"] == "What is new in 1.1.0"


async def test_what_changed_is_changed_and_what_others_added_stays(
    registry: MlflowRegistry, server: MlflowServer
) -> None:
    name = "mercato.acme.embedder"
    await registry.bring(model("acme/embedder", ONE, aliases={"champion": "rel_1", "canary": "rel_1"}))
    server.ask("POST", "registered-models/set-tag", name=name, key="team", value="search")
    server.ask("POST", "registered-models/alias", name=name, alias="ours-in-production", version="1")
    server.ask("POST", "model-versions/set-tag", name=name, version="1", key="reviewed", value="yes")
    yanked = version("rel_1", "1.0.0", digest="sha256:1", status="yanked")
    words = await registry.bring(
        model("acme/embedder", yanked, TWO, description="Another", aliases={"champion": "rel_2"}, status="withdrawn")
    )
    assert "tag mercato.status of release 1.0.0 differs" in words
    assert "alias canary should not be there" in words
    held = server.models()[name]
    assert (held["description"], held["tags"]["mercato.status"], held["tags"]["team"]) == (
        "Another", "withdrawn", "search",
    )  # fmt: skip
    assert held["aliases"] == {"champion": 2, "ours-in-production": 1}
    assert held["versions"][1]["mercato.status"] == "yanked"
    assert held["versions"][1]["reviewed"] == "yes"
    # What somebody did by hand to what is ours is undone.
    server.ask("POST", "registered-models/alias", name=name, alias="champion", version="1")
    server.ask("DELETE", "model-versions/delete", name=name, version="2")
    server.ask("POST", "model-versions/set-tag", name=name, version="1", key="mercato.status", value="live")
    server.ask("POST", "model-versions/set-tag", name=name, version="1", key="mercato.invented", value="x")
    again = model("acme/embedder", yanked, TWO, description="Another", aliases={"champion": "rel_2"})
    assert len(await registry.differences(again)) >= 4
    await registry.bring(again)
    assert await registry.differences(again) == ()
    assert server.models()[name]["versions"][server.models()[name]["aliases"]["champion"]]["mercato.version"] == "1.1.0"


async def test_models_of_others_are_never_touched(registry: MlflowRegistry, server: MlflowServer) -> None:
    server.ask("POST", "registered-models/create", name="mercato.acme.theirs", description="by hand")
    other = at(server.url, marketplace="another")
    await other.bring(model("acme/shared", ONE))
    try:
        before = {name: server.models()[name] for name in ("mercato.acme.theirs", "mercato.acme.shared")}
        for name in ("acme/theirs", "acme/shared"):
            with pytest.raises(RegistryTaken, match="did not make"):
                await registry.bring(model(name, ONE))
            with pytest.raises(RegistryTaken):
                await registry.differences(model(name, ONE))
            assert not await registry.remove(registry.registered_name(name))
        assert [one async for one in registry.list_own()] == []
        assert {name: server.models()[name] for name in before} == before
    finally:
        await other.remove("mercato.acme.shared")
        await other.close()
        server.ask("DELETE", "registered-models/delete", name="mercato.acme.theirs")


async def test_a_removed_model_keeps_what_others_added_and_is_ours_no_longer(
    registry: MlflowRegistry, server: MlflowServer
) -> None:
    name = "mercato.acme.embedder"
    await registry.bring(model("acme/embedder", ONE, aliases={"champion": "rel_1"}))
    server.ask("POST", "model-versions/create", name=name, source="theirs:/somewhere")
    assert await registry.remove(name)
    held = server.models()[name]
    assert (held["tags"], held["description"], held["versions"]) == ({}, "", {2: {}})
    assert not await registry.remove(name)
    server.ask("DELETE", "registered-models/delete", name=name)
    assert not await registry.remove(name)


async def test_hostile_names_and_texts_are_models_of_their_own(registry: MlflowRegistry, server: MlflowServer) -> None:
    text = "<script>alert(1)</script> '; DROP TABLE registered_models; -- 🦀\n\t‮" + "é" * 4_000
    for number, name in enumerate(HOSTILE):
        wanted = model(name, version(f"rel_{number}", "1.0.0", note=text), key=f"svc_{number}", description=text)
        await registry.bring(wanted)
        assert await registry.differences(wanted) == ()
    own = [one async for one in registry.list_own()]
    assert sorted(one.key for one in own) == sorted(f"svc_{number}" for number in range(len(HOSTILE)))
    assert len({one.registered_name for one in own}) == len(HOSTILE)
    assert all(len(one.registered_name) <= 256 for one in own)


async def test_many_models_and_versions_are_found_page_by_page(registry: MlflowRegistry) -> None:
    many = [version(f"rel_{number:03}", f"1.{number}.0") for number in range(205)]
    wanted = model("acme/embedder", *many, aliases={"champion": "rel_204"})
    await registry.bring(wanted)
    assert await registry.differences(wanted) == ()


async def test_two_that_write_at_once_leave_each_release_once(registry: MlflowRegistry, server: MlflowServer) -> None:
    wanted = model("acme/embedder", *(version(f"rel_{n}", f"1.{n}.0") for n in range(6)), aliases={"champion": "rel_5"})
    others = [at(server.url) for _ in range(4)]
    await asyncio.gather(*(one.bring(wanted) for one in others))
    held = server.models()["mercato.acme.embedder"]
    assert sorted(tags["mercato.release_id"] for tags in held["versions"].values()) == [f"rel_{n}" for n in range(6)]
    assert await registry.differences(wanted) == ()
    for one in others:
        await one.close()


@contextmanager
def losing_answers(server: MlflowServer, path: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy that passes everything on, and loses MLflow's first answer to a POST of `path` after it was done."""
    lost: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            kind = {"content-type": self.headers.get("content-type", "application/json")}
            answer = httpx.request(self.command, f"{server.url}{self.path}", content=content, headers=kind, timeout=60)
            if self.command == "POST" and self.path.endswith(path) and not lost:
                lost.append(self.path)
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers.get("content-type", ""))
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", lost
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.parametrize("path", ["registered-models/create", "model-versions/create", "registered-models/alias"])
async def test_an_answer_that_was_lost_makes_nothing_twice(
    registry: MlflowRegistry, server: MlflowServer, path: str
) -> None:
    wanted = model("acme/embedder", ONE, TWO, aliases={"champion": "rel_2"})
    with losing_answers(server, path) as (url, lost):
        through = at(url)
        with pytest.raises(RegistryUnavailable, match="MERCATO_MLFLOW_URL"):
            await through.bring(wanted)
        assert len(lost) == 1
        await through.bring(wanted)
        await through.close()
    held = server.models()["mercato.acme.embedder"]
    assert [tags["mercato.release_id"] for _, tags in sorted(held["versions"].items())] == ["rel_1", "rel_2"]
    assert held["aliases"] == {"champion": 2}


# Fed from the outbox.


@asynccontextmanager
async def feeding(database: Database, url: str) -> AsyncIterator[None]:
    """One worker's feeder."""
    task = asyncio.create_task(RegistryFeeder(database, at(url), ModelReader(database, URL)).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def versions_of(server: MlflowServer) -> dict[str, list[str]]:
    """The SemVer versions of each model, in MLflow's order."""
    return {
        name: [tags["mercato.version"] for _, tags in sorted(held["versions"].items())]
        for name, held in server.models().items()
    }


async def agrees(database: Database, registry: MlflowRegistry) -> bool:
    found = await reconcile(ModelReader(database, URL), registry, repair=False)
    return found.agrees and await count_waiting_news(database) == 0


async def release(market: Market, service: Service, version: str, **manifest: str) -> None:
    """A second after what was there, so that it comes after it."""
    market.clock.advance(timedelta(seconds=1))
    await market.add_release(service, version, **manifest)


async def announced(market: Market, people: People, count: int) -> list[Service]:
    """This many services of one vendor, each with a release that was announced."""
    vendor = await people.join("acme")
    made = [(await market.list_service(vendor, f"service-{number}"))[0] for number in range(count)]
    for service in made:
        await release(market, service, "1.1.0")
    return made


async def test_what_happens_in_the_marketplace_reaches_mlflow(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    async with feeding(market.database, server.url):
        # Listed without news: what was there before there was a registry is there too.
        await until(lambda: versions_of(server) == {"mercato.acme.embedder": ["1.0.0"]})
        await release(market, service, "1.1.0")
        await until(lambda: server.models()["mercato.acme.embedder"]["aliases"] == {"champion": 2})
        async with market.database.transaction() as session:
            lifecycle = Lifecycle(session, market.clock, market.outbox)
            await lifecycle.retire_release(vendor, "acme", "embedder", "1.1.0", "yanked", "It was wrong")
        await until(lambda: server.models()["mercato.acme.embedder"]["aliases"] == {"champion": 1})
        assert server.models()["mercato.acme.embedder"]["versions"][2]["mercato.status_reason"] == "It was wrong"
        # A service that turns private leaves.
        await release(market, service, "1.2.0", visibility="private")
        await until(lambda: server.models() == {})
        await until(lambda: count_waiting_news_is(market.database, 0))
    assert await agrees(market.database, registry)


async def count_waiting_news_is(database: Database, count: int) -> bool:
    return await count_waiting_news(database) == count


async def waits(database: Database, least: int) -> bool:
    return await count_waiting_news(database) >= least


async def test_a_worker_that_is_killed_again_and_again_writes_everything_once(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    made = await announced(market, people, 6)
    seen = 0
    while seen < 12:
        command = [sys.executable, str(PROCESS), market.database.url, server.url]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        goal = seen + 1
        await until(lambda goal=goal: sum(map(len, versions_of(server).values())) >= goal)  # type: ignore[misc]
        process.kill()
        process.wait()
        seen = sum(map(len, versions_of(server).values()))
    for service in made[:3]:
        await release(market, service, "1.2.0")
    async with feeding(market.database, server.url):
        await until(lambda: agrees(market.database, registry))
    for number in range(6):
        expected = ["1.0.0", "1.1.0", *(["1.2.0"] if number < 3 else [])]
        assert versions_of(server)[f"mercato.acme.service-{number}"] == expected


async def test_nothing_is_lost_while_mlflow_is_killed_and_away(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    made = await announced(market, people, 4)
    async with feeding(market.database, server.url):
        await until(lambda: len(versions_of(server)) >= 2)
        server.kill()
        try:
            for service in made:
                await release(market, service, "1.2.0")
            await until(lambda: waits(market.database, 4))
        finally:
            server.start()
        await until(lambda: agrees(market.database, registry))
    assert set(map(tuple, versions_of(server).values())) == {("1.0.0", "1.1.0", "1.2.0")}


async def test_of_several_workers_one_feeds(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    await announced(market, people, 3)
    async with feeding(market.database, server.url), feeding(market.database, server.url):
        await until(lambda: agrees(market.database, registry))
    assert set(map(tuple, versions_of(server).values())) == {("1.0.0", "1.1.0")}


async def test_a_name_that_is_taken_holds_up_no_other_model(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    server.ask("POST", "registered-models/create", name="mercato.acme.service-0")
    try:
        await announced(market, people, 2)
        async with feeding(market.database, server.url):
            await until(lambda: versions_of(server).get("mercato.acme.service-1") == ["1.0.0", "1.1.0"])
            await until(lambda: count_waiting_news_is(market.database, 0))
        found = await reconcile(ModelReader(market.database, URL), registry, repair=False)
        assert (found.taken, found.agrees, found.needs_person) == (["acme/service-0"], False, True)
        assert versions_of(server)["mercato.acme.service-0"] == []
    finally:
        server.ask("DELETE", "registered-models/delete", name="mercato.acme.service-0")


async def test_both_ways_are_compared_and_put_right(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    await announced(market, people, 3)
    reader = ModelReader(market.database, URL)
    await reconcile(reader, registry, repair=True)
    server.ask("DELETE", "registered-models/delete", name="mercato.acme.service-0")
    server.ask("PATCH", "registered-models/update", name="mercato.acme.service-1", description="by hand")
    await registry.bring(model("acme/gone", ONE, key="svc_gone"))
    found = await reconcile(reader, registry, repair=False)
    assert (found.models, found.missing, found.extra) == (3, ["acme/service-0"], ["mercato.acme.gone"])
    assert found.different == {"acme/service-1": ("the description differs",)}
    assert not found.agrees
    repaired = await reconcile(reader, registry, repair=True)
    assert (repaired.missing, repaired.extra) == (found.missing, found.extra)
    assert not repaired.needs_person
    assert (await reconcile(reader, registry, repair=False)).agrees
    assert "mercato.acme.gone" not in server.models()


async def test_a_registry_that_is_set_again_is_filled_anew(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People
) -> None:
    await announced(market, people, 1)
    async with feeding(market.database, server.url):
        await until(lambda: agrees(market.database, registry))
    await forget_registry_feeder(market.database)
    assert await count_waiting_news(market.database) == 0
    await registry.remove("mercato.acme.service-0")
    async with feeding(market.database, server.url):
        await until(lambda: agrees(market.database, registry))
    assert versions_of(server) == {"mercato.acme.service-0": ["1.0.0", "1.1.0"]}


async def test_the_command_compares_and_puts_right(
    server: MlflowServer, market: Market, people: People, tmp_path: Path
) -> None:
    await announced(market, people, 2)
    place = Place(tmp_path)
    named = {"DATABASE_URL": market.database.url.replace("+psycopg", ""), "MERCATO_MLFLOW_URL": server.url}

    async def run(word: str, *more: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(place.run, "registry", word, *more, environment=place.environment | named)

    try:
        before = await run("check", "--json")
        assert before.returncode == 1
        assert sorted(json.loads(before.stdout)["missing"]) == ["acme/service-0", "acme/service-1"]
        repaired = await run("reconcile")
        assert (repaired.returncode, "put right" in repaired.stdout) == (0, True), repaired.stderr
        after = await run("check")
        assert (after.returncode, "both say the same" in after.stdout) == (0, True), after.stdout
        server.ask("POST", "registered-models/alias", name="mercato.acme.service-0", alias="champion", version="1")
        told = await run("check")
        assert (told.returncode, "alias champion is version 1 and should be version 2" in told.stdout) == (1, True)
    finally:
        for name in server.models():
            server.ask("DELETE", "registered-models/delete", name=name)


# Who is let in.


async def test_wrong_credentials_are_said_and_right_ones_work(tmp_path: Path) -> None:
    server = MlflowServer(tmp_path, asks_who=True)
    server.start()
    try:
        with_rights = at(server.url.replace("//", f"//{USER}:{PASSWORD}@"))
        assert (await with_rights.examine()).startswith("3.")
        await with_rights.bring(model("acme/embedder", ONE))
        await with_rights.close()
        for url in (server.url, server.url.replace("//", f"//{USER}:wrong@")):
            stranger = at(url)
            with pytest.raises(RegistryRefused, match="MERCATO_MLFLOW_TOKEN") as refused:
                await stranger.examine()
            assert "wrong@" not in str(refused.value)
            with pytest.raises(RegistryRefused):
                await stranger.bring(model("acme/embedder", ONE, TWO))
            await stranger.close()
    finally:
        server.kill()
