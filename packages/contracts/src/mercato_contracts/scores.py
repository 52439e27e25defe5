"""Scores of a round: their inputs, the scores, and the one function that computes them.

The marketplace scores with `score_round`, and so does `mp score verify`: same inputs, same digits. Every published
figure is rounded to the specification's number of decimals, half to even, after all else was computed.
"""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mercato_contracts.consensus import NanoWeight
from mercato_contracts.fields import CONTRACT, VendorSlug
from mercato_contracts.ranking import (
    contribution,
    deflated_sharpe,
    gaussian,
    mean,
    rank_average,
    rank_correlation,
    sharpe,
    tail_correlation,
    varies,
)
from mercato_contracts.signals import DeploymentId, Era, EraId, Finite, RoundId, Score
from mercato_contracts.wire import Wire

Gate = Literal["churn", "turnover", "constant"]


class ScoringSpec(Wire):
    """How a round is scored; pinned when the round is scored, and never changed for it."""

    version: Literal["scoring/1"] = Field(default="scoring/1", description="The version of the method")
    horizon_days: int = Field(default=5, ge=1, description="Eras whose targets overlap: one in so many is independent")
    churn_most: Finite = Field(default=0.9, description="1 - rank correlation of a signal from era to era, on average")
    turnover_most: Finite = Field(default=0.6, description="Share of the book that changes from era to era, on average")
    decimals: int = Field(
        default=9, ge=1, le=12, description="Decimals of every published figure, rounded half to even"
    )


class EraTargets(Wire):
    """One era's targets. `names` stand for the stocks, the same in every era of this round and nowhere else."""

    era: Era
    ids: list[EraId] = Field(min_length=1, description="The obscured ids of the era")
    names: list[str] = Field(description="Names that stand for the stocks, in the order of `ids`")
    targets: list[Finite] = Field(description="The realised targets, in the order of `ids`")

    @model_validator(mode="after")
    def _as_long(self) -> "EraTargets":
        if not len(self.ids) == len(self.names) == len(self.targets):
            raise ValueError(f"era {self.era}: ids, names and targets differ in length")
        return self


class WrittenEra(Wire):
    """A deployment's scores for an era; `place` is its entry in the signal log."""

    era: Era
    place: int = Field(ge=0, description="The number of its entry in the signal log, from 0")
    scores: dict[EraId, Score] = Field(description="A score in [-1, 1] for each id")


class ScoredSignal(Wire):
    """One deployment's part of the inputs.

    `history` are its rank ICs by era of earlier rounds, oldest first; `trials` is how often its vendor had a model
    validated by this marketplace before, counted by the marketplace.
    """

    deployment: DeploymentId
    vendor: VendorSlug
    weight: NanoWeight
    trials: Annotated[int, Field(ge=1)] = Field(
        description="How often its vendor had a model validated before, at least 1"
    )
    history: list[Finite] = Field(default=[], description="Rank ICs by era of earlier rounds, oldest first")
    eras: list[WrittenEra] = Field(description="What it wrote for each era")


class ScoreInputs(Wire):
    """Everything that the scores of a round depend on; published when the round is resolved."""

    contract: Annotated[Literal["score-inputs/1"], CONTRACT] = "score-inputs/1"
    spec: ScoringSpec = Field(description="How the round is scored")
    round: RoundId
    number: int = Field(description="The round's number within its dataset")
    eras: list[EraTargets] = Field(min_length=1, description="The targets of each era")
    signals: list[ScoredSignal] = Field(description="The signals, one for each deployment")

    @model_validator(mode="after")
    def _whole(self) -> "ScoreInputs":
        for signal in self.signals:
            by_era = {written.era: set(written.scores) for written in signal.eras}
            if any(by_era.get(era.era) != set(era.ids) for era in self.eras):
                raise ValueError(f"{signal.deployment}: it must have one score for each id of each era")
        return self

    def to_bytes(self) -> bytes:
        """The exact bytes that are published, and whose SHA-256 names these inputs."""
        return self.model_dump_json().encode()


class EraScore(Wire):
    """One deployment's figures for one era."""

    era: Era
    rank_ic: float = Field(description="Spearman's correlation of scores and targets, in [-1, 1]")
    tail_ic: float = Field(description="The same with stress on the tails (numerai_corr)")
    contribution: float = Field(description="What it adds to the consensus (MMC)")


