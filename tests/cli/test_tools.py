"""`mp dev`, `doctor`, `explain`, `completion`, in a terminal where people use them there, against a real server."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Mp, Shop
from tests.support.http_server import serve_bytes
from tests.support.running import BIN, Running
from tests.support.waiting import SECONDS


def _lines(running: Running) -> list[dict[str, str]]:
    return [json.loads(line) for line in running.out().splitlines()]


def _await(running: Running, count: int) -> dict[str, str]:
    """The last of `count` lines."""
    deadline = time.monotonic() + SECONDS
    while len(_lines(running)) < count:
        assert running.process.poll() is None, running.err()
        assert time.monotonic() < deadline, running.err()
        time.sleep(0.1)
    return _lines(running)[count - 1]


@pytest.fixture
def project(mp: Mp) -> Path:
    """A new project."""
    assert mp("init", "words", "--template", "openapi-service").returncode == 0
    return mp.config / "words"


@pytest.fixture
def served(mp: Mp, project: Path) -> Iterator[Running]:
    """`mp dev` on it; it heeds SIGINT, also where whoever runs the tests ignores it."""
    heeds = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", heeds, str(BIN / "mp"), "dev", "words", "--port", "0", "--json"]
    running = Running(words, mp.environment, mp.config)
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGINT)


def test_dev_serves_and_starts_anew_after_a_save(project: Path, served: Running) -> None:
    address = _await(served, 1)["address"]
    asked = {"text": "Two words."}
    assert httpx.post(f"{address}/v1/statistics", json=asked, timeout=60).json()["words"] == 2
    handler = project / "handler.py"
    good = handler.read_text()
    handler.write_text(good.replace('return {"words": words,', 'return {"words": words + 40,'))
    assert _await(served, 2) == {"event": "ready", "address": address}, "at the same address"
    assert httpx.post(f"{address}/v1/statistics", json=asked, timeout=60).json()["words"] == 42
    handler.write_text("def broken(")
    assert _await(served, 3)["event"] == "failed"
    assert "SyntaxError" in served.err()
    handler.write_text(good)
    assert _await(served, 4)["event"] == "ready"
    assert httpx.post(f"{address}/v1/statistics", json=asked, timeout=60).json()["words"] == 2
    assert served.stop(signal.SIGINT) == 130
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/healthz", timeout=60)


def test_doctor_finds_a_healthy_place_healthy(consumer: Mp) -> None:
    body = consumer.json("doctor")
    assert body["healthy"]
    outcomes = {each["name"]: each["outcome"] for each in body["items"]}
    assert {outcomes[name] for name in ("profile", "marketplace", "clock", "credential", "gateway")} == {"ok"}


def test_doctor_says_what_to_do(mp: Mp, consumer: Mp, shop: Shop) -> None:
    kept = json.loads(consumer.file.read_text())
    kept["profiles"]["default"]["gateway"] = "http://127.0.0.1:9"
    kept["profiles"]["default"]["credential"] = "ck_nonsense"
    consumer.file.write_text(json.dumps(kept))
    done = consumer("doctor")
    assert done.returncode == 1
    assert "credential: Log in" in done.stdout
    assert "gateway: Name it with `mp login --gateway`" in done.stdout


def test_doctor_sees_a_clock_that_is_wrong(mp: Mp) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\ndate: Mon, 02 Nov 2020 09:00:00 GMT\r\ncontent-length: 2\r\n"
        b"content-type: application/json\r\nconnection: close\r\n\r\n{}"
    )
    with serve_bytes(lambda number, line: [answer]) as server:
        done = mp("doctor", "--json", MERCATO_TOKEN="t", MERCATO_URL=server.url)
    (clock,) = [each for each in json.loads(done.stdout)["items"] if each["name"] == "clock"]
    assert clock["outcome"] == "failed"
    assert "ahead of the marketplace" in clock["told"]


def test_doctor_without_a_login_names_the_command(mp: Mp) -> None:
    done = mp("doctor")
    assert done.returncode == 1
    assert "profile: Log in with `mp login`." in done.stdout


@pytest.mark.parametrize("code", ["secret_found", "quota_exceeded", "not_allowed", "handler_failed", "slow_down"])
def test_explain_knows_every_code_without_a_network(mp: Mp, code: str) -> None:
    body = mp.json("explain", code)["items"]
    assert all(each["code"] == code and each["title"] and each["fix"] for each in body)


def test_explain_suggests_what_was_meant(mp: Mp) -> None:
    done = mp("explain", "secret_fund")
    assert done.returncode == 2
    assert "Did you mean secret_found" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(mp: Mp, shell: str) -> None:
    assert "_MP_COMPLETE" in mp("completion", shell).stdout


def test_bash_completes_commands_options_and_values(mp: Mp) -> None:
    def complete(*words: str) -> list[str]:
        asked = {"_MP_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("mp", *words)), "COMP_CWORD": str(len(words))}
        done = subprocess.run([BIN / "mp"], env=mp.environment | asked, capture_output=True, text=True, timeout=60)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert "validate" in complete("val")
    assert "--template" in complete("init", "--tem")
    assert set(complete("init", "x", "--template", "signal-")) == {"signal-http", "signal-train"}


def test_bash_takes_the_script(mp: Mp) -> None:
    script = mp.config / "mp.bash"
    script.write_text(mp("completion", "bash").stdout)
    path = f"{BIN}:{os.environ['PATH']}"
    typed = f'source {script}; COMP_WORDS=(mp expl); COMP_CWORD=1; _mp_completion mp; echo "${{COMPREPLY[@]}}"'
    environment = mp.environment | {"PATH": path}
    done = subprocess.run(["bash", "-c", typed], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["explain"], done.stderr


def test_colours_are_for_terminals_only(consumer: Mp) -> None:
    assert "\x1b[" not in consumer("keys", "list").stdout
