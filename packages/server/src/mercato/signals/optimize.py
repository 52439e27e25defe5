"""Positions from a consensus: skfolio's portfolios within one explicit list of limits.

Expected returns are `ic * volatility * score` (Grinold, "Alpha is Volatility Times IC Times Score", Journal of
Portfolio Management 20(4), 1994). The limits are convex; every objective is solved under the same list of them:

* `mean-variance`: expected return minus `aversion` times variance (Markowitz, 1952);
* `min-cvar`: the least expected loss of the worst twentieth of days (Rockafellar and Uryasev, 2000) among portfolios
  that keep half of the best expected return;
* `hrp`: magnitudes by hierarchical risk parity (López de Prado, 2016), directions and sizes by the scores, then the
  nearest portfolio within the limits (least squares), because the method knows neither short positions nor limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mercato.platform import desk_libraries
from mercato.signals.apportion import round_to_sum
from mercato.signals.limits import Limit, find_conflict, limits_of, solver_library, touched
from mercato.signals.refusals import PortfolioInputUnusable, PortfolioNotFound
from mercato_contracts.consensus import NANO
from mercato_contracts.optimizer import OptimizerInferenceRequest, OptimizerInferenceResponse

Floats = npt.NDArray[np.float64]

_MOST_RETURN = 100.0
_LEAST_RANGE = 1e-9
_MOST_SCORE = 100.0


@dataclass(frozen=True, slots=True)
class OptimizerSpec:
    """How far scores are trusted (`ic`), and how much variance costs (`aversion`, per unit of daily variance)."""

    version: str = "optimizer/1"
    ic: float = 0.03
    aversion: float = 5.0
    kept_return: float = 0.5


def optimize(asked: OptimizerInferenceRequest, spec: OptimizerSpec = OptimizerSpec()) -> OptimizerInferenceResponse:
    """The portfolio. Blocking: tens of milliseconds for 20 names.

    Raises `PortfolioInputUnusable`, `PortfolioInfeasible`, which names limits that cannot hold together, and
    `PortfolioNotFound` where the solver gives up.
    """
    returns = np.array(asked.returns, dtype=np.float64)
    _check(asked, returns)
    volatility = returns.std(axis=0, ddof=1)
    expected = spec.ic * volatility * np.array(asked.scores, dtype=np.float64)
    limits = limits_of(asked)
    held = np.array([asked.held.get(name, 0) / NANO for name in asked.names])
    weights = _solve(asked.objective, returns, expected, limits, held, np.array(asked.scores, dtype=float), spec)
    nanos = round_to_sum([float(weight) * NANO for weight in weights], round(float(weights.sum()) * NANO))
    return OptimizerInferenceResponse(
        round=asked.round,
        era=asked.era,
        objective=asked.objective,
        positions=dict(zip(asked.names, nanos, strict=True)),
        binding=touched(limits, np.array(nanos) / NANO, held),
        expected=round(float(expected @ weights), 12),
        risk=round(_risk(asked.objective, returns, weights), 12),
    )


def _check(asked: OptimizerInferenceRequest, returns: Floats) -> None:
    """Refuse figures that would only fail in the solver, as overflows and invalid matrices."""
    worst, best = returns.min(axis=0), returns.max(axis=0)
    for name, score, low, high in zip(asked.names, asked.scores, worst, best, strict=True):
        if low < -1 or high > _MOST_RETURN:
            raise PortfolioInputUnusable(
                f"{name} has daily returns from {low:g} to {high:g}, which no market has.", name=name
            )
        if high - low < _LEAST_RANGE:
            raise PortfolioInputUnusable(f"The price of {name} never moves.", name=name)
        if abs(score) > _MOST_SCORE:
            raise PortfolioInputUnusable(f"The score of {name} is {score:g}.", name=name)


def _risk(objective: str, returns: Floats, weights: Floats) -> float:
    """Daily: CVaR at 95 % where that is what was minimised, standard deviation else."""
    days = returns @ weights
    if objective != "min-cvar":
        return float(days.std(ddof=1))
    worst = np.sort(days)[: max(1, len(days) // 20)]
    return float(-worst.mean())


def _solve(
    objective: str,
    returns: Floats,
    expected: Floats,
    limits: Sequence[Limit],
    held: Floats,
    scores: Floats,
    spec: OptimizerSpec,
) -> Floats:
    if objective == "hrp":
        return _nearest(_risk_parity(returns) * scores, limits, held)
    least = None
    if objective == "min-cvar":
        best = float(expected @ _best(expected, limits, held))
        least = best - (1 - spec.kept_return) * abs(best)
    return _mean_risk(objective, returns, expected, limits, held, least, spec)


def _mean_risk(
    objective: str,
    returns: Floats,
    expected: Floats,
    limits: Sequence[Limit],
    held: Floats,
    least: float | None,
    spec: OptimizerSpec,
) -> Floats:
    with desk_libraries():
        import pandas as pd
        from skfolio import RiskMeasure
        from skfolio.exceptions import OptimizationError
        from skfolio.optimization import MeanRisk, ObjectiveFunction

    is_cvar = objective == "min-cvar"
    model = MeanRisk(
        objective_function=ObjectiveFunction.MINIMIZE_RISK if is_cvar else ObjectiveFunction.MAXIMIZE_UTILITY,
        risk_measure=RiskMeasure.CVAR if is_cvar else RiskMeasure.VARIANCE,
        risk_aversion=spec.aversion,
        prior_estimator=_prior(expected),
        # Every limit is in our own list, so it can be named when it binds or cannot hold.
        min_weights=None,
        max_weights=None,
        budget=None,
        add_constraints=lambda weights: [limit.to_constraint(weights, held) for limit in limits],
        min_return=least,
    )
    try:
        model.fit(pd.DataFrame(returns))
    except (OptimizationError, ValueError) as error:
        raise _explain(limits, held, str(error)) from None
    found: Floats = np.asarray(model.weights_, dtype=np.float64)
    return found


def _prior(expected: Floats) -> Any:
    """Skfolio's prior with expected returns from the scores, not from the past."""
    with desk_libraries():
        from skfolio.moments import BaseMu
        from skfolio.prior import EmpiricalPrior

    class Given(BaseMu):  # type: ignore[misc]
        """Estimates nothing."""

        def __init__(self) -> None:
            pass

        def fit(self, X: Any, y: Any = None, **_: Any) -> "Given":  # noqa: N803
            self.mu_ = expected
            return self

    return EmpiricalPrior(mu_estimator=Given())


