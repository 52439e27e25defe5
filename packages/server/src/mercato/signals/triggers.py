"""Automatic triggers of kill switches: pure functions of a deployment's history and its newest round.

A missing heartbeat is not among them: it holds a deployment out of routing until the next one, and the consensus leaves
out held deployments.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mercato_contracts.ranking import deviation, varies
from mercato_contracts.scores import DeploymentScore

Trigger = Literal["constant", "churn", "drawdown", "drift"]


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """When each fires."""

    churn_most: float = 1.1
    """Mean over the round; 1 is a random new book each day, more means that yesterday's is reversed."""
    drawdown_most: float = 4.0
    """In standard deviations of a sum of as many unskilled rank ICs with overlapping horizons."""
    drawdown_eras: int = 60
    """With fewer eras the trigger does not fire."""
    drift_most: float = 0.25
    """PSI; above a quarter the distribution has shifted (Siddiqi, "Credit Risk Scorecards", 2006)."""
    drift_least_scores: int = 100
    horizon_days: int = 5


def fired(
    score: DeploymentScore,
    history: Sequence[float],
    scores: Sequence[float],
    earlier_scores: Sequence[float],
    spec: TriggerSpec = TriggerSpec(),
) -> list[tuple[Trigger, str]]:
    """Which triggers fire for a deployment, with the reason in words.

    `history`: its rank ICs by era so far, oldest first. `scores`: all that it wrote in this round; `earlier_scores`: in
    earlier rounds.
    """
    found: list[tuple[Trigger, str]] = []
    if "constant" in score.gates:
        found.append(("constant", "It gave the same score to every id of an era."))
    if score.churn > spec.churn_most:
        found.append(("churn", f"Churn is {score.churn:.2f}; the limit is {spec.churn_most:.2f}."))
    depth = drawdown(history, spec.horizon_days)
    if len(history) >= spec.drawdown_eras and depth > spec.drawdown_most:
        found.append(("drawdown", f"Drawdown is {depth:.1f}; the limit is {spec.drawdown_most:.1f}."))
    if min(len(scores), len(earlier_scores)) >= spec.drift_least_scores:
        shift = stability_index(earlier_scores, scores, overlap=spec.horizon_days)
        if shift > spec.drift_most:
            found.append(("drift", f"PSI is {shift:.2f}; the limit is {spec.drift_most:.2f}."))
    return found


def drawdown(payoffs: Sequence[float], horizon_days: int) -> float:
    """The largest fall of their running sum from its peak, in standard deviations of a sum of one horizon; 0 where
    they do not vary.
    """
    level = peak = worst = 0.0
    for payoff in payoffs:
        level += payoff
        peak = max(peak, level)
        worst = max(worst, peak - level)
    # The variance of a sum of n overlapping payoffs is about n times the horizon times that of one.
    scale = deviation(payoffs) * math.sqrt(len(payoffs) * horizon_days)
    return worst / scale if scale > 0 else 0.0


def stability_index(before: Sequence[float], now: Sequence[float], *, bins: int = 10, overlap: int = 1) -> float:
    """The population stability index over deciles of `before`, less what chance alone explains; at least 0.

    PSI is the sum of (p - q) ln(p / q). Of two samples of the same distribution it is about (1/n + 1/m) times a
    chi-squared with bins - 1 degrees of freedom (Yurdakul and Naranjo, "Statistical properties of the population
    stability index", 2020); its mean and three standard deviations are taken off. One score in `overlap` counts as
    independent, because the score of a stock hardly changes from day to day. Scores that differ by rounding only are
    the same, and their index is 0.
    """
    if not varies([*before, *now]):
        return 0.0
    edges = _edges(before, bins)
    old, new = _shares(before, edges), _shares(now, edges)
    index = math.fsum((p - q) * math.log(p / q) for p, q in zip(new, old, strict=True))
    freedom = len(old) - 1
    by_chance = (freedom + 3 * math.sqrt(2 * freedom)) * overlap * (1 / len(before) + 1 / len(now))
    return max(0.0, index - by_chance)


def _edges(values: Sequence[float], bins: int) -> list[float]:
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * at // bins] for at in range(1, bins)})


def _shares(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[sum(value >= edge for edge in edges)] += 1
    # Half an observation in each, so that an empty bin does not make the index infinite.
    return [(count + 0.5) / (len(values) + 0.5 * len(counts)) for count in counts]
