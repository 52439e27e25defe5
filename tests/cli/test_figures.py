"""`mp usage` over time, `mp calls`, `mp call-detail` and the money's commands, on the running marketplace."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MANIFEST, Mp, Shop, approve_all
from tests.support.http_server import Server
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def counted(shop: Shop, vectors: Server, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """A vendor's administrator, whose service its own organisation called three times."""
    mp = Mp(tmp_path_factory.mktemp("counted"))
    place = ("--url", shop.url, "--gateway", shop.gateway)
    joined = mp("signup", "counted", "--url", shop.url, "--email", "c@example.org", stdin="correct horse battery")
    assert joined.returncode == 0, joined.stderr
    manifest = MANIFEST.format(name="figures", version="1.0.0", url=vectors.url, task="embeddings")
    Path(mp.config / "service.yaml").write_text(manifest)
    operator = Mp(tmp_path_factory.mktemp("operator"))
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    assert operator(*login, stdin=shop.operator_password).returncode == 0

    def released() -> bool:
        approve_all(operator)
        return mp("publish", "service.yaml", "--wait-seconds", "1").returncode == 0

    eventually(released, "the service is released")
    eventually(lambda: mp("subscribe", "counted/figures", "--plan", "metered").returncode == 0, "it is offered")
    caller, key = Mp(tmp_path_factory.mktemp("caller")), mp("keys", "make").stdout.strip()
    assert caller("login", *place, "--token", "-", stdin=key).returncode == 0
    body = json.dumps({"input": "one two three"})
    eventually(lambda: caller("call", "counted/figures", "--data", body).returncode == 0, "the gateway lets it call")
    for _ in range(2):
        assert caller("call", "counted/figures", "--data", body).returncode == 0
    eventually(lambda: len(mp.json("calls")["items"]) == 3, "the calls are metered", 60)
    return mp


def test_usage_by_two_groups_in_a_time_zone(counted: Mp) -> None:
    words = ("usage", "--by", "key", "--by", "service", "--step", "day", "--zone", "Asia/Kolkata")
    found = counted.json(*words)
    assert (found["zone"], found["step"], found["group_by"]) == ("Asia/Kolkata", "day", ["key", "service"])
    assert [line["total"]["calls"] for line in found["series"]] == [3]
    shown = counted(*words).stdout
    assert "counted/figures" in shown
    assert "total" in shown
    assert "Expected until" in counted("usage", "--compare", "--forecast").stdout
    refused = counted("usage", "--zone", "Mars/Olympus")
    assert (refused.returncode, "Asia/Kolkata" in refused.stderr) == (1, True)


def test_usage_and_calls_are_narrowed_as_the_api_narrows_them(counted: Mp) -> None:
    (own,) = counted.json("usage", "--by", "service", "--step", "day")["series"]
    for words, calls in (
        (("--service", own["keys"][0]), [3]),
        (("--service", "svc_none"), []),
        (("--status-class", "2", "--operation", "POST /v1/embeddings"), [3]),
        (("--status-class", "5"), []),
        (("--top", "1", "--protocol", "openai"), [3]),
    ):
        found = counted.json("usage", *words)
        assert [line["total"]["calls"] for line in found["series"]] == calls, words
    more = counted.json("usage", "--metric", "p95_us", "--metric", "bytes_out")
    assert more["metrics"][-2:] == ["p95_us", "bytes_out"]
    assert more["series"][0]["total"]["p95_us"] > 0
    assert "p95 us" in counted("usage", "--metric", "p95_us").stdout
    vendor = counted.json("usage", "--by", "vendor", "--step", "day")["series"][0]["keys"][0]
    assert len(counted.json("calls", "--vendor", vendor, "--status-class", "2")["items"]) == 3
    assert counted.json("calls", "--vendor", "org_none")["items"] == []
    assert counted.json("calls", "--status-class", "5")["items"] == []


def test_a_call_is_found_and_explained(counted: Mp) -> None:
    items: list[dict[str, Any]] = counted.json("calls", "--limit", "2")["items"]
    assert [item["service"] for item in items] == ["counted/figures"] * 2
    assert counted.json("calls", "--failed")["items"] == []
    assert counted("calls", "--failed").stderr.strip().startswith("No such calls.")
    found = counted.json("call-detail", items[0]["id"])
    assert sum(line["nanos"] for line in found["lines"]) == items[0]["price_nanos"] == found["stands_at_nanos"]
    said = counted("call-detail", items[0]["id"]).stdout
    for words in ("counted/figures 1.0.0", "Price", "Ledger", "not billed yet"):
        assert words in said
    assert counted("call-detail", "use_nothing").returncode == 1


def test_exports_and_the_statement(counted: Mp) -> None:
    rows = list(csv.DictReader(io.StringIO(counted("calls", "--csv").stdout)))
    lines = [json.loads(line) for line in counted("calls", "--jsonl").stdout.splitlines()]
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    paid = sum(int(row["price_nanos"]) for row in rows)
    statement = counted.json("statement")
    assert sum(item["amount_nanos"] for item in statement["items"]) == paid
    assert "not billed yet" in counted("statement").stdout
    exported = list(csv.DictReader(io.StringIO(counted("statement", "--csv").stdout)))
    assert sum(int(row["amount_nanos"]) for row in exported) == paid
    (account,) = counted.json("balance")["items"]
    assert (account["balance_nanos"], account["unbilled_nanos"]) == (paid, paid)
    assert "not billed yet" in counted("balance").stdout
    assert counted.json("unbilled")["totals"] == {"USD": paid}
    assert "total USD" in counted("unbilled").stdout
    (plan, *_) = counted.json("estimate", "counted/figures", "--tokens-in", "1000000")["items"]
    assert plan["nanos"] >= 0
    assert "a month" in counted("estimate", "counted/figures", "--calls", "5").stdout
    assert counted("estimate", "counted/figures").returncode == 1
    assert counted.json("balance", "--as-vendor")["items"][0]["balance_nanos"] < 0


def test_nothing_is_unusual_in_a_young_organisation(counted: Mp) -> None:
    assert counted.json("anomalies", "list")["items"] == []
    assert "Nothing was unusual" in counted("anomalies", "list", "--as-vendor").stderr
    refused = counted("anomalies", "normal", "ano_none")
    assert refused.returncode == 1
    assert "mp anomalies list" in refused.stderr
