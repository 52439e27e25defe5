"""`mp sla`, `mp alerts`, `mp status` and `mp webhooks` on the running marketplace."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import MANIFEST, Mp, Shop, approve_all
from tests.support.http_server import Server
from tests.support.waiting import eventually
from tests.webhooks.receiver import serve_receiver


@pytest.fixture(scope="module")
def watched(shop: Shop, vectors: Server, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """The administrator of a vendor with a service that promises something."""
    mp = Mp(tmp_path_factory.mktemp("watched"))
    joined = mp("signup", "watched", "--url", shop.url, "--email", "w@example.org", stdin="correct horse battery")
    assert joined.returncode == 0, joined.stderr
    manifest = MANIFEST.format(name="promise", version="1.0.0", url=vectors.url, task="embeddings")
    Path(mp.config / "service.yaml").write_text(manifest + "sla: {availability_bp: 9990, p95_latency_ms: 800}\n")
    operator = Mp(tmp_path_factory.mktemp("operator"))
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    assert operator(*login, stdin=shop.operator_password).returncode == 0

    def released() -> bool:
        approve_all(operator)
        return mp("publish", "service.yaml", "--wait-seconds", "1").returncode == 0

    eventually(released, "the service is released")
    return mp


def test_a_promise_is_shown_beside_what_was_measured(watched: Mp) -> None:
    shown = watched.json("sla", "show", "watched/promise")
    assert (shown["availability_bp"], shown["p95_latency_ms"]) == (9_990, 800)
    assert [window["window"] for window in shown["windows"]] == ["5m", "1h", "6h", "1d", "30d"]
    said = watched("sla", "show", "watched/promise").stdout
    assert "99.90 %" in said
    assert "800 ms" in said
    assert watched("alerts", "list").stderr.strip() == "No alerts: all promises are kept."
    assert watched("sla", "show", "watched/nothing").returncode == 1


def test_status_needs_no_right_of_its_own(watched: Mp) -> None:
    assert ("watched", "promise") in {(item["vendor"], item["name"]) for item in watched.json("status")["items"]}
    assert len(watched.json("status", "watched/promise")["days"]) == 90
    assert "quiet" in watched("status", "watched/promise").stdout


def test_webhooks_from_the_first_to_the_last(watched: Mp) -> None:
    with serve_receiver() as receiver:
        made = watched.json("webhooks", "add", receiver.url, "--event", "alert.opened")
        assert made["secret"].startswith("whsec_")
        sent = watched.json("webhooks", "test", made["id"])
        eventually(lambda: bool(receiver.received), "the worker delivers the test event", 60)
        assert receiver.received[0].id == sent["message_id"]
        assert receiver.received[0].verified(made["secret"])["type"] == "endpoint.test"

        def delivered() -> bool:
            return bool(watched.json("webhooks", "deliveries", made["id"])["items"][0]["state"] == "delivered")

        eventually(delivered, "the log says so", 60)
        rotated = watched("webhooks", "rotate", made["id"], "--grace", "60")
        assert rotated.stdout.startswith("whsec_")
        log = watched.json("webhooks", "deliveries", made["id"])["items"]
        assert watched("webhooks", "redeliver", made["id"], log[0]["id"]).returncode == 0
        eventually(lambda: len(receiver.received) == 2, "it is sent again", 60)
        assert receiver.received[1].id == sent["message_id"]
        assert receiver.received[1].verified(rotated.stdout.strip())
    assert "alert.opened" in watched("webhooks", "list").stdout
    assert watched("webhooks", "remove", made["id"]).stdout.strip() == f"{made['id']} is removed."
    gone = watched("webhooks", "test", made["id"])
    assert (gone.returncode, "mp webhooks list" in gone.stderr) == (1, True)
    refused = watched("webhooks", "add", "ftp://example.org/x")
    assert refused.returncode == 1


def test_a_vendor_gives_back_what_a_call_cost(watched: Mp, shop: Shop, tmp_path: Path) -> None:
    consumer = Mp(tmp_path)
    words = ("--url", shop.url, "--gateway", shop.gateway)
    joined = consumer("signup", "buyer", "--url", shop.url, "--email", "b@example.org", stdin="correct horse battery")
    assert joined.returncode == 0, joined.stderr
    eventually(lambda: consumer("subscribe", "watched/promise", "--plan", "metered").returncode == 0, "it is offered")
    key = consumer("keys", "make").stdout.strip()
    assert consumer("login", *words, "--token", "-", stdin=key).returncode == 0
    body = json.dumps({"input": "one two three"})
    eventually(lambda: consumer("call", "watched/promise", "--data", body).returncode == 0, "the gateway lets it call")
    events: list[dict[str, Any]] = []

    def metered() -> bool:
        headers = {"authorization": f"Bearer {key}"}
        events[:] = httpx.get(f"{shop.url}/api/usage/events", headers=headers).json()["items"]
        return bool(events)

    eventually(metered, "the call is metered", 60)
    event = events[0]["id"]
    posted = watched.json("adjustments", "credit", event, "--reason", "a wrong answer", "--tokens-in", "2")
    assert posted["nanos"] == -40_000
    again = watched("adjustments", "credit", event, "--reason", "a wrong answer", "--tokens-in", "2").stdout
    assert again.startswith(posted["id"])
    too_much = watched("adjustments", "credit", event, "--reason", "more", "--reference", "r2", "--tokens-in", "2")
    assert too_much.returncode == 1
    assert [row["id"] for row in consumer.json("adjustments", "list")["items"]] == [posted["id"]]
    assert "a wrong answer" in watched("adjustments", "list", "--as-vendor").stdout
    windows = watched.json("sla", "show", "watched/promise")["windows"]
    assert windows[1]["calls"] >= 1