def _risk_parity(returns: Floats) -> Floats:
    with desk_libraries():
        import pandas as pd
        from skfolio.optimization import HierarchicalRiskParity
    if returns.shape[1] == 1:
        return np.ones(1)
    found: Floats = np.asarray(HierarchicalRiskParity().fit(pd.DataFrame(returns)).weights_, dtype=np.float64)
    return found


def _best(expected: Floats, limits: Sequence[Limit], held: Floats) -> Floats:
    """The portfolio of the highest expected return."""
    return _convex(limits, held, lambda cp, weights: cp.Maximize(expected @ weights), len(expected))


def _nearest(wanted: Floats, limits: Sequence[Limit], held: Floats) -> Floats:
    """The portfolio nearest to `wanted`, which is first scaled to the limit on gross."""
    gross = next((limit.most for limit in limits if limit.name == "gross"), 1.0)
    size = float(np.abs(wanted).sum())
    target = wanted * (gross / size) if size else wanted
    return _convex(limits, held, lambda cp, weights: cp.Minimize(cp.sum_squares(weights - target)), len(wanted))


def _convex(limits: Sequence[Limit], held: Floats, objective: Any, size: int) -> Floats:
    cp = solver_library()
    weights = cp.Variable(size)
    problem = cp.Problem(objective(cp, weights), [limit.to_constraint(weights, held) for limit in limits])
    try:
        problem.solve(solver="CLARABEL")
    except cp.error.SolverError as error:
        raise _explain(limits, held, str(error)) from None
    if weights.value is None:
        raise _explain(limits, held, str(problem.status))
    found: Floats = np.asarray(weights.value, dtype=np.float64)
    return found


def _explain(limits: Sequence[Limit], held: Floats, why: str) -> Exception:
    """The refusal: which limits contradict each other, or that the solver gave up although none do."""
    return find_conflict(limits, held) or PortfolioNotFound(f"The solver found no portfolio: {why[:200]}")