class DeploymentScore(Wire):
    """One deployment's figures for the round; those without a word about eras are means over them."""

    deployment: DeploymentId
    vendor: VendorSlug
    weight: NanoWeight
    rank_ic: float = Field(description="Spearman's correlation of scores and targets")
    tail_ic: float = Field(description="The same with stress on the tails (numerai_corr)")
    contribution: float = Field(description="What it adds to the consensus (MMC)")
    uniqueness: float = Field(description="1 - its largest mean rank correlation with another vendor's signal")
    churn: float = Field(description="1 - rank correlation of the signal from era to era, on average")
    turnover: float = Field(description="The share of the book that changes from era to era, on average")
    sharpe: float = Field(description="Of the rank ICs of all eras so far, per era")
    deflated_sharpe: float = Field(description="Probability that the skill is real after so many trials")
    trials: int = Field(description="How often its vendor had a model validated before, at least 1")
    gates: list[Gate] = Field(description="Which gates it failed; such a signal has no weight in the next consensus")
    eras: list[EraScore] = Field(description="Its figures of each era")


class RoundScores(Wire):
    """The scores of a round beside what the consensus had to beat. `inputs` is the SHA-256 of the inputs' bytes."""

    contract: Annotated[Literal["round-scores/1"], CONTRACT] = "round-scores/1"
    spec: ScoringSpec = Field(description="How the round was scored")
    round: RoundId
    number: int = Field(description="The round's number within its dataset")
    inputs: str = Field(description="SHA-256 of the inputs' bytes")
    consensus_ic: float = Field(description="Mean rank IC of the consensus")
    equal_weight_ic: float = Field(description="Mean rank IC of equal weights")
    best_single_ic: float = Field(description="Mean rank IC of the signal that was best before; 0 without a history")
    deployments: list[DeploymentScore] = Field(description="The scores, in the order of the inputs")


def score_round(inputs: ScoreInputs) -> RoundScores:
    """The scores of these inputs, the same digits wherever they are computed; deployments in the inputs' order."""
    books = [_Book(signal, inputs.eras) for signal in inputs.signals]
    targets = [era.targets for era in inputs.eras]
    names = [era.names for era in inputs.eras]
    weights = [book.signal.weight for book in books]
    consensus = [combine([book.scores[at] for book in books], weights) for at in range(len(targets))]
    equal = [combine([book.scores[at] for book in books], [1] * len(books)) for at in range(len(targets))]
    scored = [_score(book, books, consensus, targets, names, inputs.spec) for book in books]
    places = inputs.spec.decimals
    return RoundScores(
        spec=inputs.spec,
        round=inputs.round,
        number=inputs.number,
        inputs=hashlib.sha256(inputs.to_bytes()).hexdigest(),
        consensus_ic=round(mean(_rank_ics(consensus, targets)), places),
        equal_weight_ic=round(mean(_rank_ics(equal, targets)), places),
        best_single_ic=_best_single(scored, inputs.signals),
        deployments=scored,
    )


def combine(signals: Sequence[Sequence[float]], weights: Sequence[int]) -> list[float]:
    """The consensus of one era, in [-1, 1]: the weighted mean of the signals, each made normal by rank.

    It is scaled by what the highest of so many names would get if all agreed. Without any weight everything is 0.
    """
    total = sum(weights)
    if not signals or total == 0:
        return [0.0] * (len(signals[0]) if signals else 0)
    top = gaussian(range(len(signals[0])))[-1] or 1.0
    predicted = [(weight, gaussian(signal)) for weight, signal in zip(weights, signals, strict=True) if weight]
    return [
        max(-1.0, min(1.0, math.fsum(weight * row[at] for weight, row in predicted) / total / top))
        for at in range(len(signals[0]))
    ]


class _Book:
    """A signal laid out by the order of the eras' ids."""

    def __init__(self, signal: ScoredSignal, eras: Sequence[EraTargets]) -> None:
        self.signal = signal
        by_era: Mapping[int, Mapping[str, float]] = {written.era: written.scores for written in signal.eras}
        self.eras = [era.era for era in eras]
        self.scores = [[by_era[era.era][one] for one in era.ids] for era in eras]


