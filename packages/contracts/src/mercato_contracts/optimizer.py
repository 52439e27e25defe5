"""The OptimizerInference contract: a consensus becomes positions, within limits.

Positions and limits are whole billionths of the capital (`NANO` is all of it), so that sums and attributions are exact.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from mercato_contracts.consensus import NANO
from mercato_contracts.fields import CONTRACT, VendorSlug
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

    sector: str = Field(min_length=1, max_length=64, description="The sector's name, 1 to 64 characters")
    names: list[Ticker] = Field(min_length=1, max_length=5_000, description="The tickers of the sector")
    least: NanoCapital = Field(
        default=-100 * NANO, description="The least sum of its positions, in billionths of the capital"
    )
    most: NanoCapital = Field(
        default=100 * NANO, description="The largest sum of its positions, in billionths of the capital"
    )


class Constraints(Wire):
    """Limits on a portfolio; what is left out does not bind.

    `gross` bounds the sum of absolute positions, `net_least` and `net_most` their sum, `per_name` each absolute
    position, `turnover` the sum of absolute changes against the positions held.
    """

    long_only: bool = Field(default=False, description="Whether positions below zero are ruled out")
    gross: NanoLimit | None = Field(
        default=NANO, description="The largest sum of absolute positions, in billionths of the capital; null: no limit"
    )
    net_least: NanoCapital | None = Field(
        default=None, description="The least sum of positions, in billionths of the capital; null: no limit"
    )
    net_most: NanoCapital | None = Field(
        default=None, description="The largest sum of positions, in billionths of the capital; null: no limit"
    )
    per_name: NanoLimit | None = Field(
        default=None, description="The largest absolute position, in billionths of the capital; null: no limit"
    )
    turnover: NanoLimit | None = Field(
        default=None, description="The largest sum of absolute changes, in billionths of the capital; null: no limit"
    )
    sectors: list[SectorLimit] = Field(default=[], max_length=100, description="Limits by sector, at most 100")

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

    contract: Annotated[Literal["optimizer-inference/1"], CONTRACT] = "optimizer-inference/1"
    round: RoundId
    era: Era
    objective: Objective = Field(description="What is optimised")
    names: list[Ticker] = Field(
        min_length=1,
        max_length=2_000,
        description="The tickers, in the order of `scores` and of the columns of `returns`",
    )
    scores: list[Finite] = Field(description="One score for each name")
    returns: list[list[Finite]] = Field(
        min_length=2,
        max_length=5_000,
        description="Daily returns as fractions: one row a day, oldest first, one column a name",
    )
    held: dict[Ticker, NanoCapital] = Field(
        default={}, description="Positions before, in billionths of the capital; a name left out is not held"
    )
    constraints: Constraints = Field(default=Constraints(), description="The limits")

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

    contract: Annotated[Literal["optimizer-inference/1"], CONTRACT] = "optimizer-inference/1"
    round: RoundId
    era: Era
    objective: Objective = Field(description="What was optimised")
    positions: dict[Ticker, NanoCapital] = Field(description="Positions by ticker, in billionths of the capital")
    binding: list[ConstraintName] = Field(default=[], description="The limits that the positions touch")
    expected: Finite = Field(description="The expected daily return, as a fraction")
    risk: Finite = Field(description="The daily risk: standard deviation, or expected shortfall for `min-cvar`")


class Attribution(Wire):
    """What of each position comes from one deployment's signal, in billionths of the capital."""

    deployment: DeploymentId
    vendor: VendorSlug
    positions: dict[Ticker, NanoCapital] = Field(description="Its part of each position, in billionths of the capital")


class OptimizerWrite(Wire):
    """A portfolio as the desk keeps and publishes it. For each name the parts sum to the position exactly."""

    contract: Annotated[Literal["optimizer-write/1"], CONTRACT] = "optimizer-write/1"
    portfolio: OptimizerInferenceResponse = Field(description="The portfolio")
    method: Literal["shapley", "leave-one-out"] = Field(description="How positions are attributed to signals")
    attributions: list[Attribution] = Field(description="One for each deployment; together they are the positions")
    inputs: Sha256 = Field(description="SHA-256 of everything that it was made from")

    @model_validator(mode="after")
    def _parts_make_the_whole(self) -> "OptimizerWrite":
        for name, position in self.portfolio.positions.items():
            parts = sum(part.positions.get(name, 0) for part in self.attributions)
            if self.attributions and parts != position:
                raise ValueError(f"attributions.{name}: the parts sum to {parts}, the position is {position}")
        return self
