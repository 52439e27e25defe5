"""The OptimizerInference contract: a consensus becomes positions, within limits.

Positions and limits are whole billionths of the capital (`NANO` is all of it), so that sums and attributions are exact.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from mercato_contracts.consensus import NANO
from mercato_contracts.signals import DeploymentId, Era, Finite, RoundId, Sha256, Ticker
from mercato_contracts.wire import Wire

NanoCapital = Annotated[int, Field(ge=-100 * NANO, le=100 * NANO)]
"""A share of the capital in billionths; below zero it is sold short."""
NanoLimit = Annotated[int, Field(ge=0, le=100 * NANO)]

Objective = Literal["mean-variance", "hrp", "min-cvar"]
ConstraintName = Literal["long_only", "gross", "net", "per_name", "turnover", "sector"]

_ROUND = "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"


class SectorLimit(Wire):
    """How much of the capital the names of one sector may hold, net, either way."""

    sector: str = Field(min_length=1, max_length=64)
    names: list[Ticker] = Field(min_length=1, max_length=5_000)
    least: NanoCapital = -100 * NANO
    most: NanoCapital = 100 * NANO


class Constraints(Wire):
    """Limits on a portfolio; what is left out does not bind.

    `gross` bounds the sum of absolute positions, `net_least` and `net_most` their sum, `per_name` each absolute
    position, `turnover` the sum of absolute changes against the positions held.
    """

    long_only: bool = False
    gross: NanoLimit | None = NANO
    net_least: NanoCapital | None = None
    net_most: NanoCapital | None = None
    per_name: NanoLimit | None = None
    turnover: NanoLimit | None = None
    sectors: list[SectorLimit] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _least_below_most(self) -> "Constraints":
        if self.net_least is not None and self.net_most is not None and self.net_least > self.net_most:
            raise ValueError("net_least lies above net_most")
        if any(limit.least > limit.most for limit in self.sectors):
            raise ValueError("sectors: least lies above most")
        return self


class OptimizerInferenceRequest(Wire):
    """Scores and past daily returns: one row a day, oldest first, one column a name in the order of `names`.

    `held` are the positions before; a name that is left out is not held.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "optimizer-inference/1",
                    "round": _ROUND,
                    "era": 8001,
                    "objective": "mean-variance",
                    "names": ["AAPL", "XOM"],
                    "scores": [0.8, -0.8],
                    "returns": [[0.01, -0.002], [-0.004, 0.006], [0.002, 0.001]],
                    "held": {},
                    "constraints": {"gross": NANO, "net_least": 0, "net_most": 0, "per_name": NANO // 2},
                }
            ]
        }
    )

    contract: Literal["optimizer-inference/1"] = "optimizer-inference/1"
    round: RoundId
    era: Era
    objective: Objective
    names: list[Ticker] = Field(min_length=1, max_length=2_000)
    scores: list[Finite]
    returns: list[list[Finite]] = Field(min_length=2, max_length=5_000)
    held: dict[Ticker, NanoCapital] = {}
    constraints: Constraints = Constraints()

    @model_validator(mode="after")
    def _a_column_a_name(self) -> "OptimizerInferenceRequest":
        if len(set(self.names)) != len(self.names):
            raise ValueError("names: a name stands there twice")
        if len(self.scores) != len(self.names):
            raise ValueError(f"scores: there are {len(self.scores)} for {len(self.names)} names")
        if any(len(row) != len(self.names) for row in self.returns):
            raise ValueError(f"returns: each row has {len(self.names)} columns")
        known = set(self.names)
        for name in [*self.held, *(name for limit in self.constraints.sectors for name in limit.names)]:
            if name not in known:
                raise ValueError(f"{name} is none of the names")
        return self


class OptimizerInferenceResponse(Wire):
    """The positions, and the limits that they touch; `expected` and `risk` are daily figures of the objective."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "optimizer-inference/1",
                    "round": _ROUND,
                    "era": 8001,
                    "objective": "mean-variance",
                    "positions": {"AAPL": NANO // 2, "XOM": -NANO // 2},
                    "binding": ["gross", "net", "per_name"],
                    "expected": 0.001,
                    "risk": 0.008,
                }
            ]
        }
    )

    contract: Literal["optimizer-inference/1"] = "optimizer-inference/1"
    round: RoundId
    era: Era
    objective: Objective
    positions: dict[Ticker, NanoCapital]
    binding: list[ConstraintName] = []
    expected: Finite
    risk: Finite


class Attribution(Wire):
    """What of each position comes from one deployment's signal, in billionths of the capital."""

    deployment: DeploymentId
    vendor: str
    positions: dict[Ticker, NanoCapital]


class OptimizerWrite(Wire):
    """A portfolio as the desk keeps and publishes it. For each name the parts sum to the position exactly."""

    contract: Literal["optimizer-write/1"] = "optimizer-write/1"
    portfolio: OptimizerInferenceResponse
    method: Literal["shapley", "leave-one-out"]
    attributions: list[Attribution]
    inputs: Sha256

    @model_validator(mode="after")
    def _parts_make_the_whole(self) -> "OptimizerWrite":
        for name, position in self.portfolio.positions.items():
            parts = sum(part.positions.get(name, 0) for part in self.attributions)
            if self.attributions and parts != position:
                raise ValueError(f"attributions.{name}: the parts sum to {parts}, the position is {position}")
        return self