def _rank_ics(scores: Sequence[Sequence[float]], targets: Sequence[Sequence[float]]) -> list[float]:
    return [rank_correlation(predicted, true) for predicted, true in zip(scores, targets, strict=True)]


def _score(
    book: _Book,
    books: Sequence[_Book],
    consensus: Sequence[Sequence[float]],
    targets: Sequence[Sequence[float]],
    names: Sequence[Sequence[str]],
    spec: ScoringSpec,
) -> DeploymentScore:
    ics = _rank_ics(book.scores, targets)
    tails = [tail_correlation(predicted, true) for predicted, true in zip(book.scores, targets, strict=True)]
    adds = [contribution(*each) for each in zip(book.scores, consensus, targets, strict=True)]
    churn, turnover = _movement(book.scores, names)
    payoffs = [*book.signal.history, *ics]
    trials = book.signal.trials

    def figure(value: float) -> float:
        return round(value, spec.decimals) + 0.0  # never a negative zero

    return DeploymentScore(
        deployment=book.signal.deployment,
        vendor=book.signal.vendor,
        weight=book.signal.weight,
        rank_ic=figure(mean(ics)),
        tail_ic=figure(mean(tails)),
        contribution=figure(mean(adds)),
        uniqueness=figure(_uniqueness(book, books)),
        churn=figure(churn),
        turnover=figure(turnover),
        sharpe=figure(sharpe(payoffs)),
        deflated_sharpe=figure(deflated_sharpe(payoffs, trials=trials, independent=len(payoffs) / spec.horizon_days)),
        trials=trials,
        gates=_gates(book, churn, turnover, spec),
        eras=[
            EraScore(era=written, rank_ic=figure(ic), tail_ic=figure(tail), contribution=figure(add))
            for written, ic, tail, add in zip(book.eras, ics, tails, adds, strict=True)
        ],
    )


def _movement(scores: Sequence[Sequence[float]], names: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Mean churn and turnover between neighbouring eras, over the names that both have; 0 of a single era.

    Churn is 1 - Spearman's correlation; turnover is half the sum of absolute changes of a book whose absolute
    positions, proportional to centred ranks, sum to 1. Source of both: Numerai Signals ("Churn and turnover").
    """
    rows = [dict(zip(named, predicted, strict=True)) for named, predicted in zip(names, scores, strict=True)]
    churns, turnovers = [], []
    for before, after in itertools.pairwise(rows):
        both = sorted(before.keys() & after.keys())
        if len(both) < 2:
            continue
        old, new = [before[name] for name in both], [after[name] for name in both]
        churns.append(1 - rank_correlation(old, new))
        turnovers.append(math.fsum(abs(a - b) for a, b in zip(_positions(old), _positions(new), strict=True)) / 2)
    return mean(churns), mean(turnovers)


def _positions(scores: Sequence[float]) -> list[float]:
    ranks = rank_average(scores)
    middle = mean(ranks)
    gross = math.fsum(abs(rank - middle) for rank in ranks)
    return [(rank - middle) / gross if gross else 0.0 for rank in ranks]


def _uniqueness(book: _Book, books: Sequence[_Book]) -> float:
    others = [other for other in books if other.signal.vendor != book.signal.vendor]
    alike = [
        mean([rank_correlation(*pair) for pair in zip(book.scores, other.scores, strict=True)]) for other in others
    ]
    return 1 - max(alike, default=0.0)


def _gates(book: _Book, churn: float, turnover: float, spec: ScoringSpec) -> list[Gate]:
    failed: list[Gate] = []
    if churn > spec.churn_most:
        failed.append("churn")
    if turnover > spec.turnover_most:
        failed.append("turnover")
    if not all(map(varies, book.scores)):
        failed.append("constant")
    return failed


def _best_single(scored: Sequence[DeploymentScore], signals: Sequence[ScoredSignal]) -> float:
    """The rank IC of the signal that was best before this round: what following the leader would have brought."""
    leader = max(
        (at for at, signal in enumerate(signals) if signal.history),
        key=lambda at: (mean(signals[at].history), signals[at].deployment),
        default=None,
    )
    return 0.0 if leader is None else scored[leader].rank_ic
