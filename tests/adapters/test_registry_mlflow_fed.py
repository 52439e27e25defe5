"""MLflow fed from a marketplace: by workers that are killed, while it is away, and put right again."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mercato.adapters.mlflow_address import read_address
from mercato.adapters.registry_mlflow import MlflowRegistry
from mercato.platform import Database
from mercato.publishing import Lifecycle, Service
from mercato.registry import (
    ModelReader,
    RegistryFeeder,
    RegistryRefused,
    count_waiting_news,
    forget_registry_feeder,
    reconcile,
)
from tests.adapters.mlflow_registry import ONE, TWO, URL, CountingClient, at, model, registry, server
from tests.conftest import People
from tests.support.market import Market, market
from tests.support.mlflow import PASSWORD, USER, MlflowServer
from tests.support.running import Place
from tests.support.waiting import until

__all__ = ["market", "registry", "server"]


pytestmark = pytest.mark.slow

PROCESS = Path(__file__).with_name("registry_worker.py")


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
    client = CountingClient(read_address(server.url))
    counted = MlflowRegistry(client, prefix="mercato", marketplace="ours")
    found = await reconcile(reader, counted, repair=False)
    # Three pages; the missing model is asked for, and of the one that differs also its versions.
    assert client.asked == 3 + 1 + 2
    await counted.close()
    assert (found.models, found.missing, found.extra) == (3, ["acme/service-0"], ["mercato.acme.gone"])
    assert found.different == {"acme/service-1": ("the description differs",)}
    assert not found.agrees
    repaired = await reconcile(reader, registry, repair=True)
    assert (repaired.missing, repaired.extra) == (found.missing, found.extra)
    assert not repaired.needs_person
    assert (await reconcile(reader, registry, repair=False)).agrees
    assert "mercato.acme.gone" not in server.models()


@pytest.mark.parametrize("repair", [False, True])
async def test_requests_grow_with_pages_and_not_with_services(
    registry: MlflowRegistry, server: MlflowServer, market: Market, people: People, repair: bool
) -> None:
    await announced(market, people, 9)
    reader = ModelReader(market.database, URL)
    await reconcile(reader, registry, repair=True)
    client = CountingClient(read_address(server.url))
    by_pages = MlflowRegistry(client, prefix="mercato", marketplace="ours", page_size=5)
    found = await reconcile(reader, by_pages, repair=repair)
    assert (found.models, found.agrees) == (9, True)
    # Two pages of models, four of eighteen versions, and two of our models whatever their prefix.
    assert client.asked == 2 + 4 + 2
    await by_pages.close()


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
