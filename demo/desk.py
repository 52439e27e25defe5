"""Chapters 8 to 10: two vendors train, deploy and sign; the desk joins, invests, scores; one is switched off."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.command import Mp
from demo.control import Member, Visitor
from demo.data_rounds import DataRounds
from demo.desk_books import RoundBooks, check_receipts, check_standings
from demo.marketplace import Marketplace
from demo.processes import Processes, Running
from demo.report import Report
from demo.signal_buyer import SignalBuyer
from demo.signal_vendors import DATASET, RECIPES, SignalVendor, Trained, Written, together
from demo.watch import Watch
from mercato_contracts.consensus import NANO
from mercato_contracts.datasets import RoundDetail
from mercato_contracts.desk import KillSwitchView, LeaderboardRow, Reconciliation


@dataclass
class DeskStory:
    """One run of the desk's chapters, on a marketplace that runs."""

    report: Report
    marketplace: Marketplace
    processes: Processes
    folder: Path
    operator: Member
    operator_mp: Mp
    approver: Member
    rounds: list[RoundBooks] = field(default_factory=list)
    kill_rows: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._data = DataRounds(self.operator)
        self._vendors = [SignalVendor(one, self.marketplace, self.processes, self.folder) for one in RECIPES]

    @property
    def trainer(self) -> SignalVendor:
        """A vendor who has trained here, and whose model is live to the end."""
        return self._vendors[0]

    def run(self, building: Running) -> None:
        """`building` is the panel's build, begun earlier. Raises what keeps the story from going on."""
        first = self._train(building)
        buyer = self._go_live()
        self._settle_two_rounds(first, buyer)
        self._switch_off(buyer)
        self._compare_standings(buyer)

    def _train(self, building: Running) -> RoundDetail:
        self.report.step(8, "Two vendors train on a round of real prices, deploy, register and say that they live")
        self.report.say(building.wait_to_end().strip().splitlines()[-1])
        first = self._open()
        for vendor in self._vendors:
            self.processes.before_stopping(vendor.leave)
        together(self._vendors, lambda vendor: vendor.join())
        pulled = together(self._vendors, lambda vendor: vendor.pull(first.number))
        self.report.agree(
            "files of the round with their SHA-256, as both vendors have them",
            [sorted((file.name, file.sha256[:12]) for file in first.files if file.is_available)] * len(pulled),
            [sorted((file["name"], file["sha256"][:12]) for file in result["files"]) for result in pulled],
        )
        self.report.progress("both train on the local provider")
        trained = together(self._vendors, lambda vendor: vendor.train(first.id))
        self.report.progress_done()
        for vendor, one in zip(self._vendors, trained, strict=True):
            self._tell_training(vendor, one)
        return first

    def _open(self) -> RoundDetail:
        found = self._data.open("the demonstration")
        self.report.say(
            f"round {found.number} of {DATASET} is open: eras {found.first_era} to {found.last_era}, "
            f"training data up to era {found.train_last_era}"
        )
        return found

    def _tell_training(self, vendor: SignalVendor, trained: Trained) -> None:
        run, metrics = trained.run, trained.run["metrics"]
        self.report.say(
            f"{vendor.slug} trained on {', '.join(vendor.recipe.hyperparameters)}: rank IC {metrics['rank_ic']:+.4f} "
            f"on {metrics['eras_judged']:.0f} eras held out, cost ${run['cost_nanos'] / 1e9:.4f}"
        )
        self.report.agree(f"last step and result of {vendor.slug}'s training", metrics["rank_ic"],
                          run["steps"][-1]["metrics"]["rank_ic"])  # fmt: skip
        recorded = {artifact["name"]: artifact["sha256"] for artifact in run["artifacts"]}
        self.report.agree(f"model of {vendor.slug}, as recorded", {"model.txt": trained.model_sha256}, recorded)

    def _go_live(self) -> SignalBuyer:
        endpoints = dict(zip(self._vendors, together(self._vendors, lambda vendor: vendor.deploy()), strict=True))
        together(self._vendors, lambda vendor: vendor.register(endpoints[vendor]), self._approve)
        together(self._vendors, lambda vendor: vendor.come_alive())
        together(self._vendors, lambda vendor: vendor.claim())
        for vendor in self._vendors:
            found = vendor.mp("deployments", "show", vendor.deployment)
            self.report.agree(f"{vendor.service} at {endpoints[vendor]}", ("live", True),
                              (found["link"]["state"], found["routed"]))  # fmt: skip
        services = sorted(vendor.service for vendor in self._vendors)
        self.report.agree("live signals of both in the public catalogue", services, self._catalogue(services))
        return SignalBuyer(
            self._visitor().sign_up("harbour-desk", "Harbour Desk"), self.marketplace.gateway_url, services
        )

    def _approve(self) -> None:
        """A person looks at each release that waits."""
        wanted = {vendor.recipe.project for vendor in self._vendors}
        for item in self.approver.every("/api/approvals"):
            if item["submission"]["service"] in wanted:
                decision = {"decision": "approve", "reason": "Looked at the contract calls and the training's record."}
                self.approver.post(f"/api/approvals/{item['submission']['id']}", decision)
                self.report.say(f"a person approved {item['submission']['service']}")

    def _catalogue(self, wanted: Sequence[str]) -> list[str]:
        """Those of `wanted` that the public catalogue has as live, asked until it has them: a page is kept a moment."""
        visitor, deadline = self._visitor(), time.monotonic() + 30
        while True:
            items = [item for item in visitor.every("/api/catalog") if item["name"] in wanted]
            live = sorted(item["name"] for item in items if (item["status"], item["protocol"]) == ("live", "signal"))
            if live == wanted or time.monotonic() > deadline:
                return live
            time.sleep(0.5)

    def _visitor(self) -> Visitor:
        return Visitor(self.marketplace.control_url)

    def _settle_two_rounds(self, first: RoundDetail, buyer: SignalBuyer) -> None:
        self.report.step(9, "Signed signals become a consensus, positions and scores; everything is computed again")
        written = self._write(first)
        self._prove(written)
        self._compare_calls(first, written, buyer)
        self._settle(first, written)
        self.report.agree("new vendors are in shadow", {"shadow"}, set(self.rounds[-1].reasons().values()))
        second = self._open()
        self._settle(second, self._write(second))
        weights = self.rounds[-1].weights()
        self.report.say("weights: " + ", ".join(f"{name} {nano / NANO:.1%}" for name, nano in weights.items())
                        + f"; effective number of models {self.rounds[-1].effective_models:.2f}")  # fmt: skip
        if len(set(weights.values())) == 1:
            # Caps of 40 % a vendor and 30 % a cluster cannot hold with so few: they are raised together until they do.
            self.report.say(
                f"that is the cap, not skill: with {len(weights)} vendors none below {1 / len(weights):.0%} can hold, "
                "so each gets just that; skill moves weights from four independent signals on"
            )
        self._tell_positions()

    def _write(self, found: RoundDetail) -> list[Written]:
        written = together(self._vendors, lambda vendor: vendor.write(found.number))
        check_receipts(self.report, written)
        return written

    def _prove(self, written: Sequence[Written]) -> None:
        """The hour is ended by hand; then each vendor checks that its last write stands in the signed log."""
        head = self._data.seal()
        last = {one.vendor: one.receipts[-1] for one in written}
        proofs = together(self._vendors, lambda vendor: vendor.prove(last[vendor.slug]))
        self.report.agree("proofs that lead from a receipt to the signed root", [head["root"]] * len(proofs),
                          [proof["head"]["root"] for proof in proofs])  # fmt: skip

    def _compare_calls(self, found: RoundDetail, written: Sequence[Written], buyer: SignalBuyer) -> None:
        request = self._vendors[0].live_request(found.number)
        answer = {one.vendor: one.scores for one in written}
        for vendor in self._vendors:
            self.report.agree(f"eras of which {vendor.service} says something else through the gateway", [],
                              _other(buyer.ask(vendor.service, request), answer[vendor.slug]))  # fmt: skip

    def _settle(self, found: RoundDetail, written: Sequence[Written]) -> None:
        """Close, wait for the desk, resolve, and hold everything against what vendors have."""
        self._data.close(found.id)
        self._data.await_scores(found.id)
        self._finish(found, written)

    def _finish(self, found: RoundDetail, written: Sequence[Written]) -> None:
        desk, scores = self._data.resolve(found.id)
        self.rounds.append(RoundBooks(found.number, written, desk, scores, self._vendors[0].targets(found.number)))
        self.rounds[-1].check(self.report)
        again = self._vendors[0].mp("score", "verify", found.id)
        result = "every digit is the same" if again["equal"] else "digits differ"
        self.report.agree(f"round {found.number}: `mp score verify`", "every digit is the same", result)

    def _tell_positions(self) -> None:
        result = self.rounds[-1].desk.portfolios[-1]
        positions = result.portfolio.positions
        largest = sorted(positions, key=lambda name: -abs(positions[name]))[:5]
        rows = [
            [name, *(f"{part.positions[name]:+,}" for part in result.attributions), f"{positions[name]:+,}"]
            for name in largest
        ]
        self.report.say(
            f"the largest positions of era {result.portfolio.era}, in billionths of the capital ({result.method}):"
        )
        self.report.table(["name", *(part.vendor for part in result.attributions), "whole"], rows)

    def _switch_off(self, buyer: SignalBuyer) -> None:
        self.report.step(10, "A kill switch: out of the gateway and of the next consensus")
        found = self._open()
        written = self._write(found)
        kept, killed = self._vendors
        with buyer.watch(killed.service, kept.live_request(found.number)) as watch:
            watch.until_answered()
            began = time.time()
            thrown = KillSwitchView.model_validate(
                self.operator_mp("kill", "vendor", killed.slug, "--reason", "A demonstration of the switch.")
            )
            self._data.close(found.id)
            refused_at = watch.until_refused()
        desk = self._data.await_consensus(found.id)
        agreed_at = time.time()
        self._tell_times(watch, killed, thrown, [(at - began) for at in (refused_at, agreed_at)])
        answer = buyer.ask(kept.service, kept.live_request(found.number))
        self.report.agree(f"eras that {kept.service} scores all the same", len(written[0].scores), len(answer))
        result = {one.vendor: (one.weight, one.reason) for one in desk.consensus[0].consensus.weights}
        self.report.agree(f"weight of {killed.slug} in the next consensus", (0, "held"), result[killed.slug])
        self.report.agree(f"weight of {kept.slug} in the next consensus", NANO, result[kept.slug][0])
        self._data.await_scores(found.id)
        self._finish(found, written)

    def _tell_times(self, watch: Watch, killed: SignalVendor, thrown: KillSwitchView, seconds: Sequence[float]) -> None:
        self.report.agree(f"calls of {killed.service} answered after the first refusal", [], watch.answered_later())
        self.report.agree("code of the refusals", {"no_deployment"}, watch.codes())
        refused, agreed = seconds
        self.report.say(
            f"{thrown.id}: from the start of `mp kill vendor {killed.slug}` the gateway refused calls after "
            f"{refused:.2f} s, and the next consensus was there without it after {agreed:.2f} s"
        )
        self.kill_rows = [
            ["the gateway refuses calls", f"{refused:.2f} s"], ["the next consensus is without it", f"{agreed:.2f} s"],
        ]  # fmt: skip

    def _compare_standings(self, buyer: SignalBuyer) -> None:
        board = [LeaderboardRow.model_validate(row) for row in self._vendors[0].mp("leaderboard")["items"]]
        live = [
            Reconciliation.model_validate(vendor.mp("score", "live", vendor.deployment)) for vendor in self._vendors
        ]
        check_standings(self.report, self.rounds, board, live)
        held = [row.vendor for row in board if row.is_held]
        self.report.agree("who is held, by the leaderboard", [self._vendors[1].slug], held)
        for one in live:
            self.report.say(f"{one.vendor} against the backtest that it claimed: {one.verdict} (z = {one.z})")
        self.report.agree(f"usage of {buyer.slug}, as metered", buyer.answered, buyer.metered())

    def tell_figures(self) -> None:
        """Rounds and the switch, as tables."""
        rows = [
            [
                f"round {one.number}", f"{one.scores.consensus_ic:+.4f}", f"{one.scores.equal_weight_ic:+.4f}",
                f"{one.scores.best_single_ic:+.4f}", f"{one.effective_models:.2f}",
                *(f"{one.weights()[vendor.slug] / NANO:.1%}" for vendor in self._vendors),
            ]
            for one in self.rounds
        ]  # fmt: skip
        head = ["rank IC", "consensus", "equal", "best single", "models", *(vendor.slug for vendor in self._vendors)]
        self.report.table(head, rows)
        self.report.table(["after a kill switch", "time"], self.kill_rows)


def _other(answer: Mapping[int, Mapping[str, float]], signed: Mapping[int, Mapping[str, float]]) -> list[int]:
    return [era for era in sorted(answer.keys() | signed.keys()) if answer.get(era) != signed.get(era)]
