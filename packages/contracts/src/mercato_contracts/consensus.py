"""The ConsensusInference contract: many signals of one era become one.

Weights are whole billionths (`NANO` is all), so that they sum to exactly one.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from mercato_contracts.fields import CONTRACT, VendorSlug
from mercato_contracts.signals import DeploymentId, Era, EraId, Finite, RoundId, Score, Sha256
from mercato_contracts.wire import Wire

NANO = 1_000_000_000
NanoWeight = Annotated[int, Field(ge=0, le=NANO, description="Its share in billionths: 1,000,000,000 is all")]
"""A share in billionths."""

_ROUND = "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
_ONE = "dep_019ab3c1f2d47e0b8a6d5c4b3a291807"
_OTHER = "dep_019ab3c1f2d47e0b8a6d5c4b3a291808"

WeightReason = Literal["skill", "vendor-cap", "cluster-cap", "shadow", "held", "silent"]
"""What decided a weight: realised skill, a cap, or why it is zero: new, held (out of routing, or because it failed a
gate of the last round's scores), or silent in an era."""


class ConsensusSignal(Wire):
    """One deployment's scores, and its realised skill in earlier rounds, oldest first (rank ICs)."""

    deployment: DeploymentId
    vendor: str = Field(
        min_length=1,
        max_length=64,
        description="The vendor's short name; a cap may bound all of a vendor's weights together",
    )
    scores: dict[EraId, Score] = Field(
        min_length=1, max_length=5_000, description="A score in [-1, 1] for each id of the era"
    )
    skill: list[Finite] = Field(default=[], max_length=10_000, description="Rank ICs of earlier rounds, oldest first")
    is_held: bool = Field(default=False, description="Whether the deployment is held, which makes its weight zero")


class ConsensusInferenceRequest(Wire):
    """The signals of one era of a round."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "consensus-inference/1",
                    "round": _ROUND,
                    "era": 8001,
                    "signals": [
                        {
                            "deployment": _ONE,
                            "vendor": "acme",
                            "scores": {"n3f0a": 0.31, "n91bc": -0.12},
                            "skill": [0.04, 0.01, 0.03],
                        },
                        {"deployment": _OTHER, "vendor": "zeta", "scores": {"n3f0a": 0.2, "n91bc": 0.1}},
                    ],
                }
            ]
        }
    )

    contract: Annotated[Literal["consensus-inference/1"], CONTRACT] = "consensus-inference/1"
    round: RoundId
    era: Era
    signals: list[ConsensusSignal] = Field(
        min_length=1, max_length=2_000, description="One signal for each deployment, 1 to 2,000"
    )

    @model_validator(mode="after")
    def _each_once(self) -> "ConsensusInferenceRequest":
        if len({signal.deployment for signal in self.signals}) != len(self.signals):
            raise ValueError("signals: a deployment stands there twice")
        return self


class ConsensusWeight(Wire):
    """One deployment's share. `cluster` numbers the signals that move together."""

    deployment: DeploymentId
    vendor: VendorSlug
    weight: NanoWeight
    cluster: int = Field(ge=0, description="The number of its group of signals that move together, from 0")
    reason: WeightReason = Field(description="What decided the weight")


class ConsensusInferenceResponse(Wire):
    """The consensus beside what it must beat: equal weights, and the signal that was best so far."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "consensus-inference/1",
                    "round": _ROUND,
                    "era": 8001,
                    "spec": "consensus/1",
                    "weights": [
                        {"deployment": _ONE, "vendor": "acme", "weight": NANO, "cluster": 0, "reason": "skill"},
                        {"deployment": _OTHER, "vendor": "zeta", "weight": 0, "cluster": 1, "reason": "shadow"},
                    ],
                    "scores": {"n3f0a": 1.0, "n91bc": -1.0},
                    "equal_weight": {"n3f0a": 1.0, "n91bc": -1.0},
                    "best_single": _ONE,
                    "effective_models": 1.0,
                }
            ]
        }
    )

    contract: Annotated[Literal["consensus-inference/1"], CONTRACT] = "consensus-inference/1"
    round: RoundId
    era: Era
    spec: str = Field(description="Which version of the method made it")
    weights: list[ConsensusWeight] = Field(
        description="The weights, which sum to 1,000,000,000; all are 0 without any signal"
    )
    scores: dict[EraId, Score] = Field(description="The consensus: a score in [-1, 1] for each id")
    equal_weight: dict[EraId, Score] = Field(description="What equal weights would give, for comparison")
    best_single: DeploymentId | None = Field(
        default=None, description="The signal that was best so far, for comparison; null without a history"
    )
    effective_models: float = Field(
        ge=0, description="Participation ratio of the eigenvalues of the signals' correlation matrix"
    )

    @model_validator(mode="after")
    def _all_of_it(self) -> "ConsensusInferenceResponse":
        total = sum(weight.weight for weight in self.weights)
        if total not in (0, NANO):
            raise ValueError(f"weights: they sum to {total} billionths and must to {NANO}, or to 0 without any signal")
        return self


class ConsensusWrite(Wire):
    """A consensus as the desk keeps and publishes it; `inputs` is the digest of the signals that it came from."""

    contract: Annotated[Literal["consensus-write/1"], CONTRACT] = "consensus-write/1"
    consensus: ConsensusInferenceResponse = Field(description="The consensus")
    inputs: Sha256 = Field(description="SHA-256 of the signals that it was made from")
