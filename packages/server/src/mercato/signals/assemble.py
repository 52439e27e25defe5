"""From a closed round to its consensus, portfolios and scores: pure functions of a `RoundBook`."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mercato.signals.apportion import round_to_sum
from mercato.signals.attribution import attribute
from mercato.signals.book import Floats, RoundBook, Voice
from mercato.signals.optimize import OptimizerSpec, optimize
from mercato.signals.private_names import PrivateNames
from mercato.signals.weights import Candidate, Weights, WeightSpec, decide_weights
from mercato_contracts.consensus import (
    NANO,
    ConsensusInferenceResponse,
    ConsensusWeight,
    ConsensusWrite,
    WeightReason,
)
from mercato_contracts.optimizer import (
    Attribution,
    Constraints,
    Objective,
    OptimizerInferenceRequest,
    OptimizerInferenceResponse,
    OptimizerWrite,
)
from mercato_contracts.ranking import mean
from mercato_contracts.scores import ScoredSignal, ScoreInputs, ScoringSpec, combine

_PLACES = 12


MARKET_NEUTRAL = Constraints(gross=NANO, net_least=0, net_most=0, per_name=NANO * 15 // 100, turnover=NANO * 6 // 10)


@dataclass(frozen=True, slots=True)
class Mandate:
    """The limits of the desk's own portfolio: market-neutral, fully invested, diversified."""

    objective: Objective = "mean-variance"
    constraints: Constraints = MARKET_NEUTRAL
    return_days: int = 250


def build_consensus(book: RoundBook, held: Collection[str], spec: WeightSpec) -> list[ConsensusWrite]:
    """The consensus of each era. Weights are decided once for the round, from what was known before it."""
    voices = book.whole()
    candidates = [_candidate(voice, held) for voice in voices]
    scores = np.array([book.scores_of(voice) for voice in voices]).reshape(len(voices), len(book.eras), -1)
    weights = decide_weights(candidates, scores, spec)
    weighted = [
        ConsensusWeight(
            deployment=voice.deployment.id, vendor=voice.deployment.vendor, weight=nano, cluster=cluster, reason=why
        )
        for voice, nano, cluster, why in zip(voices, weights.nanos, weights.clusters, weights.reasons, strict=True)
    ]
    silent = [
        ConsensusWeight(
            deployment=voice.deployment.id,
            vendor=voice.deployment.vendor,
            weight=0,
            cluster=len(weighted),
            reason="silent",
        )
        for voice in book.voices
        if voice not in voices
    ]
    best = _leader(voices, weights)
    return [
        _of_era(book, at, era, voices, scores[:, at], weights, weighted + silent, best, spec)
        for at, era in enumerate(book.eras)
    ]


def _candidate(voice: Voice, held: Collection[str]) -> Candidate:
    barred: WeightReason | None = None
    if voice.deployment.id in held or (voice.earlier and voice.earlier[-1].figures["gates"]):
        barred = "held"
    return Candidate(voice.deployment.id, voice.deployment.vendor, voice.skill, barred)


def _leader(voices: Sequence[Voice], weights: Weights) -> str | None:
    """The best deployment so far among those that have a weight."""
    known = [voice for voice, nano in zip(voices, weights.nanos, strict=True) if nano]
    return max(known, key=lambda v: (mean(v.skill), v.deployment.id)).deployment.id if known else None


def _of_era(
    book: RoundBook,
    at: int,
    era: int,
    voices: Sequence[Voice],
    scores: Floats,
    weights: Weights,
    published: Sequence[ConsensusWeight],
    best: str | None,
    spec: WeightSpec,
) -> ConsensusWrite:
    ids = [book.panel.ids_of(era)[ticker] for ticker in book.panel.tickers]
    rows = [row.tolist() for row in scores]
    empty = [0.0] * len(ids)
    active = [1 if nano else 0 for nano in weights.nanos]
    consensus = combine(rows, weights.nanos) or empty
    equal = combine(rows, active) or empty
    response = ConsensusInferenceResponse(
        round=book.round.id,
        era=era,
        spec=spec.version,
        weights=list(published),
        scores={one: round(score, _PLACES) for one, score in zip(ids, consensus, strict=True)},
        equal_weight={one: round(score, _PLACES) for one, score in zip(ids, equal, strict=True)},
        best_single=best,
        effective_models=round(weights.effective_models, _PLACES),
    )
    return ConsensusWrite(consensus=response, inputs=_digest_entries(voices, era))


