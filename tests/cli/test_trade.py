"""Publish, find, subscribe, call, see the usage: the whole trade with `mp` alone, on real processes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MANIFEST, Mp, Shop, publish
from tests.support.http_server import Server
from tests.support.waiting import eventually


def test_publishing_again_is_no_second_release_and_shows_all_ten_phases(vendor: Mp, service: str) -> None:
    again = vendor("publish", "vectors.yaml")
    assert again.returncode == 0
    assert "vectors 1.0.0 is released" in again.stdout
    assert [line[:5] for line in again.stderr.splitlines() if line[2:5] == "/10"] == [
        f"{n:>2}/10" for n in range(1, 11)
    ]
    assert vendor.json("publish", "vectors.yaml")["state"] == "released"


def test_a_refused_release_names_field_and_remedy_and_is_code_1(vendor: Mp, service: str) -> None:
    (vendor.config / "dead.yaml").write_text(
        MANIFEST.format(name="dead", version="1.0.0", url="http://127.0.0.1:9", task="embeddings")
    )
    done = vendor("publish", "dead.yaml")
    assert done.returncode == 1
    assert "FAILED" in done.stderr
    assert "endpoint" in done.stderr
    assert "->" in done.stderr
    assert "is refused" in done.stdout


def test_a_bad_manifest_names_its_fields(vendor: Mp) -> None:
    (vendor.config / "bad.yaml").write_text("mercato: 1\nname: Not A Name\nversion: one\n")
    done = vendor("publish", "bad.yaml")
    assert done.returncode == 1
    assert "  name: " in done.stderr
    assert "  version: " in done.stderr
    missing = vendor("publish", "nowhere.yaml")
    assert missing.returncode == 2
    assert "nowhere.yaml" in missing.stderr


def test_a_consumer_finds_subscribes_calls_and_sees_the_usage(
    consumer: Mp, vendor: Mp, person: Mp, shop: Shop, service: str
) -> None:
    eventually(lambda: service in consumer("search", "turn", "a", "sentence", "into", "numbers").stdout, "it is found")
    assert consumer.json("search", "numbers", "--task", "chat")["items"] == []
    shown = consumer("services", "show", service).stdout
    assert "0.02 USD per 1k input tokens" in shown

    choose = consumer("subscribe", service)
    assert choose.returncode == 2
    assert f"mp subscribe {service} --plan free" in choose.stderr

    assert "ck_" in person("call", service, "--data", "{}").stderr
    person("login", "--url", shop.url, "--gateway", shop.gateway, "--token", "-", stdin=shop.consumer_key)
    assert consumer("subscribe", service, "--plan", "metered").returncode == 0
    assert consumer.json("subscribe", service, "--plan", "metered")["status"] == "active"

    body = json.dumps({"input": "one two three"})
    eventually(lambda: consumer("call", service, "--data", body).returncode == 0, "the gateway lets it call")
    (consumer.config / "body.json").write_text(body)
    answer = consumer.json("call", f"{service}@1.0.0", "--data", "@body.json")
    assert len(answer["data"][0]["embedding"]) == 32
    assert consumer("call", service, "--data", "{no json").returncode == 2

    # The consumer serves all tests of the command: others subscribe and call too.
    service_id = consumer.json("services", "show", service)["id"]
    items = consumer.json("subscriptions")["items"]
    (subscription,) = [item for item in items if item["service_id"] == service_id]
    assert subscription["status"] == "active"
    of_vendor = vendor.json("subscriptions", "--as-vendor")["items"]
    assert subscription["id"] in [item["id"] for item in of_vendor]
    assert subscription["consumer_id"] in vendor("subscriptions", "--as-vendor").stdout
    assert consumer.json("subscriptions", "--as-vendor")["items"] == []

    def counted() -> list[dict[str, Any]]:
        sums = consumer.json("usage", "--by", "subscription")["items"]
        return [item for item in sums if item["group"] == subscription["id"]]

    eventually(lambda: bool(counted()) and counted()[0]["calls"] >= 2, "the calls are metered")
    (total,) = counted()
    assert total["price_nanos"] == total["tokens_in"] * 20_000
    assert "total" in consumer("usage").stdout
    other = consumer("subscribe", service, "--plan", "free")
    assert other.returncode == 1
    assert "mp change-plan" in other.stderr
    assert consumer.json("unsubscribe", subscription["id"])["status"] == "cancelled"


def test_a_call_without_a_subscription_is_refused_by_the_gateway(consumer: Mp, service: str, tmp_path: Path) -> None:
    done = consumer("call", "acme/unknown", "--data", "{}")
    assert done.returncode == 1
    assert "acme/unknown" in done.stderr


def test_a_stream_is_printed_as_words_and_for_machines_as_events(
    consumer: Mp, vendor: Mp, shop: Shop, vectors: Server
) -> None:
    publish(vendor, shop, "parrot", "chat", vectors.url)
    chat = "acme/parrot"
    eventually(lambda: consumer("subscribe", chat, "--plan", "free").returncode == 0, "it is offered")
    body = json.dumps({"messages": [{"role": "user", "content": "say it again"}]})
    eventually(lambda: consumer("call", chat, "--data", body).returncode == 0, "the gateway lets it call")
    words = consumer("call", chat, "--data", body, "--stream")
    assert words.returncode == 0, words.stderr
    assert words.stdout.strip() == "say it again"
    events = consumer("call", chat, "--data", body, "--stream", "--json")
    assert "data: [DONE]" in events.stdout


def test_the_limits_of_a_key_are_set_shown_in_force_raised_and_cleared(
    consumer: Mp, vendor: Mp, shop: Shop, vectors: Server, tmp_path: Path
) -> None:
    publish(vendor, shop, "bounded", "embeddings", vectors.url)
    service = "acme/bounded"
    eventually(lambda: consumer("subscribe", service, "--plan", "metered").returncode == 0, "it is offered")
    admin = Mp(tmp_path / "admin")
    admin.config.mkdir()
    words = ("login", "--url", shop.url, "--gateway", shop.gateway, "--email", "demo@localhost")
    assert admin(*words, stdin=shop.password).returncode == 0
    made = admin.json("keys", "make", "--name", "bounded")
    caller = Mp(tmp_path / "caller")
    caller.config.mkdir()
    caller("login", "--url", shop.url, "--gateway", shop.gateway, "--token", "-", stdin=made["key"])
    body = json.dumps({"input": "one two three"})
    eventually(lambda: caller("call", service, "--data", body).returncode == 0, "the gateway lets it call")

    options = ["--requests-per-day", "1", "--tokens-per-minute", "9000", "--money-per-month", "12.50"]
    shown = admin.json("keys", "limit", made["id"], *options, "--concurrent", "4")["items"]
    assert {(limit["unit"], limit["window"], limit["cap"]) for limit in shown} == {
        ("requests", "day", 1),
        ("tokens", "minute", 9000),
        ("nanos", "month", 12_500_000_000),
        ("concurrent", "ever", 4),
    }

    def refused() -> bool:
        done = caller("call", service, "--data", body)
        return done.returncode == 1 and "key-requests-day" in done.stderr

    eventually(refused, "the key's day is used up")
    assert consumer("call", service, "--data", body).returncode == 0, "other keys are not bound by it"
    assert admin("keys", "limit", made["id"], "--requests-per-day", "50").returncode == 0
    eventually(lambda: caller("call", service, "--data", body).returncode == 0, "what was raised is in force")

    table = admin("keys", "limit", made["id"], "--tokens-per-minute", "none").stdout
    assert "12.50" in table
    assert [line.split()[0] for line in table.splitlines()[1:]] == [
        "requests-per-day", "money-per-month", "concurrent",
    ]  # fmt: skip
    assert "No limits." in admin("keys", "limit", made["id"], "--clear").stderr
    own = admin.json("limits", "--concurrent", "64")["items"]
    assert [(limit["key_id"], limit["unit"], limit["cap"]) for limit in own] == [(None, "concurrent", 64)]
    assert admin.json("limits", "--as-vendor")["items"] == []
    assert admin.json("limits", "--concurrent", "none")["items"] == []


@pytest.mark.parametrize("words", [
    ("--concurrent", "-1"), ("--concurrent", "many"), ("--money-per-day", "1e40"), ("--requests-per-day", "1.5"),
    ("--money-per-month", "0.0000000001"), ("--tokens-per-second", str(2**63)),
])  # fmt: skip
def test_a_limit_that_is_no_number_is_code_2(person: Mp, words: tuple[str, str]) -> None:
    done = person("limits", *words)
    assert done.returncode == 2, done.stderr
    assert words[0] in done.stderr


def test_nobody_limits_a_key_of_others_and_no_key_its_own(person: Mp, consumer: Mp, shop: Shop) -> None:
    person("login", "--url", shop.url, "--gateway", shop.gateway, "--email", "demo@localhost", stdin=shop.password)
    unknown = person("keys", "limit", "key_" + "0" * 32, "--concurrent", "1")
    assert unknown.returncode == 2
    assert "mp keys list" in unknown.stderr
    key_id = person.json("keys", "list")["items"][0]["id"]
    consumer("login", "--url", shop.url, "--gateway", shop.gateway, "--token", "-", stdin=shop.consumer_key)
    assert consumer("keys", "limit", key_id, "--concurrent", "1").returncode == 1


def test_a_canary_needs_an_older_release_to_be_compared_with(vendor: Mp, service: str) -> None:
    assert vendor.json("canary", "show", service) == {"items": []}
    refused = vendor("canary", "start", f"{service}@1.0.0", "--percent", "5")
    assert refused.returncode == 1
    assert "is not the newest" in refused.stderr


def test_a_release_is_deprecated_with_a_reason(vendor: Mp, service: str) -> None:
    refused = vendor("services", "deprecate", service, "--reason", "It is old.")
    assert (refused.returncode, "vendor/name@1.2.0" in refused.stderr) == (2, True)
    ended = vendor.json("services", "deprecate", f"{service}@1.0.0", "--reason", "It is old.")
    assert (ended["status"], ended["status_reason"]) == ("deprecated", "It is old.")
    unknown = vendor("services", "yank", f"{service}@9.9.9", "--reason", "It leaks.")
    assert unknown.returncode != 0
    assert vendor("services", "withdraw", "nobody/nothing").returncode != 0
