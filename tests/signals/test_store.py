"""Signals are taken whole, signed, in time and once, or refused with a code."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from mercato.platform import Refusal
from mercato.publishing import DeploymentHolds
from mercato.signals.models import SignalEntry
from mercato.signals.refusals import SignalLate
from tests.signals.conftest import Desk


async def _first(desk: Desk) -> tuple[Any, Any, dict[str, Any]]:
    """A writer, an open round, and a write that is good."""
    writer, found = await desk.writer("acme"), await desk.open()
    ids = (await desk.panel_of(found)).names(found.first_era)
    scores = {one: round(at / 20 - 0.5, 3) for at, one in enumerate(sorted(ids))}
    return writer, found, desk.write(writer, found, found.first_era, scores)


async def _entries(desk: Desk) -> int:
    async with desk.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(SignalEntry)) or 0


class TestTaking:
    async def test_a_write_gets_a_receipt_whose_digest_anyone_can_recompute(self, desk: Desk) -> None:
        import hashlib

        writer, _, write = await _first(desk)
        (receipt,) = await desk.take(writer, json.dumps(write).encode())
        assert receipt.digest == hashlib.sha256(b"\x00" + receipt.entry.encode()).hexdigest()
        entry = json.loads(receipt.entry)
        answer = json.dumps(write["scores"], separators=(",", ":"), sort_keys=True)
        assert entry["scores_sha256"] == hashlib.sha256(answer.encode()).hexdigest()
        assert (entry["deployment"], entry["era"], entry["place"]) == (writer.deployment, write["era"], 0)

    async def test_the_same_again_is_one_entry_and_other_scores_are_another_that_counts(self, desk: Desk) -> None:
        writer, _, write = await _first(desk)
        (first,) = await desk.take(writer, json.dumps(write).encode())
        (again,) = await desk.take(writer, json.dumps(write | {"created_at": "2026-11-01T00:00:00Z"}).encode())
        assert again == first.model_copy(update={"is_repeated": True})
        write["scores"][next(iter(write["scores"]))] = 0.999
        (other,) = await desk.take(writer, json.dumps(write).encode())
        assert (other.place, other.is_repeated) == (1, False)
        assert await _entries(desk) == 2

    async def test_writers_at_once_get_places_without_gap_or_clash(self, desk: Desk) -> None:
        found = await desk.open()
        writers = [await desk.writer(f"vendor-{at}") for at in range(6)]
        receipts = await asyncio.gather(*(desk.say(one, found, 0.1, at) for at, one in enumerate(writers)))
        assert sorted(receipt.place for each in receipts for receipt in each) == list(range(30))
        assert await desk.audit() == 30


def _scores(write: dict[str, Any], change: Any) -> bytes:
    write = json.loads(json.dumps(write))
    change(write["scores"])
    return json.dumps(write).encode()


def _swap_one(scores: dict[str, float]) -> None:
    scores.pop(next(iter(scores)))
    scores["nunknown"] = 0.1


def _twice(write: dict[str, Any]) -> bytes:
    return json.dumps(write).replace('"scores": {', '"scores": {"n": 1, "n": 1, ').encode()


def _raw(write: dict[str, Any], number: bytes) -> bytes:
    """The first score written as this number."""
    name, score = next(iter(write["scores"].items()))
    return json.dumps(write).encode().replace(json.dumps({name: score})[1:-1].encode(), f'"{name}": '.encode() + number)


def _renamed(write: dict[str, Any], by: Callable[[str], str]) -> dict[str, float]:
    return {by(name): score for name, score in write["scores"].items()}


SOON = "2026-11-02T09:06:00Z"
BAD: dict[str, tuple[str, Callable[[dict[str, Any]], bytes]]] = {
    "a score out of range": ("signal_malformed", lambda w: _scores(w, lambda s: s.update(dict.fromkeys(s, 1.5)))),
    "an unknown id": ("signal_ids_wrong", lambda w: _scores(w, _swap_one)),
    "a missing id": ("signal_ids_wrong", lambda w: _scores(w, lambda s: s.popitem())),
    "an id twice": ("signal_malformed", _twice),
    "a text for a number": ("signal_malformed", lambda w: _scores(w, lambda s: s.update(dict.fromkeys(s, "high")))),
    "a number in quotes": ("signal_malformed", lambda w: _scores(w, lambda s: s.update(dict.fromkeys(s, "0.5")))),
    "NaN in quotes": ("signal_malformed", lambda w: _scores(w, lambda s: s.update(dict.fromkeys(s, "NaN")))),
    "true": ("signal_malformed", lambda w: _scores(w, lambda s: s.update(dict.fromkeys(s, True)))),
    "beyond what a number holds": ("signal_malformed", lambda w: _raw(w, b"1e400")),
    "five thousand digits": ("signal_malformed", lambda w: _raw(w, b"1" + b"0" * 5000)),
    "an id in capitals": ("signal_ids_wrong", lambda w: json.dumps(w | {"scores": _renamed(w, str.upper)}).encode()),
    "an id from right to left": ("signal_malformed", lambda w: _scores(w, lambda s: s.update({"n\u202e\u0661": 0.1}))),
    "half a character": ("signal_malformed", lambda w: _scores(w, lambda s: s.update({"\ud800": 0.1}))),
    "an era in quotes": ("signal_malformed", lambda w: json.dumps(w | {"era": str(w["era"])}).encode()),
    "true for an era": ("signal_malformed", lambda w: json.dumps(w | {"era": True}).encode()),
    "an era twice": ("signal_malformed", lambda w: json.dumps(w).replace('"era"', '"era": 1, "era"').encode()),
    "another era": ("signal_era_wrong", lambda w: json.dumps(w | {"era": w["era"] + 50}).encode()),
    "an unknown round": ("signal_round_unknown", lambda w: json.dumps(w | {"round": "rnd_" + "0" * 32}).encode()),
    "a time to come": ("signal_from_the_future", lambda w: json.dumps(w | {"created_at": SOON}).encode()),
    "too much": ("signal_too_large", lambda w: json.dumps(w).encode() + b" " * (4 * 1024 * 1024)),
    "an unknown field": ("signal_malformed", lambda w: json.dumps(w | {"weight": 9}).encode()),
    "no JSON": ("signal_malformed", lambda w: b"\x80\x04\x95pickle"),
    "a list": ("signal_malformed", lambda w: b"[1, 2]"),
    "endless nesting": ("signal_malformed", lambda w: b'{"a":' * 100_000),
}  # fmt: skip


class TestNumbers:
    async def test_numbers_at_the_edges_are_kept_as_they_are_hashed(self, desk: Desk) -> None:
        writer, _, write = await _first(desk)
        edges = [-0.0, 1e-300, 5e-324, 0.1 + 0.2, -1.0, 1.0, 1 / 3, 1e-7, 0.30000000000000004]
        write["scores"] |= dict(zip(write["scores"], edges, strict=False))
        await desk.take(writer, json.dumps(write).encode())
        assert await desk.audit() == 1


class TestRefusing:
    @pytest.mark.parametrize("kind", BAD)
    async def test_what_is_not_good_is_refused_with_its_code_and_nothing_is_kept(self, desk: Desk, kind: str) -> None:
        writer, _, write = await _first(desk)
        code, spoil = BAD[kind]
        with pytest.raises(Refusal) as refused:
            await desk.take(writer, spoil(write))
        assert (refused.value.code, await _entries(desk)) == (code, 0)

    async def test_a_batch_is_taken_whole_or_not_at_all(self, desk: Desk) -> None:
        writer, found, write = await _first(desk)
        batch = {"contract": "signal-write-batch/1", "writes": [write, write | {"era": found.last_era + 1}]}
        with pytest.raises(Refusal, match="Era"):
            await desk.take(writer, json.dumps(batch).encode())
        assert await _entries(desk) == 0

    async def test_a_wrong_signature_is_refused_and_so_is_one_of_other_bytes(self, desk: Desk) -> None:
        writer, _, write = await _first(desk)
        body = json.dumps(write).encode()
        stranger = Ed25519PrivateKey.generate()
        forged = type(writer)(writer.caller, writer.deployment, stranger).sign(body)
        for signature in (forged, writer.sign(body + b" "), "ed25519=AAAA", "none"):
            with pytest.raises(Refusal) as refused:
                await desk.take(writer, body, signature)
            assert refused.value.code == "signature_refused"
        assert await _entries(desk) == 0

    async def test_another_vendors_deployment_is_not_told_apart_from_none(self, desk: Desk) -> None:
        writer, _, write = await _first(desk)
        thief = await desk.writer("thief")
        body = json.dumps(write).encode()
        with pytest.raises(Refusal) as refused:
            await desk.take(type(writer)(thief.caller, writer.deployment, writer.key), body)
        assert refused.value.code == "signal_deployment_unknown"
        body = json.dumps(write | {"deployment": "dep_" + "0" * 32}).encode()
        with pytest.raises(Refusal) as refused:
            await desk.take(writer, body)
        assert refused.value.code == "signal_deployment_unknown"

    async def test_late_is_late_whatever_the_write_says_of_its_time(self, desk: Desk) -> None:
        writer, found, write = await _first(desk)
        await desk.room.close(found.id)
        with pytest.raises(Refusal) as refused:
            await desk.take(writer, json.dumps(write).encode())
        assert refused.value.code == "signal_late"
        assert "closed" in refused.value.detail

    async def test_nobody_writes_past_a_close_that_came_first(self, desk: Desk) -> None:
        writer, found, write = await _first(desk)

        async def write_once(at: int) -> bool:
            scores = dict.fromkeys(write["scores"], at / 1000)
            try:
                await desk.take(writer, json.dumps(write | {"scores": scores}).encode())
            except SignalLate:
                return False
            return True

        closing = asyncio.create_task(desk.room.close(found.id))
        taken = await asyncio.gather(*(write_once(at) for at in range(12)))
        assert (await closing).state == "closed"
        assert await _entries(desk) == sum(taken)


class TestNotFinite:
    @pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
    async def test_a_signed_score_that_is_no_number_is_refused_and_switches_the_deployment_off(
        self, desk: Desk, api: Any, word: str
    ) -> None:
        writer, _, write = await _first(desk)
        body = json.dumps(write).replace("-0.5", word).encode()
        answer = await _post(desk, api, writer, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "signal_not_finite")
        async with desk.database.transaction() as session:
            holds = await DeploymentHolds(session, desk.clock, desk.outbox).holds_on([writer.deployment])
        assert "not a number" in holds[writer.deployment][0].reason

    async def test_an_unsigned_one_switches_nothing_off(self, desk: Desk, api: Any) -> None:
        writer, _, write = await _first(desk)
        body = json.dumps(write).replace("-0.5", "NaN").encode()
        answer = await _post(desk, api, writer, body, signature="ed25519=" + "A" * 86 + "==")
        assert answer.json()["code"] == "signature_refused"
        async with desk.database.transaction() as session:
            assert not await DeploymentHolds(session, desk.clock, desk.outbox).holds_on([writer.deployment])


async def _post(desk: Desk, api: Any, writer: Any, body: bytes, signature: str | None = None, **headers: str) -> Any:
    async with desk.database.transaction() as session:
        from mercato.identity import Keys

        keys = Keys(session, desk.clock, desk.ids, desk.people.hasher, desk.outbox)
        key = await keys.make(writer.caller, kind="vk", name="t", scopes=None, expires_at=None)
    sent = {"authorization": f"Bearer {key.text}", "mercato-signature": signature or writer.sign(body), **headers}
    return await api.post("/api/signals/store", content=body, headers=sent)


class TestOverHttp:
    async def test_a_vendor_key_writes(self, desk: Desk, api: Any) -> None:
        writer, _, write = await _first(desk)
        body = json.dumps(write).encode()
        first = await _post(desk, api, writer, body)
        assert (first.status_code, first.json()["items"][0]["place"]) == (201, 0)
        assert await _entries(desk) == 1

    async def test_without_credentials_nothing_is_taken(self, desk: Desk, api: Any) -> None:
        writer, _, write = await _first(desk)
        body = json.dumps(write).encode()
        answer = await api.post("/api/signals/store", content=body, headers={"mercato-signature": writer.sign(body)})
        assert answer.status_code == 401

    async def test_a_revoked_key_writes_no_more(self, desk: Desk, api: Any) -> None:
        from mercato.identity import Keys

        writer, _, write = await _first(desk)
        body = json.dumps(write).encode()
        async with desk.database.transaction() as session:
            keys = Keys(session, desk.clock, desk.ids, desk.people.hasher, desk.outbox)
            key = await keys.make(writer.caller, kind="vk", name="t", scopes=None, expires_at=None)
        async with desk.database.transaction() as session:
            keys = Keys(session, desk.clock, desk.ids, desk.people.hasher, desk.outbox)
            await keys.revoke(writer.caller, key.row.id)
        sent = {"authorization": f"Bearer {key.text}", "mercato-signature": writer.sign(body)}
        answer = await api.post("/api/signals/store", content=body, headers=sent)
        assert (answer.status_code, await _entries(desk)) == (401, 0)


class TestHour:
    async def test_a_closed_hour_says_when(self, desk: Desk) -> None:
        writer, _, write = await _first(desk)
        await desk.take(writer, json.dumps(write).encode())
        assert await desk.seal(at_once=False) is not None
        assert await desk.seal(at_once=False) is None
        write["scores"] = dict.fromkeys(write["scores"], 0.25)
        await desk.take(writer, json.dumps(write).encode())
        assert await desk.seal(at_once=False) is None
        desk.clock.advance(timedelta(hours=1))
        head = await desk.seal(at_once=False)
        assert head.size == 2
