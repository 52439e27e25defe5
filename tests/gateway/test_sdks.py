"""What clients of providers need beside the calls themselves: a wrong base URL explained, refusals that are not
retried, request ids where they look for them, and waiting times in numbers.
"""

import asyncio
import json
import re
from typing import Any

import openai
import pytest

from mercato_gateway.codes import CODES
from mercato_gateway.refusals import Refused, misplaced, render
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.fakes.marketplace import a_deployment, a_plan, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Upstream, answer
from tests.gateway.conftest import Stage
from tests.gateway.test_http import exchange

OPENAI = ["/chat/completions", "/completions", "/embeddings", "/responses"]
ANTHROPIC = ["/messages", "/messages/count_tokens"]


# A base URL that is not quite right.


@pytest.mark.parametrize("prefix", ["", "/v1/v1", "/api/v1", "/v1beta", "/openai/deployments/x", "/v1/s"])
@pytest.mark.parametrize("path", [*OPENAI, "/models"])
async def test_a_wrong_base_url_is_explained(stage: Stage, prefix: str, path: str) -> None:
    place = await stage.shop("embedder")
    async with stage.gateway.client(place.key) as client:
        method = "GET" if path == "/models" else "POST"
        got = await client.request(method, prefix + path, json=None if method == "GET" else place.body())
    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (404, "operation_not_found")
    assert f"There is no {prefix}{path}. It is /v1{path} here" in error["message"]
    assert "base URL of your client ends in /v1, once" in error["message"]


@pytest.mark.parametrize("prefix", ["", "/v1/v1", "/anthropic/v1"])
@pytest.mark.parametrize("path", ANTHROPIC)
async def test_a_wrong_base_url_is_explained_to_anthropics_clients_too(stage: Stage, prefix: str, path: str) -> None:
    place = await stage.shop("claude", protocol="anthropic")
    async with stage.gateway.client() as client:
        headers = {"x-api-key": place.key, "anthropic-version": "2023-06-01"}
        got = await client.post(prefix + path, json=place.body(), headers=headers)
    assert got.json()["type"] == "error"
    assert got.json()["error"]["type"] == "not_found_error"
    assert f"It is /v1{path} here" in got.json()["error"]["message"]
    assert "without a path" in got.json()["error"]["message"]


async def test_the_sdk_says_it_too(stage: Stage) -> None:
    place = await stage.shop("embedder")
    async with openai.AsyncOpenAI(api_key=place.key, base_url=stage.gateway.url) as client:
        with pytest.raises(openai.NotFoundError, match="ends in /v1"):
            await client.models.list()
        with pytest.raises(openai.NotFoundError, match="ends in /v1"):
            await client.embeddings.create(model=place.model, input="x")
    assert stage.upstream.received == []


def test_paths_of_services_and_names_of_models_are_not_misplaced() -> None:
    for path in (b"/s/acme/chat/messages", b"/v1/models/acme/embeddings", b"/v1/other", b"/"):
        assert misplaced(path) is None


# The wrong task.


@pytest.mark.parametrize(
    ("task", "protocol", "path", "refused"),
    [
        ("chat", "openai", "/embeddings", True), ("completion", "openai", "/embeddings", True),
        *(("embeddings", "openai", path, True) for path in OPENAI if path != "/embeddings"),
        *(("embeddings", "anthropic", path, True) for path in ANTHROPIC),
        ("embeddings", "openai", "/embeddings", False), ("chat", "openai", "/completions", False),
        ("chat", "openai", "/responses", False), ("completion", "openai", "/chat/completions", False),
        ("chat", "anthropic", "/messages", False), ("other", "openai", "/embeddings", False),
        ("vision", "openai", "/chat/completions", False), (None, "openai", "/embeddings", False),
    ],
)  # fmt: skip
async def test_a_call_for_another_task_is_refused_here_and_not_retried(
    stage: Stage, task: str | None, protocol: str, path: str, refused: bool
) -> None:
    place = await stage.shop("tasked", protocol=protocol, task=task)
    async with stage.gateway.client(place.key) as client:
        got = await client.post(f"/v1{path}", json=place.body(max_tokens=5))
    if not refused:
        assert got.status_code == 200
        return
    assert got.status_code == 404, "which no client tries again"
    error = got.json()["error"]
    assert error["code"] == "operation_not_found"
    assert f"{place.model} is a service for {task}; POST /v1{path} is not for that." in error["message"]
    assert error["facts"]["task"] == task
    assert f"POST /v1{path}" not in error["facts"]["operations"]
    assert stage.upstream.received == []


