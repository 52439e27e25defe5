"""The runner: contracts are kept in both directions, and nothing that comes over the wire stops it."""

import asyncio
import contextlib
import json
import math
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercato_cli.runner.answers import Answer
from mercato_cli.runner.server import Limits, Server
from tests.runner.conftest import Runner
from tests.support.waiting import eventually


def _request(*names: str) -> dict[str, Any]:
    bars = [{"day": "2024-01-02", "close": 100.0}, {"day": "2024-01-03", "close": 100.5}]
    return {"as_of": "2024-01-03", "history": dict.fromkeys(names, bars)}


def _raw(runner: Runner, data: bytes) -> bytes:
    host, port = runner.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        expected = b""
        with contextlib.suppress(OSError):  # whoever sends nonsense may find the connection closed under its hands
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            while piece := wire.recv(65536):
                expected += piece
    return expected


def test_answers_a_call_that_fits_the_contract(runner: Runner) -> None:
    answer = runner.ask(_request("AAPL", "MSFT"))
    assert answer.status_code == 200
    assert answer.json() == {
        "contract": "signal-inference/1", "as_of": "2024-01-03", "model": "plain", "horizon_days": 5,
        "scores": {"AAPL": math.tanh(0.5), "MSFT": math.tanh(0.5)},
    }  # fmt: skip
    assert runner.http.get("/healthz").json() == {"status": "ok"}


def test_the_handler_gets_the_artifact(project: Path) -> None:
    (project / "model.txt").write_text("trained")
    runner = Runner(project, "--artifact", str(project / "model.txt"))
    assert runner.ask(_request("AAPL")).json()["model"] == "trained"
    assert runner.stop()[0] == 0


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ({"as_of": "2024-01-01", "history": {"AAPL": [{"day": "2024-01-02", "close": 1.0}]}}, "invalid_request"),
        ({"as_of": "2024-01-03"}, "invalid_request"),
        ({"as_of": "2024-01-03", "history": {"not a ticker": []}}, "invalid_request"),
        ({"contract": "signal-inference/99"}, "unknown_contract"),
        ({"contract": ["signal-inference/1"]}, "unknown_contract"),
        (7, "invalid_request"),
        ([[[]]], "invalid_request"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_with_its_fields(runner: Runner, expected: Any, code: str) -> None:
    refused = runner.ask(expected)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == code
    assert refused.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"as_of": NaN}', b"{" * 10])
def test_a_body_that_is_no_json_is_refused(runner: Runner, body: bytes) -> None:
    refused = runner.http.post("/v1/signals", content=body)
    assert refused.status_code == 422
    assert refused.json()["code"] == "invalid_request"


def test_a_refusal_of_the_handler_is_told_and_a_failure_is_not(runner: Runner) -> None:
    refused = runner.ask(_request("REFUSE"))
    assert (refused.status_code, refused.json()["code"]) == (422, "history_too_short")
    assert refused.json()["errors"][0]["field"] == "history.REFUSE"
    failed = runner.ask(_request("FAIL"))
    assert (failed.status_code, failed.json()["code"]) == (500, "handler_failed")
    assert "secret" not in failed.text
    assert "RuntimeError: the secret of the vendor" in runner.stop()[1], "the vendor's own log has it"


@pytest.mark.parametrize("name", ["LACK", "WILD"])
def test_an_answer_that_breaks_the_contract_is_kept_back(runner: Runner, name: str) -> None:
    broken = runner.ask(_request("AAPL", name))
    assert (broken.status_code, broken.json()["code"]) == (500, "handler_broke_contract")
    assert name in broken.json()["detail"]


def test_other_addresses_and_methods(runner: Runner) -> None:
    assert runner.http.get("/").json()["code"] == "unknown_operation"
    wrong = runner.http.get("/v1/signals")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert runner.http.get("/openapi.json").status_code == 404, "this project has no document"
    assert runner.http.head("/healthz").content == b""


def test_a_body_that_is_too_large_is_refused_before_it_is_read(runner: Runner) -> None:
    head = b"POST /v1/signals HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n"
    answer = _raw(runner, head + b" " * (16 * 1024 * 1024 + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/signals HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: nonsense\r\n\r\nabc",
        b"POST /v1/signals HTTP/1.1\r\nhost: x\r\ncontent-length: -3\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nbig: " + b"a" * 400_000 + b"\r\n\r\n",
        b"POST /v1/signals HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
        b"",
    ],
)
def test_what_is_no_http_gets_400_at_most_and_the_runner_goes_on(runner: Runner, data: bytes) -> None:
    answer = _raw(runner, data)
    assert not answer or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    assert runner.ask(_request("AAPL")).status_code == 200


def test_several_requests_on_one_connection(runner: Runner) -> None:
    body = json.dumps(_request("AAPL")).encode()
    one = b"POST /v1/signals HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    assert _raw(runner, one * 3).count(b"HTTP/1.1 200") == 3


def test_a_call_that_runs_is_answered_before_the_runner_stops(project: Path, runner: Runner) -> None:
    seen: list[httpx.Response] = []
    call = threading.Thread(target=lambda: seen.append(httpx.post(f"{runner.address}/v1/signals",
                            json=_request("SLEEP"), timeout=60)))  # fmt: skip
    call.start()
    eventually((project / "started").exists)
    runner.process.terminate()
    call.join(60)
    assert seen[0].status_code == 200
    assert runner.process.wait(60) == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "handler.py is not there"),
        ("x = (", "cannot be imported: SyntaxError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("class Handlers: pass", "has no class `Handler`"),
        ("class Handler:\n    def __init__(self, artifact):\n        raise ValueError('no model')", "no model"),
        ("class Handler:\n    def __init__(self, artifact): pass", "no method `infer`"),
    ],
)
def test_a_project_that_cannot_run_is_one_sentence_and_code_1(tmp_path: Path, source: str | None, said: str) -> None:
    if source is not None:
        (tmp_path / "handler.py").write_text(source)
    command = [sys.executable, "-m", "mercato_cli.runner", "serve", "--project", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


async def _call(port: int, body: bytes = b"{}") -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as http:
        return await http.post(f"http://127.0.0.1:{port}/v1/signals", content=body)


async def test_too_many_calls_are_refused_and_a_slow_one_is_told_and_makes_it_unhealthy() -> None:
    go = threading.Event()

    def slow(method: str, path: str, body: bytes) -> Answer:
        go.wait(60)
        return Answer(200, b"{}")

    server = Server(slow, lambda method, path: None, Limits(waiting_calls=2, call_seconds=0.5))
    port = await server.start("127.0.0.1", 0)
    answer = await asyncio.gather(*[_call(port) for _ in range(5)])
    assert sorted(each.status_code for each in answer) == [503, 503, 503, 504, 504]
    assert {each.headers.get("retry-after") for each in answer if each.status_code == 503} == {"1"}
    assert server.is_stuck
    go.set()
    while server.is_stuck:
        await asyncio.sleep(0.01)
    assert (await _call(port)).status_code == 200
    await server.stop()
