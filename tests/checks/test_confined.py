"""Checks in processes of their own: each ends within its limits, and whatever happens to one, the others go on."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mercato_checks.addresses import Target
from mercato_checks.codes import CODES
from mercato_checks.confined import CheckStopped, ConfinedChecks, Limits
from mercato_checks.confined.tasks import LiveEndpoint, Texts, document_check, manifest_findings, measure_check
from mercato_checks.endpoint import Call
from mercato_checks.measure import MeasurePolicy
from tests.support.processes import children, server_of_checks

URL = "https://models.example"
A_SECOND = Limits(cpu_seconds=1, wall_seconds=60)
HEAVY = "openapi: 3.1.0\nlist:\n" + "- {a: b, c: [1, 2, 3]}\n" * 120_000
"""Seconds of honest work for the reader of YAML, and no findings."""


@pytest.fixture
async def checks() -> AsyncIterator[ConfinedChecks]:
    """With the limits of the pipeline."""
    async with ConfinedChecks() as confined:
        yield confined


class SilentServer:
    """Takes connections and says nothing; `called` once the first has come."""

    async def __aenter__(self) -> "SilentServer":
        self.called = asyncio.Event()
        self._server = await asyncio.start_server(self._hear, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called.set()
        await reader.read()
        writer.close()

    async def measured_by(self, checks: ConfinedChecks) -> object:
        """A check that waits for this server."""
        port = self._server.sockets[0].getsockname()[1]
        live = LiveEndpoint(Target("http", "127.0.0.1", port, "", ("127.0.0.1",)), 60, {}, "")
        return await checks.run_live(measure_check, "acme", live, Texts("", None), Call("GET", "/"), MeasurePolicy())


async def test_a_check_gives_the_same_findings_as_in_this_process(checks: ConfinedChecks) -> None:
    text = "name: 7\nversion: x"
    assert await checks.run(manifest_findings, "acme", text) == manifest_findings(text)
    described = json.dumps({"openapi": "3.1.0", "info": {"title": "A"}, "paths": {"/a": {"get": {}}}})
    assert await checks.run(document_check, "acme", described, "openapi.json", "1.0.0", URL) == document_check(
        described, "openapi.json", "1.0.0", URL
    )


async def test_a_check_that_passes_its_processor_time_is_stopped_and_others_go_on() -> None:
    async with ConfinedChecks(quick=A_SECOND, thorough=A_SECOND) as checks:
        heavy = asyncio.create_task(checks.run(document_check, "mallory", HEAVY, "a.yaml", "1.0.0", URL))
        for _ in range(5):
            assert await checks.run(manifest_findings, "acme", "name: a")
        with pytest.raises(CheckStopped) as stopped:
            await heavy
    assert stopped.value.reason == "cpu"


async def test_a_check_that_needs_more_than_the_quick_limit_gets_a_thorough_try() -> None:
    async with ConfinedChecks(quick=A_SECOND, thorough=replace(A_SECOND, cpu_seconds=120)) as checks:
        checked = await checks.run(document_check, "acme", HEAVY, "a.yaml", "1.0.0", URL)
    assert checked.facts is not None


async def test_a_check_that_wants_too_much_memory_is_stopped() -> None:
    async with ConfinedChecks(quick=Limits(60, 60, memory_bytes=300 << 20)) as checks:
        with pytest.raises(CheckStopped) as stopped:
            await checks.run(document_check, "acme", '{"a": [' + "[], " * 8_000_000 + "[]]}", "a.json", "1.0.0", URL)
    assert stopped.value.reason == "memory"


async def test_calls_of_an_endpoint_that_never_answers_end_at_the_deadline() -> None:
    async with ConfinedChecks(live=Limits(20, wall_seconds=0.5)) as checks, SilentServer() as server:
        with pytest.raises(CheckStopped) as stopped:
            await server.measured_by(checks)
    assert stopped.value.reason == "deadline"


async def test_a_killed_process_is_a_crash_and_the_next_check_works(checks: ConfinedChecks) -> None:
    async with SilentServer() as server:
        waiting = asyncio.create_task(server.measured_by(checks))
        await server.called.wait()
        for child in children(server_of_checks(os.getpid())):
            os.kill(child, signal.SIGKILL)
        with pytest.raises(CheckStopped) as stopped:
            await waiting
    assert stopped.value.reason == "crash"
    assert await checks.run(manifest_findings, "acme", "name: a")


async def test_a_killed_server_takes_its_checks_along_and_another_takes_its_place(checks: ConfinedChecks) -> None:
    async with SilentServer() as silent:
        waiting = asyncio.create_task(silent.measured_by(checks))
        await silent.called.wait()
        server = server_of_checks(os.getpid())
        (child,) = children(server)
        os.kill(server, signal.SIGKILL)
        with pytest.raises(CheckStopped):
            await waiting
    async with asyncio.timeout(60):
        while Path(f"/proc/{child}/cwd").exists():
            await asyncio.sleep(0.01)
    assert await checks.run(manifest_findings, "acme", "name: a")
    assert server_of_checks(os.getpid()) != server


async def test_an_exception_of_a_check_names_places_in_our_code_and_nothing_of_the_text(checks: ConfinedChecks) -> None:
    with pytest.raises(CheckStopped) as stopped:
        await checks.run(document_check, "acme", {"secret": "hunter2"}, "", "1.0.0", URL)  # type: ignore[arg-type]
    assert stopped.value.reason == "crash"
    assert "hunter2" not in str(stopped.value)
    assert "document.py" in str(stopped.value)


async def test_the_process_of_a_check_has_none_of_the_secrets_of_the_environment(
    checks: ConfinedChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@db/mercato")
    await checks.run(manifest_findings, "acme", "name: a")
    assert b"hunter2" not in Path(f"/proc/{server_of_checks(os.getpid())}/environ").read_bytes()


def test_each_reason_has_a_code() -> None:
    codes = {"check_cpu_limit", "check_memory_limit", "check_deadline", "check_crashed", "check_abandoned"}
    assert codes <= CODES.keys()
