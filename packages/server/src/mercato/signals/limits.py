"""The limits of a portfolio, and which of them contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mercato.platform import desk_libraries
from mercato.signals.refusals import PortfolioInfeasible
from mercato_contracts.consensus import NANO
from mercato_contracts.optimizer import ConstraintName, OptimizerInferenceRequest

Floats = npt.NDArray[np.float64]

_TOUCHES = 1e-5
_SLACK = 1e-7


@dataclass(frozen=True, slots=True)
class Limit:
    """`least` <= what `name` measures of a portfolio <= `most`; shares of the capital.

    `members` are the columns of a sector; what a limit measures of others is in `measure`.
    """

    name: ConstraintName
    words: str
    least: float | None
    most: float
    members: tuple[int, ...] = ()

    def measure(self, weights: Any, held: Floats, cp: Any) -> Any:
        """The bounded quantity: a number, or one per name. `cp` computes it: cvxpy, or `Numbers`."""
        if self.name == "long_only":
            return -weights
        if self.name == "per_name":
            return cp.abs(weights)
        if self.name == "gross":
            return cp.sum(cp.abs(weights))
        if self.name == "turnover":
            return cp.sum(cp.abs(weights - held))
        return cp.sum(weights[list(self.members)]) if self.members else cp.sum(weights)

    def to_constraint(self, weights: Any, held: Floats, slack: Any = 0.0) -> Any:
        """The limit as a cvxpy constraint; `slack` loosens it in both directions."""
        cp = solver_library()
        measured = self.measure(weights, held, cp)
        upper = measured <= self.most + slack
        if self.least is None:
            return upper
        # One expression for both sides, so that a limit stays one constraint.
        return cp.abs(measured - (self.most + self.least) / 2) <= (self.most - self.least) / 2 + slack


def solver_library() -> Any:
    """cvxpy, which comes with skfolio and has no types. Raises `DeskNotInstalled`."""
    with desk_libraries():
        import cvxpy
    return cvxpy


class Numbers:
    """cvxpy's functions for plain numbers."""

    abs = staticmethod(np.abs)
    sum = staticmethod(np.sum)


def limits_of(asked: OptimizerInferenceRequest) -> list[Limit]:
    """The requested limits as one list."""
    given, far = asked.constraints, 100.0
    limits: list[Limit] = []
    if given.long_only:
        limits.append(Limit("long_only", "no short positions", None, 0.0))
    if given.gross is not None:
        limits.append(Limit("gross", f"gross at most {_share(given.gross)}", None, given.gross / NANO))
    if given.net_least is not None or given.net_most is not None:
        least = -far if given.net_least is None else given.net_least / NANO
        most = far if given.net_most is None else given.net_most / NANO
        limits.append(Limit("net", f"net from {least:.2%} to {most:.2%}", least, most))
    if given.per_name is not None:
        limits.append(Limit("per_name", f"each name at most {_share(given.per_name)}", None, given.per_name / NANO))
    if given.turnover is not None:
        limits.append(Limit("turnover", f"turnover at most {_share(given.turnover)}", None, given.turnover / NANO))
    column = {name: at for at, name in enumerate(asked.names)}
    for sector in given.sectors:
        least, most = sector.least / NANO, sector.most / NANO
        words = f"{sector.sector} from {least:.2%} to {most:.2%}"
        limits.append(Limit("sector", words, least, most, tuple(column[name] for name in sector.names)))
    # Without any bound the problem is unbounded.
    return limits or [Limit("gross", "gross at most 10000.00%", None, far)]


def _share(nanos: int) -> str:
    return f"{nanos / NANO:.2%}"


def touched(limits: Sequence[Limit], weights: Floats, held: Floats) -> list[ConstraintName]:
    """The binding limits of these weights, each name once."""
    found: dict[ConstraintName, None] = {}
    for limit in limits:
        measured = limit.measure(weights, held, Numbers)
        near_most = bool(np.any(measured >= limit.most - _TOUCHES))
        near_least = limit.least is not None and bool(np.any(measured <= limit.least + _TOUCHES))
        if near_most or near_least:
            found[limit.name] = None
    return list(found)


def find_conflict(limits: Sequence[Limit], held: Floats) -> PortfolioInfeasible | None:
    """A minimal set of contradicting limits, and how far each would have to be loosened; `None` if all can hold.

    Deletion filter (Chinneck and Dravnieks, ORSA Journal on Computing 3(2), 1991): leave out one limit after another;
    what can be left out without the rest becoming possible is not part of the conflict.
    """
    if _is_possible(limits, held):
        return None
    conflict = list(limits)
    for limit in limits:
        rest = [one for one in conflict if one is not limit]
        if not _is_possible(rest, held):
            conflict = rest
    gives = {limit.words: _must_give(limit, conflict, held) for limit in conflict}
    relaxed = "; ".join(f"{words} (possible with {gap:.2%} more room)" for words, gap in gives.items())
    return PortfolioInfeasible(
        f"These limits contradict each other: {relaxed}.",
        conflict=[limit.name for limit in conflict],
        relax_by={words: round(gap * NANO) for words, gap in gives.items()},
    )


def _is_possible(limits: Sequence[Limit], held: Floats) -> bool:
    return _least_slack(limits, (), held) <= _SLACK


def _must_give(limit: Limit, conflict: Sequence[Limit], held: Floats) -> float:
    """How much this one limit alone must be loosened for all of the conflict to hold."""
    return _least_slack([one for one in conflict if one is not limit], (limit,), held)


def _least_slack(firm: Sequence[Limit], soft: Sequence[Limit], held: Floats) -> float:
    """The least common loosening of the `soft` limits, or of all where none is named, at which all hold."""
    cp = solver_library()
    weights, slack = cp.Variable(len(held)), cp.Variable(nonneg=True)
    loose = soft or firm
    kept = firm if soft else ()
    held_firm = [limit.to_constraint(weights, held) for limit in kept]
    held_loosely = [limit.to_constraint(weights, held, slack) for limit in loose]
    problem = cp.Problem(cp.Minimize(slack), held_firm + held_loosely)
    problem.solve(solver="CLARABEL")
    return float("inf") if slack.value is None else max(0.0, float(slack.value))
