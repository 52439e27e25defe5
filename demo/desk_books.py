"""What vendors signed beside what the desk published of it: every figure computed a second time, and compared."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import correlation
from typing import Any

from demo.report import Report
from demo.signal_vendors import Written
from mercato_contracts.consensus import NANO
from mercato_contracts.desk import LeaderboardRow, Reconciliation, RoundDesk
from mercato_contracts.merkle import leaf_hash
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.ranking import gaussian
from mercato_contracts.scores import DeploymentScore, RoundScores, combine

_DECIMALS = 9
_ROUNDING = 20
"""Billionths: each of twenty positions is a whole number of them."""

Truth = Mapping[int, Mapping[str, float]]


def check_receipts(report: Report, written: Sequence[Written]) -> None:
    """Every write has its own place in the log, and its entry holds the digest of what the vendor's file has."""
    places = [receipt["place"] for one in written for receipt in one.receipts]
    for one in written:
        eras = [receipt["era"] for receipt in one.receipts]
        report.agree(f"eras that {one.vendor} has a receipt for", sorted(one.scores), eras)
    report.agree("places in the log, each of one entry", len(places), len(set(places)))
    altered = [
        receipt["id"]
        for one in written
        for receipt in one.receipts
        if not _is_entry_of(receipt, one.scores[receipt["era"]])
    ]
    report.agree("entries that are not what was signed", [], altered)


def _is_entry_of(receipt: Mapping[str, Any], scores: Mapping[str, float]) -> bool:
    signed = json.dumps({one: score + 0.0 for one, score in scores.items()}, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(signed.encode()).hexdigest()
    return digest in receipt["entry"] and leaf_hash(receipt["entry"].encode()).hex() == receipt["digest"]


@dataclass(frozen=True, slots=True)
class RoundBooks:
    """A resolved round: what was signed, what was published, what came true."""

    number: int
    written: Sequence[Written]
    desk: RoundDesk
    scores: RoundScores
    truth: Truth

    def weights(self) -> dict[str, int]:
        """Billionths by vendor, as the consensus of the first era has them; those of the others are the same."""
        weights = self.desk.consensus[0].consensus.weights
        return {one.vendor: one.weight for one in weights}

    def reasons(self) -> dict[str, str]:
        """Why each vendor's weight is what it is."""
        return {one.vendor: one.reason for one in self.desk.consensus[0].consensus.weights}

    @property
    def effective_models(self) -> float:
        """As published."""
        return self.desk.consensus[0].consensus.effective_models

    def check(self, report: Report) -> None:
        """Consensus, positions and scores."""
        name, weights = f"round {self.number}", self.weights()
        eras = sorted(self.truth)
        report.agree(f"{name}: eras with a consensus", eras, [one.consensus.era for one in self.desk.consensus])
        report.agree(f"{name}: eras with a portfolio", eras, [one.portfolio.era for one in self.desk.portfolios])
        report.agree(f"{name}: the weights' sum", NANO if any(weights.values()) else 0, sum(weights.values()))
        report.agree(f"{name}: eras whose consensus is another", [], self._other_consensus(weights))
        found = self._count_models([one for one in self.written if weights[one.vendor]])
        report.agree(f"{name}: effective number of models", found, round(self.effective_models, _DECIMALS))
        report.agree(f"{name}: positions whose parts make another whole", [], _broken_sums(self.desk.portfolios))
        report.agree(f"{name}: portfolios outside their limits", [], _outside(self.desk.portfolios))
        for one in self.written:
            given = next(each for each in self.scores.deployments if each.deployment == one.deployment)
            report.agree(f"{name}: mean rank IC of {one.vendor}, by SciPy", _mean_ic(one, self.truth), given.rank_ic)

    def _other_consensus(self, weights: Mapping[str, int]) -> list[int]:
        nanos = [weights[one.vendor] for one in self.written]
        other = []
        for published in self.desk.consensus:
            era, ids = published.consensus.era, sorted(published.consensus.scores)
            found = combine([[one.scores[era][each] for each in ids] for one in self.written], nanos)
            published_scores = [published.consensus.scores[each] for each in ids]
            if _rounded(found) != _rounded(published_scores):
                other.append(era)
        return other

    def _count_models(self, counted: Sequence[Written]) -> float:
        """n² over the sum of squared correlations of scores that were made normal by rank, era by era."""
        if not counted:
            return 0.0
        rows = [[x for era in sorted(one.scores) for x in self._normal(one, era)] for one in counted]
        total = sum(correlation(one, other) ** 2 for one in rows for other in rows)
        return round(len(rows) ** 2 / total, _DECIMALS)

    def _normal(self, one: Written, era: int) -> list[float]:
        return gaussian([one.scores[era][each] for each in sorted(one.scores[era])])


def _broken_sums(portfolios: Sequence[OptimizerWrite]) -> list[str]:
    return [
        f"{write.portfolio.era} {name}"
        for write in portfolios
        for name, position in write.portfolio.positions.items()
        if write.attributions and sum(part.positions[name] for part in write.attributions) != position
    ]


def _outside(portfolios: Sequence[OptimizerWrite]) -> list[int]:
    """More than all of the capital, or not market-neutral."""
    held = [(write.portfolio.era, list(write.portfolio.positions.values())) for write in portfolios]
    return [era for era, all_of in held if sum(map(abs, all_of)) > NANO + _ROUNDING or abs(sum(all_of)) > _ROUNDING]


def _mean_ic(one: Written, truth: Truth) -> float:
    from scipy.stats import spearmanr

    each = []
    for era, targets in truth.items():
        ids = sorted(targets)
        each.append(float(spearmanr([one.scores[era][i] for i in ids], [targets[i] for i in ids]).statistic))
    return _mean(each)


def check_standings(
    report: Report, rounds: Sequence[RoundBooks], board: Sequence[LeaderboardRow], live: Sequence[Reconciliation]
) -> None:
    """Leaderboard and live results are the means of what the rounds' scores say."""
    results: dict[str, list[DeploymentScore]] = {}
    for books in rounds:
        for score in books.scores.deployments:
            results.setdefault(score.deployment, []).append(score)
    means = {one: _mean([score.contribution for score in scores]) for one, scores in results.items()}
    order = sorted(results, key=lambda one: (-means[one], -_mean([score.rank_ic for score in results[one]]), one))
    report.agree("order of the leaderboard", order, [row.deployment for row in board])
    shown = [(row.rounds, row.rank_ic, row.contribution) for row in board]
    found = [(len(results[one]), _mean([s.rank_ic for s in results[one]]), means[one]) for one in order]
    report.agree("figures of the leaderboard", found, shown)
    for one in live:
        eras = [era.rank_ic for score in results[one.deployment] for era in score.eras]
        report.agree(f"live eras of {one.vendor} and their mean", (len(eras), _mean(eras)),
                     (one.live_eras, one.live_mean_ic))  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return round(math.fsum(values) / len(values), _DECIMALS)


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, _DECIMALS) for value in values]
