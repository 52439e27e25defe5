"""A registry that is no MLflow, the wrong one, slow, or that sends what MLflow does not: each is one clear sentence."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from mercato.adapters.mlflow_address import read_address
from mercato.adapters.registry_mlflow import MlflowClient, MlflowRegistry
from mercato.registry import (
    RegisteredModel,
    RegistryFailed,
    RegistryRefused,
    RegistryRejected,
    RegistryUnavailable,
)
from tests.support.http_server import serve_bytes, stand_in
from tests.support.ports import free_port

MODEL = RegisteredModel("svc_1", "acme/embedder", "", {}, (), {})
OURS = {
    "registered_model": {"name": "mercato.acme.embedder", "tags": [{"key": "mercato.marketplace", "value": "ours"}]}
}
Answer = tuple[int, object]


@asynccontextmanager
async def asking(url: str, token: str | None = None, authority: Path | None = None) -> AsyncIterator[MlflowRegistry]:
    registry = MlflowRegistry(MlflowClient(read_address(url), token, authority), prefix="mercato", marketplace="ours")
    try:
        yield registry
    finally:
        await registry.close()


async def bring(registry: MlflowRegistry) -> object:
    return await registry.bring(MODEL)


async def examine(registry: MlflowRegistry) -> object:
    return await registry.examine()


async def list_own(registry: MlflowRegistry) -> object:
    return [one async for one in registry.list_own()]


@pytest.mark.parametrize(
    "url", ["mlflow:5000", "http://", "http://user@host", "http://h/p?q=1", "ftp://h", "http://h:p"]
)
def test_an_address_that_cannot_be_read_names_its_setting_and_no_secret(url: str) -> None:
    with pytest.raises(ValueError, match="MERCATO_MLFLOW_URL") as refused:
        read_address(url.replace("user", "secretword"))
    assert "secretword" not in str(refused.value)


def test_an_address_behind_a_path_is_read() -> None:
    found = read_address("https://me:p%40ss@mlflow.example:5000/team/a/")
    assert (found.url, found.user, found.password) == ("https://mlflow.example:5000/team/a", "me", "p@ss")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>hello</html>"), "no MLflow answers"),
        ((200, b"2.22.1"), "MLflow 2.22.1 answers, and MLflow 3 is needed"),
        ((200, b"4.0.0"), "MLflow 4.0.0 answers"),
        ((404, b"nothing"), "no MLflow answers"),
        ((401, b"who are you"), "MERCATO_MLFLOW_TOKEN"),
        ((403, b"Invalid Host header - possible DNS rebinding attack detected"), "--allowed-hosts"),
    ],
)
async def test_what_is_no_mlflow_3_is_refused_with_what_to_do(answer: Answer, said: str) -> None:
    with stand_in(lambda method, path: answer) as (url, _):
        async with asking(url) as registry:
            with pytest.raises(RegistryRefused, match=said) as refused:
                await registry.examine()
    assert "MERCATO_MLFLOW_URL" in str(refused.value)


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (200, b"<html>", RegistryUnavailable),
        (200, b"[1, 2]", RegistryUnavailable),
        (200, {"registered_model": None}, RegistryUnavailable),
        (200, {"registered_model": {"name": "x", "aliases": [{"alias": "a", "version": "one"}]}}, RegistryUnavailable),
        (200, {"registered_model": {"name": "x", "tags": "none"}}, RegistryUnavailable),
        (302, b"", RegistryRefused),
        (401, b"", RegistryRefused),
        (403, {"error_code": "PERMISSION_DENIED", "message": "no"}, RegistryRefused),
        (404, b"<html>", RegistryRefused),
        (429, b"slow down", RegistryUnavailable),
        (500, b"<html>", RegistryUnavailable),
        (502, b"<html>", RegistryUnavailable),
        (503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}, RegistryUnavailable),
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "bad name"}, RegistryRejected),
        (500, {"error_code": "INTERNAL_ERROR", "message": "broken"}, RegistryFailed),
    ],
)
async def test_each_answer_has_its_meaning(status: int, content: object, kind: type[Exception]) -> None:
    with stand_in(lambda method, path: (status, content)) as (url, _):
        async with asking(url) as registry:
            with pytest.raises(kind) as raised:
                await bring(registry)
    assert type(raised.value) is kind


async def test_one_that_keeps_nothing_is_given_up() -> None:
    def forgets(method: str, path: str) -> Answer:
        if method != "GET":
            return 200, {}
        return 200, OURS if "registered-models/get" in path else {}

    with stand_in(forgets) as (url, _):
        async with asking(url) as registry:
            with pytest.raises(RegistryFailed, match="does not keep"):
                await registry.bring(RegisteredModel("svc_1", "acme/embedder", "words", {}, (), {}))


async def test_one_that_sends_the_same_page_for_ever_is_given_up() -> None:
    with stand_in(lambda method, path: (200, {"registered_models": [], "next_page_token": "again"})) as (url, _):
        async with asking(url) as registry:
            with pytest.raises(RegistryUnavailable, match="same page"):
                await list_own(registry)


async def test_a_stranger_that_a_filter_let_through_is_not_ours() -> None:
    theirs = {"registered_models": [{"name": "theirs", "tags": [{"key": "mercato.marketplace", "value": "x"}]}]}
    with stand_in(lambda method, path: (200, theirs)) as (url, _):
        async with asking(url) as registry:
            assert await list_own(registry) == []


@pytest.mark.parametrize("ask", [examine, bring, list_own])
async def test_nobody_there_is_said(ask: Callable[[MlflowRegistry], Awaitable[object]]) -> None:
    async with asking(f"http://127.0.0.1:{free_port()}") as registry:
        with pytest.raises(RegistryUnavailable, match="does not answer") as raised:
            await ask(registry)
    assert "MERCATO_MLFLOW_URL" in str(raised.value)


async def test_who_waits_for_a_silent_server_can_be_cancelled() -> None:
    silent = threading.Event()
    with serve_bytes(lambda number, head: [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", silent]) as server:
        async with asking(server.url) as registry:
            waiting = asyncio.create_task(bring(registry))
            while not server.requests:
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
    silent.set()


async def test_the_token_goes_as_bearer_and_wins_over_user_and_password() -> None:
    with stand_in(lambda method, path: (401, b"no")) as (url, shown):
        for token in ("secret-token", None):
            async with asking(url.replace("//", "//me:pass@"), token) as registry:
                with pytest.raises(RegistryRefused) as refused:
                    await registry.examine()
                assert "secret-token" not in str(refused.value)
                assert "pass@" not in str(refused.value)
    assert shown[0] == "Bearer secret-token"
    assert shown[1].startswith("Basic ")


async def test_a_certificate_of_a_stranger_is_refused_and_of_the_authority_trusted(tmp_path: Path) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(pem)

    def answer(method: str, path: str) -> Answer:
        return 200, b"3.17.2" if path == "/version" else {}

    with stand_in(answer, tls) as (url, _):
        async with asking(url) as registry:
            with pytest.raises(RegistryRefused, match="MERCATO_MLFLOW_CA"):
                await registry.examine()
        async with asking(url, authority=pem) as registry:
            assert await registry.examine() == "3.17.2"
