"""`mp` on the desk against a running marketplace: from a deployed project to scores, positions and the record."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import Shop
from tests.cli.desk_of_a_vendor import (
    ERAS,
    Desk,
    api,
    code,
    desk,
    next_round,
    operator,
    receipts,
    scored,
    vendor,
)
from tests.support.waiting import eventually

__all__ = ["api", "desk", "next_round", "operator", "receipts", "scored", "vendor"]


class TestSignals:
    def test_what_is_stored_twice_is_one_entry_and_a_person_sees_it(
        self, desk: Desk, receipts: list[dict[str, Any]]
    ) -> None:
        again = desk.vendor.json("signals", "store", "signals.json")["items"]
        assert [one["id"] for one in again] == [one["id"] for one in receipts]
        assert {one["is_repeated"] for one in again} == {True}
        exit_code, screen = desk.terminal(desk.vendor, "signals", "list", "--round", desk.round["id"])
        assert exit_code == 0
        assert all(one["id"] in screen for one in receipts)

    def test_a_step_that_is_missing_is_named_with_its_command(self, desk: Desk, tmp_path: Path) -> None:
        empty = desk.vendor("signals", "make", str(tmp_path), desk.deployment)
        assert (empty.returncode, "mp data pull" in empty.stderr) == (2, True)
        nobody = desk.vendor("signals", "make", desk.data, desk.deployment, "--endpoint", "http://127.0.0.1:9")
        assert (nobody.returncode, "mp deploy" in nobody.stderr) == (4, True)
        (tmp_path / "note.json").write_text("[]")
        assert desk.vendor("signals", "store", str(tmp_path / "note.json")).returncode == 2

    def test_another_deployment_and_another_era_are_refused(
        self, desk: Desk, receipts: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        batch = json.loads((desk.vendor.config / "signals.json").read_text())
        before = len(desk.vendor.json("signals", "list", "--limit", "500")["items"])
        batch["writes"][0]["era"] += 1000
        (tmp_path / "era.json").write_text(json.dumps(batch))
        answer = desk.vendor("signals", "store", str(tmp_path / "era.json"), "--json")
        assert code(answer) == (1, "signal_era_wrong")
        for write in batch["writes"]:
            write["deployment"] = "dep_" + "0" * 32
        (tmp_path / "other.json").write_text(json.dumps(batch))
        answer = desk.vendor("signals", "store", str(tmp_path / "other.json"))
        assert (answer.returncode, "mp link-infra" in answer.stderr) == (2, True)
        assert len(desk.vendor.json("signals", "list", "--limit", "500")["items"]) == before == len(receipts)

    def test_a_proof_is_fetched_kept_checked_and_found_out_when_changed(
        self, desk: Desk, receipts: list[dict[str, Any]]
    ) -> None:
        assert desk.api.post("/api/signals/heads", json={}).status_code == 200
        last = receipts[-1]
        exit_code, screen = desk.terminal(desk.vendor, "signals", "proof", last["id"], "--out", "proof.json")
        assert (exit_code, "is in the signed log" in screen) == (0, True)
        assert desk.vendor("signals", "verify", "proof.json", "--digest", last["digest"]).returncode == 0
        other = desk.vendor("signals", "verify", "proof.json", "--digest", receipts[0]["digest"])
        assert (other.returncode, "another entry" in other.stderr) == (1, True)
        kept = json.loads((desk.vendor.config / "proof.json").read_text())
        kept["entry"] = kept["entry"].replace(str(last["era"]), str(last["era"] + 1))
        (desk.vendor.config / "forged.json").write_text(json.dumps(kept))
        assert desk.vendor("signals", "verify", "forged.json").returncode == 1
        assert code(desk.vendor("signals", "proof", "sig_" + "0" * 32, "--json"))[0] == 1


class TestScores:
    def test_scores_are_shown_and_computed_again_to_the_digit(self, desk: Desk, scored: str) -> None:
        (answer,) = desk.vendor.json("score", "show", scored)["deployments"]
        assert (answer["deployment"], len(answer["eras"])) == (desk.deployment, ERAS)
        exit_code, screen = desk.terminal(desk.vendor, "score", "show", scored)
        assert (exit_code, "signallers" in screen, "equal weights" in screen) == (0, True, True)
        exit_code, screen = desk.terminal(desk.vendor, "score", "verify", scored)
        assert (exit_code, "Every digit is the same." in screen) == (0, True)
        assert desk.vendor.json("score", "verify", scored)["equal"] is True

    def test_a_marketplace_that_publishes_another_digit_is_found_out(self, desk: Desk, scored: str) -> None:
        path = f"/api/rounds/{scored}/scores"
        inputs = desk.api.get(f"{path}/inputs").content
        true = json.loads(desk.api.get(path).content)
        for figure, lied in (("rank_ic", 0.123456789), ("contribution", 1.0), ("trials", 99)):
            lie = json.loads(json.dumps(true))
            lie["deployments"][0][figure] = lied
            with _says({path: json.dumps(lie).encode(), f"{path}/inputs": inputs}) as url:
                answer = desk.vendor("score", "verify", scored, MERCATO_TOKEN="vk_x", MERCATO_URL=url)
            assert (answer.returncode, f"{figure} was published as {lied}" in answer.stderr) == (1, True), answer.stderr
        with _says({path: json.dumps(true).encode(), f"{path}/inputs": inputs + b" "}) as url:
            answer = desk.vendor("score", "verify", scored, MERCATO_TOKEN="vk_x", MERCATO_URL=url)
        assert (answer.returncode == 0, "were computed from" in answer.stderr) == (False, True)

    def test_what_is_not_scored_is_told(self, desk: Desk) -> None:
        assert code(desk.vendor("score", "show", "rnd_" + "0" * 32, "--json")) == (1, "round_not_found")

    def test_the_leaderboard_has_it(self, desk: Desk, scored: str) -> None:
        (row,) = [one for one in desk.vendor.json("leaderboard")["items"] if one["deployment"] == desk.deployment]
        assert (row["vendor"], row["rounds"], row["eras"]) == ("signallers", 1, ERAS)
        exit_code, screen = desk.terminal(desk.operator, "leaderboard")
        assert (exit_code, desk.deployment in screen) == (0, True)

    def test_a_claim_is_made_once_by_its_vendor_and_set_beside_what_happened(self, desk: Desk, scored: str) -> None:
        assert desk.vendor.json("score", "live", desk.deployment)["verdict"] == "unclaimed"
        claim = ("score", "claim", desk.deployment, "--eras", "500", "--deviation", "0.25", "--source", "my backtest")
        assert code(desk.operator(*claim, "--mean-ic", "0.5", "--json"))[0] == 1
        exit_code, screen = desk.terminal(desk.vendor, *claim, "--mean-ic", "0.02")
        assert (exit_code, "too early: 20" in screen, "+0.0200" in screen) == (0, True, True)
        desk.vendor.json(*claim, "--mean-ic", "0.9")
        body = desk.operator.json("score", "live", desk.deployment)
        (shown,) = desk.vendor.json("score", "show", scored)["deployments"]
        assert (body["claimed"]["mean_ic"], body["live_eras"], body["verdict"]) == (0.02, ERAS, "too-early")
        assert body["live_mean_ic"] == pytest.approx(shown["rank_ic"], abs=2e-9)
        missing = desk.vendor("score", "live", "dep_" + "0" * 32, "--json")
        assert code(missing) == (1, "signal_deployment_unknown")


class TestConsensus:
    def test_weights_stand_beside_what_the_consensus_has_to_beat(self, desk: Desk, scored: str) -> None:
        body = desk.vendor.json("consensus", "show", scored)
        assert [(one["deployment"], one["weight"], one["reason"]) for one in body["weights"]] == [
            (desk.deployment, 0, "shadow")
        ]
        scores = desk.vendor.json("score", "show", scored)
        assert body["rank_ic"] == {
            "consensus": scores["consensus_ic"],
            "equal_weight": scores["equal_weight_ic"],
            "best_single": None,
        }
        assert [write["consensus"]["era"] for write in body["eras"]] == desk.eras()
        exit_code, screen = desk.terminal(desk.vendor, "consensus", "show", scored)
        assert exit_code == 0
        for words in ("independent models", "rank IC of the consensus", "rank IC of equal weights", "new: in shadow"):
            assert words in screen

    def test_an_era_is_shown_name_by_name_and_one_that_is_not_there_is_told(self, desk: Desk, scored: str) -> None:
        era = desk.eras()[1]
        body = desk.vendor.json("consensus", "show", scored, "--era", str(era))
        (write,) = body["eras"]
        assert write["consensus"]["era"] == era
        exit_code, screen = desk.terminal(desk.vendor, "consensus", "show", scored, "--era", str(era))
        assert (exit_code, f"era {era}, the highest first" in screen) == (0, True)
        assert all(name in screen for name in write["consensus"]["scores"])
        for noun in ("consensus", "positions"):
            other = desk.vendor(noun, "show", scored, "--era", "1")
            assert (other.returncode, other.stderr.count("\n")) == (2, 1)
            assert f"It has eras {desk.eras()[0]} to {desk.eras()[-1]}." in other.stderr

    def test_before_the_round_is_resolved_operators_see_it_and_vendors_are_told_when(
        self, desk: Desk, next_round: str
    ) -> None:
        for noun in ("consensus", "positions"):
            refused = desk.vendor(noun, "show", next_round, "--json")
            assert code(refused) == (1, "score_inputs_under_embargo")
            assert desk.operator.json(noun, "show", next_round)["round"] == next_round
            assert code(desk.vendor(noun, "show", "rnd_" + "0" * 32, "--json")) == (1, "round_not_found")

    def test_with_a_weight_it_is_the_consensus_and_its_positions_have_its_part(
        self, desk: Desk, next_round: str
    ) -> None:
        body = desk.operator.json("consensus", "show", next_round)
        assert [(one["deployment"], one["weight"]) for one in body["weights"]] == [(desk.deployment, 10**9)]
        assert (body["best_single"], body["effective_models"]) == (desk.deployment, 1.0)
        assert body["rank_ic"]["consensus"] == body["rank_ic"]["best_single"]
        exit_code, screen = desk.terminal(desk.operator, "consensus", "show", next_round)
        assert (exit_code, f"{desk.deployment} of signallers" in screen, "100.00%" in screen) == (0, True, True)
        held = desk.operator.json("positions", "show", next_round)
        whole = held["portfolio"]["positions"]
        assert held["by_vendor"] == {"signallers": whole}
        assert sum(map(abs, whole.values())) > 5 * 10**8
        exit_code, screen = desk.terminal(desk.operator, "positions", "show", next_round)
        assert (exit_code, "gross" in screen, "Shapley's value" in screen) == (0, True, True)
        lines = [line.split() for line in screen.splitlines()]
        for name, position in whole.items():
            if position:
                share = [f"{position / 1e7:+.3f}", "%"]
                assert [name, *share, *share] in lines


class TestPositions:
    def test_nothing_is_held_while_everybody_is_in_shadow(self, desk: Desk, scored: str) -> None:
        body = desk.vendor.json("positions", "show", scored)
        assert (body["era"], body["eras"]) == (desk.eras()[-1], desk.eras())
        assert set(body["portfolio"]["positions"].values()) == {0}
        exit_code, screen = desk.terminal(desk.vendor, "positions", "show", scored, "--era", str(desk.eras()[0]))
        assert (exit_code, "Nothing is held." in screen) == (0, True)

    def test_an_operator_computes_what_if(self, desk: Desk, tmp_path: Path) -> None:
        asked = {
            "round": "rnd_" + "0" * 32, "era": 8001, "objective": "mean-variance", "names": ["AAPL", "XOM"],
            "scores": [0.8, -0.8], "returns": [[0.01, -0.002], [-0.004, 0.006], [0.002, 0.001]],
            "constraints": {"gross": 10**9, "net_least": 0, "net_most": 0, "per_name": 5 * 10**8},
        }  # fmt: skip
        file = tmp_path / "what-if.json"
        file.write_text(json.dumps(asked))
        body = desk.operator.json("positions", "compute", str(file))
        held = body["positions"]["AAPL"]
        assert (body["positions"], 10**8 < held <= 5 * 10**8) == ({"AAPL": held, "XOM": -held}, True)
        exit_code, screen = desk.terminal(desk.operator, "positions", "compute", str(file))
        assert (exit_code, f"{held / 1e7:+.3f} %" in screen, "mean-variance" in screen) == (0, True, True)
        file.write_text(json.dumps(asked | {"scores": [0.1]}))
        refused = desk.operator("positions", "compute", str(file))
        assert (refused.returncode, "there are 1 for 2 names" in refused.stderr) == (1, True)
        assert desk.vendor("positions", "compute", str(file)).returncode == 1

    def test_parts_stand_by_deployment_too(self, desk: Desk, next_round: str) -> None:
        body = desk.operator.json("positions", "show", next_round, "--by", "deployment")
        assert body["by_deployment"] == {desk.deployment: body["portfolio"]["positions"]}


class TestRecord:
    def test_what_was_decided_is_listed_with_who_and_why(self, desk: Desk, scored: str) -> None:
        assert code(desk.vendor("record", "list", "--json")) == (1, "not_allowed")
        assert code(desk.vendor("record", "verify", "--json")) == (1, "not_allowed")
        (line,) = desk.operator.json("record", "list", "--subject", scored)["items"]
        assert (line["actor"], line["what"], line["facts"]["number"]) == ("the desk", "round.scored", 1)
        switch = desk.operator.json("kill", "deployment", desk.deployment, "--reason", "a test of the record")
        desk.operator.json("kill", "lift", switch["id"], "--reason", "it was only a test")
        items = desk.operator.json("record", "list", "--subject", desk.deployment, "--limit", "2")["items"]
        assert [(one["what"], one["facts"]["switch"], one["reason"]) for one in items] == [
            ("kill.lifted", switch["id"], "it was only a test"),
            ("kill.thrown", switch["id"], "a test of the record"),
        ]
        assert {one["actor"] for one in items} == {switch["by"]}
        exit_code, screen = desk.terminal(desk.operator, "record", "list")
        assert (exit_code, "a test of the record" in screen) == (0, True)
        assert switch["id"][-8:] in screen, "a table on a terminal shows the end of an id"

    def test_it_is_computed_again_and_held_against_a_head_that_was_kept(self, desk: Desk, scored: str) -> None:
        assert desk.api.post("/api/signals/heads", json={}).status_code == 200
        exit_code, screen = desk.terminal(desk.operator, "record", "verify", "--out", "head.json")
        assert (exit_code, "The record and the log are unchanged" in screen) == (0, True)
        kept = json.loads((desk.operator.config / "head.json").read_text())
        body = desk.operator.json("record", "verify", "--head", "head.json", "--key", kept["key"])
        assert (body["lines"] >= kept["size"], body["entries"] >= ERAS) == (True, True)
        other = desk.operator("record", "verify", "--key", "A" * 43 + "=")
        assert (other.returncode, "another key" in other.stderr) == (1, True)
        (desk.operator.config / "none.json").write_text("{}")
        assert desk.operator("record", "verify", "--head", "none.json").returncode == 2

    def test_a_record_that_was_altered_or_cut_is_found_out(self, desk: Desk, scored: str) -> None:
        assert desk.api.post("/api/signals/heads", json={}).status_code == 200
        lines = json.loads(desk.api.get("/api/desk/record?limit=500").content)
        heads = json.loads(desk.api.get("/api/desk/record/heads?limit=500").content)
        (desk.operator.config / "kept.json").write_text(json.dumps(heads["items"][0]))
        none: dict[str, Any] = {"items": []}
        altered = json.loads(json.dumps(lines))
        altered["items"][1]["facts"]["reason"] = "another reason"
        swapped = json.loads(json.dumps(heads))
        swapped["items"][0]["at"] = "2020-01-01T00:00:00.000000Z"
        cut = {"items": lines["items"][1:]}
        for expected, sealed, words in (
            (altered, none, "was altered"),
            ({"items": lines["items"][:1] + lines["items"][2:]}, none, "was altered"),
            (lines, swapped, "is not signed by its key"),
            (cut, heads, "and now it has"),
            (cut, none, "and now it has"),
        ):
            answers = {
                "/api/desk/record?limit=500": json.dumps(expected).encode(),
                "/api/desk/record/heads?limit=500": json.dumps(sealed).encode(),
                "/api/signals/audit": b'{"entries": 1, "record": 1}',
            }
            with _says(answers) as url:
                found = desk.operator("record", "verify", "--head", "kept.json", MERCATO_TOKEN="vk_x", MERCATO_URL=url)
            assert (found.returncode, words in found.stderr) == (1, True), found.stderr


class TestKill:
    def test_an_operator_switches_off_and_on_and_a_vendor_may_not(self, desk: Desk) -> None:
        refused = desk.vendor("kill", "deployment", desk.deployment, "--reason", "mine", "--json")
        assert code(refused) == (1, "not_allowed")
        assert desk.vendor.json("deployments", "show", desk.deployment)["routed"] is True
        unknown = desk.operator("kill", "vendor", "nobody-at-all", "--reason", "a test")
        assert (unknown.returncode, "Traceback" in unknown.stderr) == (1, False)
        for words in (("deployment", desk.deployment), ("vendor", "signallers"), ("all",)):
            exit_code, screen = desk.terminal(desk.operator, "kill", *words, "--reason", "a test of the switch")
            assert (exit_code, " is off. " in screen) == (0, True)
            (thrown,) = desk.operator.json("kill", "list", "--thrown")["items"]
            assert (thrown["scope"], thrown["origin"], thrown["reason"]) == (
                words[0],
                "operator",
                "a test of the switch",
            )
            shown = desk.vendor.json("deployments", "show", desk.deployment)
            assert (shown["routed"], [hold["by"] for hold in shown["holds"]]) == (
                False,
                [f"kill-switch:{thrown['id']}"],
            )
            desk.operator.json("kill", "lift", thrown["id"], "--reason", "it is sound")
        assert desk.vendor.json("deployments", "show", desk.deployment)["routed"] is True
        assert desk.operator.json("kill", "list", "--thrown")["items"] == []

    def test_the_gateway_hears_it(self, desk: Desk, shop: Shop) -> None:
        plans = {one["name"]: one["id"] for one in desk.api.get("/api/services/signallers/level").json()["plans"]}
        with httpx.Client(base_url=shop.url, timeout=60) as consumer:
            person = {"email": "demo@localhost", "password": shop.password}
            token = consumer.post("/api/sessions", json=person).json()["access_token"]
            consumer.headers["authorization"] = f"Bearer {token}"
            assert consumer.post("/api/subscriptions", json={"plan_id": plans["free"]}).status_code in (200, 201)
        asked = {
            "contract": "signal-inference/2", "round": desk.round["id"], "features": ["feature_a"],
            "eras": [{"era": 1, "ids": ["a", "b"], "values": [[0.1], [0.2]]}],
        }  # fmt: skip
        headers = {"authorization": f"Bearer {shop.consumer_key}"}

        def status() -> int:
            url = f"{shop.gateway}/s/signallers/level/v1/signals"
            return httpx.post(url, json=asked, headers=headers, timeout=60).status_code

        eventually(lambda: status() == 200, "the gateway routes calls to it")
        switch = desk.operator.json("kill", "vendor", "signallers", "--reason", "a test of the switch")
        eventually(lambda: status() == 503, "the gateway refuses")
        desk.operator.json("kill", "lift", switch["id"], "--reason", "it is sound")
        eventually(lambda: status() == 200, "the gateway routes calls again")


@contextmanager
def _says(bodies: dict[str, bytes]) -> Iterator[str]:
    """A marketplace that answers these paths with these bodies, whatever they are."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[self.path]
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
