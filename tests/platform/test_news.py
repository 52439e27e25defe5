"""News is stored and read back as it was sent, also by a version that knows other fields."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from sqlalchemy import text

import mercato.app.worker  # noqa: F401  (loads every room)
from mercato.identity import KeyChanged
from mercato.platform import Database, EphemeralSubscriber, Event, News, Outbox, OutboxFeed, every_news
from mercato.platform.outbox import Place, read_events
from tests.conftest import TestClock

_OURS = sorted((kind for kind in every_news() if kind.__module__.startswith("mercato.")), key=lambda kind: kind.topic)

_ALERT = {"alert_id": "alr_1", "service_id": "svc_1", "vendor_id": "org_1", "objective": "latency", "severity": "fast"}
_REVIEW = {"review_id": "rev_1", "service_id": "svc_1", "vendor_id": "org_1", "verdict": None}
_ROUND = {"round_id": "rnd_1", "dataset_id": "dst_1", "number": 3, "by": "the clock"}
_STATE = {"deployment_id": "dep_1", "organisation_id": "org_1", "reason": "No heartbeat for 30 s."}
WRITTEN_BEFORE: dict[str, dict[str, Any]] = {
    "approval.decided": {"submission_id": "sub_1"},
    "billing.adjusted": {
        "adjustment_id": "adj_1", "consumer_id": "org_1", "vendor_id": "org_2", "nanos": -5, "currency": "USD",
    },
    "billing.closed": {"period": "2026-11"},
    "budget.changed": {"organisation_id": "org_1", "side": "vendor"},
    "credential.changed": {
        "organisation_id": "org_1", "name": "main", "change": "set", "by": "usr_1", "fingerprint": "ab",
    },
    "deployment.hold_changed": {"deployment_id": "dep_1", "service_id": "svc_1", "holder": "heartbeat", "held": True},
    "deployment.linked": {"deployment_id": "dep_1"},
    "deployment.live": _STATE,
    "deployment.stale": _STATE,
    "discovery.document_changed": {"service_id": "svc_1"},
    "key.changed": {"key_id": "key_1", "organisation_id": "org_1"},
    "organisation.created": {"organisation_id": "org_1"},
    "panel.built": {"dataset": "us-equities-daily", "panel_id": "pan_1"},
    "round.closed": _ROUND,
    "round.opened": _ROUND,
    "round.resolved": _ROUND,
    "round.scored": _ROUND,
    "service.changed": {"service_id": "svc_1"},
    "service.released": {"service_id": "svc_1", "release_id": "rel_1"},
    "service.withdrawn": {"service_id": "svc_1"},
    "sla.alert_opened": _ALERT,
    "sla.alert_resolved": _ALERT,
    "submission.received": {"submission_id": "sub_1"},
    "subscription.changed": {"subscription_id": "sbs_1", "organisation_id": "org_1", "service_id": "svc_1"},
    "training.ended": {"run_id": "run_1", "organisation_id": "org_1", "state": "failed"},
    "training.requested": {"run_id": "run_1"},
    "training.stop_asked": {"run_id": "run_1"},
    "usage.review_decided": _REVIEW | {"verdict": "hold"},
    "usage.review_opened": _REVIEW,
    "webhook.disabled": {"organisation_id": "org_1", "endpoint_id": "whk_1", "reason": "it answered 410 Gone"},
}  # fmt: skip
"""What the version before typed news stored, by topic."""


def example(kind: type[News], turn: int = 0) -> News:
    """News of this class with a value of its type in every field; another `turn` takes another one where it can."""
    hints = get_type_hints(kind)
    return kind(**{each.name: _value(hints[each.name], each.name, turn) for each in fields(kind)})


def _value(hint: Any, name: str, turn: int) -> Any:
    if hint is type(None):
        return None
    if hint is bool:
        return turn % 2 == 0
    if hint is int:
        return (-1) ** turn * (2**62 + turn)
    if hint is str:
        return f"{name} – {turn}"
    if get_origin(hint) is dict:
        return {name: f"{name} – {turn}"}
    choices = get_args(hint)
    chosen = choices[turn % len(choices)]
    return chosen if isinstance(chosen, str) else _value(chosen, name, turn)


@pytest.mark.parametrize("turn", range(2))
@pytest.mark.parametrize("kind", _OURS, ids=lambda kind: kind.topic)
def test_what_is_told_comes_back_the_same_through_json(kind: type[News], turn: int) -> None:
    news = example(kind, turn)
    payload = json.loads(json.dumps(news.to_payload()))
    assert kind.from_payload(payload) == news
    assert kind.from_payload(payload | {"of_a_newer_version": 1}) == news


@pytest.mark.parametrize("kind", [kind for kind in _OURS if kind.topic in WRITTEN_BEFORE], ids=lambda kind: kind.topic)
def test_what_the_version_before_stored_is_still_read(kind: type[News]) -> None:
    stored = WRITTEN_BEFORE[kind.topic]
    later = {field.name: field.default for field in fields(kind) if field.name not in {*stored, "by"}}
    assert kind.from_payload(stored).to_payload() == {"by": ""} | later | stored


def test_every_topic_of_the_version_before_is_still_known() -> None:
    assert set(WRITTEN_BEFORE) <= {kind.topic for kind in _OURS}


def test_news_without_a_field_that_it_needs_is_refused() -> None:
    with pytest.raises(TypeError, match="key_id"):
        KeyChanged.from_payload({"organisation_id": "org_1"})


async def test_the_outbox_keeps_every_class(database: Database, outbox: Outbox) -> None:
    seen = [example(kind) for kind in _OURS]
    async with database.transaction() as session:
        for news in seen:
            await outbox.add(session, news)
    async with database.transaction() as session:
        read = await read_events(session, Place(0, 0), _OURS, limit=1_000)
        only = await read_events(session, Place(0, 0), (KeyChanged,), limit=1_000)
    assert [event.news for event in read] == seen
    assert [event.news for event in only] == [example(KeyChanged)]


async def test_a_row_and_a_notification_of_the_version_before_are_heard(database: Database, clock: TestClock) -> None:
    heard: list[KeyChanged] = []

    async def hear(events: Sequence[Event[KeyChanged]]) -> None:
        heard.extend(event.news for event in events)

    feed = OutboxFeed(database)
    await feed.start([], [EphemeralSubscriber("hearer", (KeyChanged,), hear, hurried=(KeyChanged,))])
    payload = json.dumps(WRITTEN_BEFORE["key.changed"])
    said = json.dumps({"topic": "key.changed", "payload": WRITTEN_BEFORE["key.changed"]})
    async with asyncio.timeout(120):
        async with database.transaction() as session:
            await session.execute(
                text("INSERT INTO outbox_events (topic, payload, at) VALUES ('key.changed', :payload, :at)"),
                {"payload": payload, "at": clock.now()},
            )
        while not heard:
            await asyncio.sleep(0.01)
        # Said without a row: repeated until the listener listens.
        while len(heard) < 2:
            async with database.transaction() as session:
                await session.execute(text("SELECT pg_notify('mercato_outbox', :said)"), {"said": said})
            await asyncio.sleep(0.01)
    await feed.close()
    assert set(heard) == {KeyChanged(by="", key_id="key_1", organisation_id="org_1")}
