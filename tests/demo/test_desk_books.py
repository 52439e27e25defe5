"""The demonstration computes the desk's figures a second time, and names every one that is another."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from demo.desk_books import RoundBooks, check_receipts, check_standings
from demo.report import Report
from demo.signal_vendors import Written
from mercato_contracts.consensus import NANO, ConsensusInferenceResponse, ConsensusWeight, ConsensusWrite
from mercato_contracts.desk import LeaderboardRow, Reconciliation, RoundDesk
from mercato_contracts.merkle import leaf_hash
from mercato_contracts.optimizer import Attribution, OptimizerInferenceResponse, OptimizerWrite
from mercato_contracts.ranking import correlation, gaussian
from mercato_contracts.scores import (
    EraTargets,
    RoundScores,
    ScoredSignal,
    ScoreInputs,
    ScoringSpec,
    WrittenEra,
    combine,
    score_round,
)

ROUND = "rnd_" + "0" * 32
DEPLOYMENTS = {"acme": "dep_" + "a" * 32, "zeta": "dep_" + "b" * 32}
ERAS = (11, 12, 13)
IDS = [f"n{at}" for at in range(8)]
NAMES = [f"T{at}" for at in range(8)]
WEIGHTS = {"acme": 600_000_000, "zeta": 400_000_000}


def _written(vendor: str, begin: int) -> Written:
    chance = random.Random(vendor)
    scores = {era: {one: round(chance.uniform(-1, 1), 6) for one in IDS} for era in ERAS}
    receipts = []
    for at, era in enumerate(ERAS):
        answer = json.dumps(scores[era], separators=(",", ":"), sort_keys=True)
        entry = json.dumps({"era": era, "scores": hashlib.sha256(answer.encode()).hexdigest()})
        digest = leaf_hash(entry.encode()).hex()
        receipts.append({"id": f"sig_{at}", "era": era, "place": begin + at, "entry": entry, "digest": digest})
    return Written(vendor, DEPLOYMENTS[vendor], scores, receipts)


WRITTEN = [_written("acme", 0), _written("zeta", 3)]
TRUTH = {era: {one: random.Random(f"{era} {one}").random() for one in IDS} for era in ERAS}


def _effective() -> float:
    rows = [[x for era in ERAS for x in gaussian([one.scores[era][i] for i in IDS])] for one in WRITTEN]
    return 4 / (2 + 2 * correlation(*rows) ** 2)


def _consensus(era: int) -> ConsensusWrite:
    scores = combine([[one.scores[era][i] for i in IDS] for one in WRITTEN], list(WEIGHTS.values()))
    weights = [
        ConsensusWeight(deployment=DEPLOYMENTS[name], vendor=name, weight=nano, cluster=at, reason="skill")
        for at, (name, nano) in enumerate(WEIGHTS.items())
    ]
    answer = ConsensusInferenceResponse(
        round=ROUND, era=era, spec="consensus/1", weights=weights, scores=dict(zip(IDS, scores, strict=True)),
        equal_weight=dict.fromkeys(IDS, 0.0), effective_models=_effective(),
    )  # fmt: skip
    return ConsensusWrite(consensus=answer, inputs="0" * 64)


def _portfolio(era: int) -> OptimizerWrite:
    whole = [NANO // 8 * sign for sign in (1, -1) * 4]
    parts = {"acme": [position // 3 for position in whole]}
    parts["zeta"] = [position - part for position, part in zip(whole, parts["acme"], strict=True)]
    portfolio = OptimizerInferenceResponse(
        round=ROUND, era=era, objective="mean-variance", positions=dict(zip(NAMES, whole, strict=True)),
        expected=0.0, risk=0.0,
    )  # fmt: skip
    attributions = [
        Attribution(deployment=DEPLOYMENTS[name], vendor=name, positions=dict(zip(NAMES, row, strict=True)))
        for name, row in parts.items()
    ]
    return OptimizerWrite(portfolio=portfolio, method="shapley", attributions=attributions, inputs="0" * 64)


def _scores() -> RoundScores:
    eras = [EraTargets(era=era, ids=IDS, names=NAMES, targets=[TRUTH[era][i] for i in IDS]) for era in ERAS]
    signals = [
        ScoredSignal(
            deployment=one.deployment, vendor=one.vendor, weight=WEIGHTS[one.vendor], trials=1,
            eras=[WrittenEra(era=era, place=0, scores=one.scores[era]) for era in ERAS],
        )
        for one in WRITTEN
    ]  # fmt: skip
    return score_round(ScoreInputs(spec=ScoringSpec(), round=ROUND, number=2, eras=eras, signals=signals))


def _books() -> RoundBooks:
    desk = RoundDesk(round=ROUND, consensus=[*map(_consensus, ERAS)], portfolios=[*map(_portfolio, ERAS)])
    return RoundBooks(2, WRITTEN, desk, _scores(), TRUTH)


def _disagreements(check: Callable[[Report], None]) -> list[str]:
    report = Report()
    check(report)
    return report.disagreements


def test_books_that_agree_are_silent() -> None:
    assert _disagreements(_books().check) == []
    assert _disagreements(lambda report: check_receipts(report, WRITTEN)) == []


def _swap_consensus(books: RoundBooks) -> None:
    scores = books.desk.consensus[1].consensus.scores
    scores["n0"], scores["n1"] = scores["n1"], scores["n0"]


def _shift_a_part(books: RoundBooks) -> None:
    books.desk.portfolios[2].attributions[0].positions["T0"] += 1


def _lever(books: RoundBooks) -> None:
    expected = books.desk.portfolios[0]
    expected.attributions.clear()
    expected.portfolio.positions["T0"] += NANO


def _double_models(books: RoundBooks) -> None:
    expected = books.desk.consensus
    expected[0] = expected[0].model_copy(
        update={"consensus": expected[0].consensus.model_copy(update={"effective_models": 2.0})}
    )


def _better_score(books: RoundBooks) -> None:
    expected = books.scores.deployments
    expected[0] = expected[0].model_copy(update={"rank_ic": expected[0].rank_ic + 1e-9})


def _heavier(books: RoundBooks) -> None:
    expected = books.desk.consensus[0].consensus.weights
    expected[0] = expected[0].model_copy(update={"weight": expected[0].weight + 1})


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_swap_consensus, "eras whose consensus is another: expected [], found [12]"),
        (_shift_a_part, "parts make another whole: expected [], found ['13 T0']"),
        (_lever, "outside their limits: expected [], found [11]"),
        (_double_models, "effective number of models"),
        (_better_score, "mean rank IC of acme"),
        (_heavier, "the weights' sum"),
        (lambda books: books.desk.portfolios.pop(), "eras with a portfolio"),
    ],
)
def test_a_figure_that_is_another_is_named(spoil: Callable[[RoundBooks], Any], named: str) -> None:
    books = _books()
    spoil(books)
    answer = _disagreements(books.check)
    assert any(named in one for one in answer), answer


def test_a_receipt_of_something_else_is_named() -> None:
    changed = replace(WRITTEN[0], scores={**WRITTEN[0].scores, 12: dict.fromkeys(IDS, 0.5)})
    assert "entries that are not what was signed" in _disagreements(lambda r: check_receipts(r, [changed]))[0]
    twice = replace(WRITTEN[1], receipts=WRITTEN[0].receipts)
    assert any("places in the log" in one for one in _disagreements(lambda r: check_receipts(r, [WRITTEN[0], twice])))
    short = replace(WRITTEN[0], receipts=WRITTEN[0].receipts[:2])
    assert "receipt for" in _disagreements(lambda r: check_receipts(r, [short]))[0]


def _standings() -> tuple[list[LeaderboardRow], list[Reconciliation]]:
    scores = sorted(_scores().deployments, key=lambda one: -one.contribution)
    board = [
        LeaderboardRow(
            rank=at, deployment=one.deployment, vendor=one.vendor, rounds=1, eras=3, rank_ic=one.rank_ic,
            contribution=one.contribution, uniqueness=0, churn=0, turnover=0, deflated_sharpe=0, weight=0,
            is_held=False,
        )
        for at, one in enumerate(scores, 1)
    ]  # fmt: skip
    live = [
        Reconciliation(
            deployment=one.deployment, vendor=one.vendor, claimed=None, claimed_at=None, live_eras=3,
            live_mean_ic=round(sum(era.rank_ic for era in one.eras) / 3, 9), live_deviation=0.1, z=None,
            verdict="unclaimed",
        )
        for one in scores
    ]  # fmt: skip
    return board, live


def test_standings_are_the_means_of_the_rounds() -> None:
    board, live = _standings()
    books = [_books()]
    assert _disagreements(lambda report: check_standings(report, books, board, live)) == []
    wrong = _disagreements(lambda report: check_standings(report, books, board[::-1], live))
    assert wrong[0].startswith("order of the leaderboard")
    live[0] = live[0].model_copy(update={"live_mean_ic": live[0].live_mean_ic + 1e-9})
    assert "live eras of" in _disagreements(lambda report: check_standings(report, books, board, live))[0]
