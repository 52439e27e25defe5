"""The audit log and suspension: entries a second, the check of 100,000 entries, and how soon calls stop.

    python -m bench.audit [--entries 100000]

Entries are written from news as the worker does it; the check reads every text, hash and head. `suspend_s` and
`deactivate_s` run from an operator's, administrator's or identity provider's request to the first call that the gateway
refuses.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from bench.discovery import show
from bench.discovery_rows import Row
from bench.vendors import marketplace
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.admin import AuditRecorder, AuditSealer, LogCheck
from mercato.app.schema import migrate
from mercato.platform import Database, HeadKey, MarketplaceSecret, SystemClock, SystemIds
from mercato.platform.outbox import lock_place, move_place, read_events

RESULTS = Path(__file__).parent / "results" / "audit.json"
_TIMES = 5
_PASSWORD = "correct horse battery"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


async def measure_log(url: str, entries: int) -> list[Row]:
    """Append, seal, check."""
    database, clock = Database(url), SystemClock()
    ids, key = SystemIds(clock), HeadKey(MarketplaceSecret.of(bytes(32)))
    came = asyncio.Event()
    recorder = AuditRecorder(clock, ids, came).subscriber()
    sealer = AuditSealer(database, clock, key, came)
    await _tell(database, entries)
    began = time.perf_counter()
    written = 0
    while True:
        async with database.transaction() as session:
            place = await lock_place(session, recorder.name)
            assert place is not None
            events = await read_events(session, place, recorder.kinds, 200)
            if not events:
                break
            await recorder.handle(session, events)
            await move_place(session, recorder.name, events[-1].place)
        written += len(events)
        if written % 2_000 == 0:
            await sealer.seal()
    await sealer.seal()
    appending = time.perf_counter() - began
    times, cpu = [], []
    for _ in range(3):
        began, used = time.perf_counter(), time.process_time()
        async with database.transaction() as session:
            found = await LogCheck(session, key, []).run()
        times.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        assert found.holds, found.findings
    await database.close()
    return [
        Row("audit_append_per_s", written / appending, "1/s", "higher", 2_000.0),
        Row(
            f"audit_verify_s.{entries // 1000}k", statistics.median(times), "s", "lower", 5.0, (min(times), max(times))
        ),
        Row(f"audit_verify_cpu_s.{entries // 1000}k", statistics.median(cpu), "s", "lower", None, (min(cpu), max(cpu))),
    ]


async def _tell(database: Database, entries: int) -> None:
    """So many changes, written in one statement: how the news comes is not what is measured."""
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO outbox_events (topic, payload, at) SELECT 'key.changed', jsonb_build_object('by', 'usr_1',"
                " 'key_id', 'key_' || number, 'organisation_id', 'org_1'), now() FROM generate_series(1, :most) number"
            ),
            {"most": entries},
        )


def measure_access(told: dict[str, Any]) -> list[Row]:
    """From the request to the first refused call, with calls as fast as one client makes them."""
    with (
        httpx.Client(base_url=told["control_url"], timeout=60) as control,
        httpx.Client(base_url=told["gateway_url"], timeout=60) as gateway,
    ):
        operator = _sign_in(control, told["administrator"]["email"], told["administrator"]["password"])
        suspended = [_suspend(control, gateway, operator) for _ in range(_TIMES)]
        deactivated = [_deactivate(control, gateway) for _ in range(_TIMES)]
        provisioned = [_deactivate(control, gateway, by_provider=True) for _ in range(_TIMES)]
    return [
        Row(metric, statistics.median(times), "s", "lower", 1.0, (min(times), max(times)))
        for metric, times in (
            ("suspend_s", suspended),
            ("deactivate_s", deactivated),
            ("deactivate_s.scim", provisioned),
        )
    ]


def _sign_in(control: httpx.Client, email: str, password: str) -> dict[str, str]:
    answer = control.post("/api/sessions", json={"email": email, "password": password}).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _join(control: httpx.Client) -> tuple[str, dict[str, str]]:
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    who = {"organisation": slug, "name": slug, "email": f"{slug}@example.org", "password": _PASSWORD}
    control.post("/api/organisations", json=who).raise_for_status()
    return slug, _sign_in(control, who["email"], _PASSWORD)


def _key(control: httpx.Client, who: dict[str, str]) -> str:
    made = control.post("/api/keys", json={"kind": "ck", "name": "bench"}, headers=who).raise_for_status()
    return str(made.json()["key"])


def _suspend(control: httpx.Client, gateway: httpx.Client, operator: dict[str, str]) -> float:
    slug, who = _join(control)
    key = _key(control, who)
    _await(gateway, key, refused=False)
    began = time.perf_counter()
    control.post(f"/api/organisations/{slug}/suspend", json={"reason": "a bench"}, headers=operator).raise_for_status()
    _await(gateway, key, refused=True)
    return time.perf_counter() - began


def _deactivate(control: httpx.Client, gateway: httpx.Client, *, by_provider: bool = False) -> float:
    """By an administrator, or by the organisation's identity provider (SCIM)."""
    slug, boss = _join(control)
    email = f"vera-{slug}@example.org"
    body = {"email": email, "name": "Vera", "password": _PASSWORD, "role": "admin"}
    user = control.post("/api/users", json=body, headers=boss).raise_for_status().json()["id"]
    key = _key(control, _sign_in(control, email, _PASSWORD))
    made = control.post("/api/scim/tokens", json={"name": "bench"}, headers=boss).raise_for_status().json()
    provider = {"Authorization": f"Bearer {made['token']}"}
    _await(gateway, key, refused=False)
    began = time.perf_counter()
    if by_provider:
        change = {"schemas": [_PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
        control.patch(f"/scim/v2/Users/{user}", json=change, headers=provider).raise_for_status()
    else:
        control.post(f"/api/users/{user}/disable", json={}, headers=boss).raise_for_status()
    _await(gateway, key, refused=True)
    return time.perf_counter() - began


def _await(gateway: httpx.Client, key: str, *, refused: bool) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = gateway.get("/v1/models", headers={"Authorization": f"Bearer {key}"})
        if (answer.status_code in {401, 403}) == refused:
            return
    raise TimeoutError(f"the gateway still answers {answer.status_code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        url = server.start()
        try:
            migrate(url)
            rows = asyncio.run(measure_log(url, arguments.entries))
        finally:
            server.stop()
    show(rows)
    with tempfile.TemporaryDirectory() as folder, marketplace(Path(folder)) as (told, _):
        rows += measure_access(told)
    show(rows)
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.write_text(json.dumps({"machine": machine, "rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
