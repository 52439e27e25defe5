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


def test_a_consumer_disputes_a_call_and_both_sides_and_an_operator_answer(
    watched: Mp, shop: Shop, tmp_path: Path
) -> None:
    consumer, program, operator = (Mp(tmp_path / name) for name in ("person", "program", "operator"))
    for each in (consumer, program, operator):
        each.config.mkdir()
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    assert operator(*login, stdin=shop.operator_password).returncode == 0
    words = ("--url", shop.url, "--email", "d@example.org")
    assert consumer("signup", "disputer", *words, stdin="correct horse battery").returncode == 0
    eventually(lambda: consumer("subscribe", "watched/promise", "--plan", "metered").returncode == 0, "it is offered")
    key = consumer("keys", "make").stdout.strip()
    place = ("--url", shop.url, "--gateway", shop.gateway)
    assert program("login", *place, "--token", "-", stdin=key).returncode == 0
    body = json.dumps({"input": "one two three"})
    for _ in range(2):
        eventually(lambda: program("call", "watched/promise", "--data", body).returncode == 0, "it may call")
    eventually(lambda: len(consumer.json("calls")["items"]) == 2, "both calls are metered", 60)
    first, second = (item["id"] for item in consumer.json("calls")["items"])

    refused = program("disputes", "open", first, "--reason", "by a key")
    assert (refused.returncode, "calls:dispute" in refused.stderr) == (1, True), refused.stderr
    opened = consumer.json("disputes", "open", first, "--kind", "wrong_count", "--reason", "We sent three words.")
    end = opened["id"][-8:]
    assert [item["id"] for item in watched.json("disputes", "list", "--side", "vendor", "--open")["items"]] == [
        opened["id"]
    ]
    assert watched("disputes", "answer", end, "--words", "We count again.").returncode == 0
    shown = operator("disputes", "show", end).stdout
    assert "We sent three words." in shown
    assert "We count again." in shown
    assert "is given back" in operator("disputes", "decide", end, "--uphold", "--reason", "counted twice").stdout
    assert consumer.json("disputes", "show", end)["returned_nanos"] == opened["disputed_nanos"]
    assert f"{opened['id']}, upheld" in consumer("call-detail", first).stdout
    over = operator("disputes", "decide", end, "--reject", "--reason", "after all")
    assert (over.returncode, "upheld" in over.stderr) == (1, True), over.stderr

    withdrawn = consumer.json("disputes", "open", second, "--reason", "A mistake of ours.")
    assert consumer("disputes", "withdraw", withdrawn["id"]).returncode == 0
    given = consumer.json("disputes", "open", second, "--reason", "No mistake after all.")
    done = watched.json("disputes", "answer", given["id"], "--words", "Here it is.", "--give-back")
    assert (done["state"], done["returned_nanos"]) == ("agreed", given["disputed_nanos"])
    assert "withdrawn" in consumer("disputes", "list").stdout
    assert [row["nanos"] for row in consumer.json("adjustments", "list")["items"]] == [
        -opened["disputed_nanos"],
        -given["disputed_nanos"],
    ]
    assert watched("doubts", "list").returncode == 0
    assert watched("doubts", "reviews").returncode == 0
