"""The registry port against a real MLflow 3: what it holds, killed and started again, beside models of others."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from mercato.adapters.mlflow_address import read_address
from mercato.adapters.registry_mlflow import MlflowRegistry
from mercato.registry import (
    RegistryTaken,
    RegistryUnavailable,
)
from tests.adapters.mlflow_registry import ONE, TWO, CountingClient, at, model, registry, server, version
from tests.support.mlflow import MlflowServer

__all__ = ["registry", "server"]

pytestmark = pytest.mark.slow

HOSTILE = (
    "acme/embedder", "a-b/c", "a/b-c", "a.b/c", "a/b.c", "UPPER/Case", "with space/and 'quotes' \"and\" `ticks`",
    "emoji/🦀🙂", "a/b/c/d", "../..", "x" * 500, "x" * 499 + "y", "semi;colon/--%", "",
)  # fmt: skip


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


async def test_many_models_and_versions_are_found_page_by_page(registry: MlflowRegistry, server: MlflowServer) -> None:
    many = [version(f"rel_{number:03}", f"1.{number}.0") for number in range(45)]
    wanted = model("acme/embedder", *many, aliases={"champion": "rel_44"})
    await registry.bring(wanted)
    client = CountingClient(read_address(server.url))
    by_pages = MlflowRegistry(client, prefix="mercato", marketplace="ours", page_size=10)
    assert await by_pages.differences(wanted) == ()
    assert client.asked == 1 + 5
    await by_pages.close()


async def test_what_is_listed_has_its_versions_beside_models_of_others_and_without_any(
    registry: MlflowRegistry, server: MlflowServer
) -> None:
    ours = [
        model(f"acme/model-{number}", *(version(f"rel_{number}_{n}", f"1.{n}.0") for n in range(number % 4)),
              key=f"svc_{number}")
        for number in range(9)
    ]  # fmt: skip
    for one in ours:
        await registry.bring(one)
    server.ask("POST", "registered-models/create", name="mercato.acme.model-3-theirs")
    server.ask("POST", "model-versions/create", name="mercato.acme.model-3-theirs", source="theirs:/somewhere")
    before = at(server.url, prefix="before")
    await before.bring(model("acme/renamed", ONE, key="svc_renamed"))
    client = CountingClient(read_address(server.url))
    by_pages = MlflowRegistry(client, prefix="mercato", marketplace="ours", page_size=4)
    try:
        listed = {one.registered_name: one async for one in by_pages.list_own()}
        # 10 models and 13 versions have our prefix, and 10 models are ours.
        assert client.asked == 3 + 4 + 3
        assert listed.pop("before.acme.renamed").key == "svc_renamed"
        assert {one.key: name for name, one in listed.items()} == {
            one.key: f"mercato.{one.name.replace('/', '.')}" for one in ours
        }
        assert all(listed[registry.registered_name(one.name)].agrees(one) for one in ours)
        assert not listed["mercato.acme.model-1"].agrees(ours[2])
    finally:
        server.ask("DELETE", "registered-models/delete", name="mercato.acme.model-3-theirs")
        await by_pages.close()
        await before.close()


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
