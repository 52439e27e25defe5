"""The worker's own process with Temporal set: what a person asks for at the API is done by way of Temporal."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from mercato.app.settings import Settings
from mercato.app.worker import run_worker
from tests.admin.test_audit_api import sign_up
from tests.conftest import TestClock
from tests.support.ports import free_port
from tests.support.temporal import TemporalServer
from tests.support.waiting import until
from tests.support.workflow_records import ended_as, recorded_steps

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("workflow_engine", ["temporal"], indirect=True)]


@pytest.fixture
def settings(workflow_engine: str, tmp_path: Path, database_url: str) -> Settings:
    """Of the control plane and the worker."""
    return Settings(state=tmp_path / "state", DATABASE_URL=database_url)


async def test_what_is_asked_for_while_temporal_is_away_is_done_once_it_is_there(
    settings: Settings, api: httpx.AsyncClient, clock: TestClock, temporal_server: TemporalServer, database_url: str
) -> None:
    clock.at = datetime.now(UTC)  # by the worker's clock a copy is kept for days
    acme = await sign_up(api, "acme")
    stop, ready = asyncio.Event(), asyncio.Event()
    temporal_server.kill()
    try:
        working = asyncio.create_task(run_worker(settings, database_url, stop, ready, port=free_port()))
        await until(lambda: ready.is_set() or working.done())
        export = (await api.post("/api/privacy/exports", json={"person": "me"}, headers=acme)).json()["id"]
        path = f"/api/privacy/exports/{export}"
        assert (await api.get(path, headers=acme)).json()["state"] == "making"
        await until(lambda: REGISTRY.get_sample_value("mercato_workflows_away") == 1)
    finally:
        temporal_server.start()

    async def done() -> bool:
        return bool((await api.get(path, headers=acme)).json()["state"] == "ready")

    await until(done)
    await until(lambda: ended_as(database_url, f"export-person:{export}") == "done")
    assert recorded_steps(database_url, f"export-person:{export}") == ["write"]
    await until(lambda: REGISTRY.get_sample_value("mercato_workflows_away") == 0)
    stop.set()
    await working