def _digest_entries(voices: Sequence[Voice], era: int) -> str:
    entries = [[voice.deployment.id, voice.written[era].place, voice.written[era].leaf.hex()] for voice in voices]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def build_portfolio(
    book: RoundBook, consensus: ConsensusWrite, held: Mapping[str, int], mandate: Mandate, spec: OptimizerSpec
) -> OptimizerWrite:
    """The portfolio of one era and whose signals it comes from. Blocking: one solve for each coalition of vendors.

    `held` are the positions before, by ticker. Raises `PortfolioInfeasible`, `PortfolioNotFound`.
    """
    era = consensus.consensus.era
    weights = {weight.deployment: weight.weight for weight in consensus.consensus.weights if weight.weight}
    voices = [voice for voice in book.whole() if voice.deployment.id in weights]
    inputs = hashlib.sha256(consensus.model_dump_json().encode()).hexdigest()
    if not voices:
        return OptimizerWrite(portfolio=_flat(book, era, mandate), method="shapley", attributions=[], inputs=inputs)
    at = era - book.round.first_era
    rows = {voice.deployment.id: book.scores_of(voice)[at].tolist() for voice in voices}
    vendors = sorted({voice.deployment.vendor for voice in voices})
    of_vendor = {vendor: [v.deployment.id for v in voices if v.deployment.vendor == vendor] for vendor in vendors}

    def solve(members: Collection[str]) -> OptimizerInferenceResponse:
        chosen = [one for vendor in vendors if vendor in members for one in of_vendor[vendor]]
        scores = combine([rows[one] for one in chosen], [weights[one] for one in chosen])
        return optimize(_ask(book, era, scores, held, mandate), spec)

    whole = solve(vendors)
    shares = {vendor: sum(weights[one] for one in of_vendor[vendor]) for vendor in vendors}
    method, parts = attribute(vendors, whole.positions, lambda members: solve(members).positions, shares)
    attributions = [
        part for vendor in vendors for part in _of_deployments(vendor, of_vendor[vendor], parts[vendor], weights)
    ]
    return OptimizerWrite(portfolio=whole, method=method, attributions=attributions, inputs=inputs)


def _of_deployments(
    vendor: str, deployments: Sequence[str], parts: Mapping[str, int], weights: Mapping[str, int]
) -> list[Attribution]:
    """A vendor's part of each position, shared out to its deployments by their weights; the sums stay."""
    whole = sum(weights[one] for one in deployments)
    shared = {
        name: round_to_sum([part * weights[one] / whole for one in deployments], part) for name, part in parts.items()
    }
    return [
        Attribution(deployment=one, vendor=vendor, positions={name: values[at] for name, values in shared.items()})
        for at, one in enumerate(deployments)
    ]


def _flat(book: RoundBook, era: int, mandate: Mandate) -> OptimizerInferenceResponse:
    """Nobody has a weight: sell everything, whatever the turnover."""
    return OptimizerInferenceResponse(
        round=book.round.id,
        era=era,
        objective=mandate.objective,
        positions=dict.fromkeys(book.panel.tickers, 0),
        expected=0.0,
        risk=0.0,
    )


def _ask(
    book: RoundBook, era: int, scores: Sequence[float], held: Mapping[str, int], mandate: Mandate
) -> OptimizerInferenceRequest:
    # Returns up to this era's close: what was known when the signals were made.
    returns = book.panel.returns[max(1, era - mandate.return_days) : era]
    return OptimizerInferenceRequest(
        round=book.round.id,
        era=era,
        objective=mandate.objective,
        names=list(book.panel.tickers),
        scores=list(scores),
        returns=returns.tolist(),
        held=dict(held),
        constraints=mandate.constraints,
    )


def build_inputs(
    book: RoundBook, weights: Mapping[str, int], trials: Mapping[str, int], names: PrivateNames, spec: ScoringSpec
) -> ScoreInputs:
    """What the round's scores are made from. `trials` by vendor's id; the key of `names` also hides which stock is
    which."""
    return ScoreInputs(
        spec=spec,
        round=book.round.id,
        number=book.round.number,
        eras=book.truth(names.key),
        signals=[
            ScoredSignal(
                deployment=names.deployment(voice.deployment.id),
                vendor=names.vendor(voice.deployment.id, voice.deployment.vendor),
                weight=weights.get(voice.deployment.id, 0),
                trials=max(1, trials.get(voice.deployment.vendor_id, 0)),
                history=voice.skill,
                eras=book.writing(voice),
            )
            for voice in book.whole()
        ],
    )
