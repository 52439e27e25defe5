"""`mp audit` as a person runs it, also against a marketplace whose owner rewrote the log."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from mercato.adapters.ring_file import RingFile
from mercato.app.settings import Settings
from mercato_contracts.head_keys import PublishedHeadKeys
from tests.admin.conftest import Ledger, ledger  # noqa: F401
from tests.cli.conftest import Mp
from tests.conftest import People, TestClock
from tests.support.asgi import serve_app
from tests.support.waiting import until

_PASSWORD = "correct horse battery"


@pytest.fixture
async def acme(app: FastAPI, clock: TestClock, people: People, mp: Mp) -> AsyncIterator[Mp]:
    """The command of acme's administrator."""
    clock.at = datetime.now(UTC)
    await people.join("acme")
    async with serve_app(app) as url:
        done = await run(mp, "login", "--url", url, "--email", "acme@example.org", stdin=_PASSWORD)
        assert done.returncode == 0, done.stderr
        yield mp


async def run(mp: Mp, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(mp, *words, stdin=stdin)


async def test_a_person_lists_shows_exports_and_verifies(acme: Mp, ledger: Ledger, tmp_path: Path) -> None:  # noqa: F811
    await ledger.fill(300)
    listed = await run(acme, "audit", "list", "--verb", "session.began", "--json")
    assert listed.returncode == 0, listed.stderr
    (entry, *_) = json.loads(listed.stdout)["items"]
    table = await run(acme, "audit", "list")
    assert "session.began" in table.stdout
    shown = await run(acme, "audit", "show", entry["core"]["id"])
    assert shown.returncode == 0, shown.stderr
    assert "It stands in the log" in shown.stderr
    exported = await run(acme, "audit", "export", "--out", str(tmp_path / "log.jsonl"))
    assert exported.returncode == 0, exported.stderr
    verified = await run(acme, "audit", "verify", "--json")
    assert verified.returncode == 0, verified.stderr
    body = json.loads(verified.stdout)
    assert (body["holds"], body["size"] >= 300, body["heads"]) == (True, True, 1)
    offline = await run(acme, "audit", "verify", "--entries", str(tmp_path / "log.jsonl"), "--json")
    assert json.loads(offline.stdout)["heads"] == 2, "the head of the last check is remembered"


async def test_an_altered_export_is_found(acme: Mp, ledger: Ledger, tmp_path: Path) -> None:  # noqa: F811
    await ledger.fill(3)
    file = tmp_path / "log.jsonl"
    assert (await run(acme, "audit", "export", "--out", str(file))).returncode == 0
    file.write_text(file.read_text().replace('"outcome":"allowed"', '"outcome":"denied"'))
    done = await run(acme, "audit", "verify", "--entries", str(file))
    assert done.returncode == 1
    assert "shown otherwise than it was sealed" in done.stderr


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("DELETE FROM audit_entries WHERE place >= 5",), "its end was cut"),
        (("UPDATE audit_entries SET leaf = sha256('forged') WHERE place = 1",), "are not those of the head"),
        (("DELETE FROM audit_entries WHERE place = 3",), "its end was cut"),
    ],
    ids=["cut", "edited", "deleted"],
)
async def test_a_rewritten_log_is_found_by_the_remembered_head(
    acme: Mp,
    ledger: Ledger,  # noqa: F811
    statements: tuple[str, ...],
    said: str,
) -> None:
    """Even where every head in the database is removed."""
    await ledger.fill(20)
    assert (await run(acme, "audit", "verify")).returncode == 0
    await ledger.tamper(*statements, "TRUNCATE audit_heads", "TRUNCATE audit_nodes")
    done = await run(acme, "audit", "verify")
    assert done.returncode == 1
    assert said in done.stderr


async def test_a_log_that_is_chained_anew_with_the_right_key_is_found(
    acme: Mp,
    ledger: Ledger,  # noqa: F811
    tmp_path: Path,
) -> None:
    head = await ledger.fill(20)
    kept = tmp_path / "head.json"
    kept.write_text(json.dumps({"type": "audit.sealed", "data": head.model_dump(mode="json")}))
    await ledger.tamper("TRUNCATE audit_entries", "TRUNCATE audit_heads", "TRUNCATE audit_nodes")
    await ledger.fill(30)
    assert (await run(acme, "audit", "verify")).returncode == 0, (
        "nothing is remembered yet, and the log holds in itself"
    )
    done = await run(acme, "audit", "verify", "--head", str(kept))
    assert done.returncode == 1
    assert "are not those of the head" in done.stderr


async def test_the_log_verifies_across_a_rotation_and_its_keys_are_kept_for_offline_checks(
    acme: Mp,
    ledger: Ledger,  # noqa: F811
    settings: Settings,
    clock: TestClock,
    tmp_path: Path,
) -> None:
    first = await ledger.fill(3)
    assert (await run(acme, "audit", "verify")).returncode == 0
    file = RingFile(settings.signing_key_file)
    file.change(lambda ring: ring.add(os.urandom(32), clock.now() + timedelta(seconds=1)))
    await until(lambda: len(ledger.wiring.log_key.published()) == 2)
    clock.advance(timedelta(seconds=2))
    second = await ledger.fill(3)
    assert first.key != second.key
    file.change(lambda ring: ring.retire(ring.keys[0].id))
    await until(lambda: ledger.wiring.log_key.published()[0].state == "retired")
    verified = await run(acme, "audit", "verify", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["heads"] == 2, "the remembered head is of the key before"
    listed = await run(acme, "audit", "keys", "--out", str(tmp_path / "keys.json"))
    assert listed.returncode == 0, listed.stderr
    assert (first.key in listed.stdout, second.key in listed.stdout) == (True, True)
    assert PublishedHeadKeys.model_validate_json((tmp_path / "keys.json").read_bytes()).items[1].key == second.key