async def test_no_call_falls_back_to_a_service_for_another_task(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    def service(name: str, task: str, url: str, **plan: Any) -> Any:
        return a_service(name, [a_release("1.0.0", [a_deployment(url)])], plans=[a_plan(**plan)], task=task)

    vector = service("acme/vector", "embeddings", upstream.url + "/v1")
    chat = service("acme/chat", "chat", "http://127.0.0.1:9/v1", fallbacks=["acme/vector"])
    control.put_service(vector)
    control.put_service(chat)
    key = a_subscriber(control, subscribe(chat), subscribe(vector))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        got = await client.post("/v1/chat/completions", json={"model": "acme/chat", "messages": []})
    assert got.status_code == 502
    assert upstream.received == []


# Request ids.


async def test_anthropics_clients_find_the_request_id_on_every_answer(stage: Stage) -> None:
    place = await stage.shop("claude", protocol="anthropic")

    async def with_its_own(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}'
        writer.write(answer(200, body, extra="Request-Id: req_of_the_vendor\r\nrequest_id: also\r\n"))

    stage.upstream.script = with_its_own
    headers = {"x-api-key": place.key, "anthropic-version": "2023-06-01"}
    async with stage.gateway.client() as client:
        for method, path, status in (
            ("POST", "/v1/messages", 200), ("GET", "/v1/messages", 405), ("POST", "/v1/messages/batches", 404),
            ("GET", "/v1/models", 200), ("GET", "/v1/models/none", 404), ("POST", "/messages", 404),
            ("POST", f"/s/{place.model}/nothing", 404),
        ):  # fmt: skip
            got = await client.request(
                method, path, json=place.body(max_tokens=5) if method == "POST" else None, headers=headers
            )
            assert got.status_code == status, path
            assert got.headers.get_list("request-id") == [got.headers["x-request-id"]], path
        got = await client.post("/v1/messages", json={}, headers={"x-api-key": "wrong"})
        assert got.headers["request-id"] == got.headers["x-request-id"] == got.json()["request_id"]
    early = await exchange(stage.gateway, b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n")
    assert early.startswith(b"HTTP/1.1 413")
    ids = re.findall(rb"\r\n(?:x-)?request-id: (\w+)", early)
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_other_answers_keep_the_field_of_the_vendor(stage: Stage) -> None:
    place = await stage.shop("any", protocol="openapi", paths="any")

    async def with_its_own(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, b"{}", extra="request-id: of-the-vendor\r\n"))

    stage.upstream.script = with_its_own
    async with stage.gateway.client(place.key) as client:
        got = await client.get(f"/s/{place.model}/x")
    assert got.headers["request-id"] == "of-the-vendor"


# Waiting times.


@pytest.mark.parametrize("shape", ["openai", "anthropic", "problem"])
@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.name)
def test_a_refusal_says_how_long_to_wait_in_seconds(code: Any, shape: Any) -> None:
    for wait, words in ((None, "1 second"), (1, "1 second"), (2, "2 seconds"), (3600, "3600 seconds")):
        refused = Refused(code.name, "Because.", retry_after=wait)
        _, body = render(refused, shape, "req_x")
        assert b"Retry-After" not in body
        if "`Retry-After` seconds" in code.fix:
            assert f"after {words}" in body.decode() or f"for {words}" in body.decode()
            assert refused.retry_after == (wait or 1)


@pytest.mark.parametrize("code", [code for code in CODES.values() if code.status < 500], ids=lambda code: code.name)
def test_a_refusal_of_the_call_is_of_a_clients_type(code: Any) -> None:
    for shape in ("openai", "anthropic"):
        _, body = render(Refused(code.name, "Because."), shape, "req_x")
        assert json.loads(body)["error"]["type"] not in ("server_error", "api_error", "overloaded_error")


async def test_the_allowed_methods_of_models_are_all_named(stage: Stage) -> None:
    place = await stage.shop("embedder")
    async with stage.gateway.client(place.key) as client:
        for path in ("/v1/models", f"/v1/models/{place.model}", "/healthz", "/readyz"):
            got = await client.delete(path)
            assert (got.status_code, got.headers["allow"]) == (405, "GET, HEAD")
            for method in re.split(", ", got.headers["allow"]):
                assert (await client.request(method, path)).status_code == 200
