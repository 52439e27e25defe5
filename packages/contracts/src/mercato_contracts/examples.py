"""Examples of messages that are made of others: put together from the examples that those carry themselves."""

from typing import Any

from pydantic import BaseModel

from mercato_contracts.consensus import ConsensusInferenceResponse
from mercato_contracts.optimizer import OptimizerInferenceResponse
from mercato_contracts.signals import SignalWrite

_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ROUND = "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807"
_DEPLOYMENT = "dep_019ab3c1f2d47e0b8a6d5c4b3a291807"


def _own(kind: type[BaseModel]) -> Any:
    extra = kind.model_config.get("json_schema_extra")
    assert isinstance(extra, dict)
    examples = extra["examples"]
    assert isinstance(examples, list)
    return examples[0]


def _portfolio() -> dict[str, Any]:
    portfolio = _own(OptimizerInferenceResponse)
    parts = [{"deployment": _DEPLOYMENT, "vendor": "acme", "positions": portfolio["positions"]}]
    return {"contract": "optimizer-write/1", "portfolio": portfolio, "method": "shapley", "attributions": parts,
            "inputs": _SHA256}  # fmt: skip


_INPUTS = {
    "contract": "score-inputs/1",
    "spec": {"version": "scoring/1", "horizon_days": 5, "churn_most": 0.9, "turnover_most": 0.6, "decimals": 9},
    "round": _ROUND,
    "number": 1,
    "eras": [{"era": 8001, "ids": ["n3f0a", "n91bc"], "names": ["a", "b"], "targets": [0.75, 0.25]}],
    "signals": [
        {
            "deployment": _DEPLOYMENT, "vendor": "acme", "weight": 1_000_000_000, "trials": 3, "history": [0.04, 0.01],
            "eras": [{"era": 8001, "place": 17, "scores": {"n3f0a": 0.31, "n91bc": -0.12}}],
        }
    ],
}  # fmt: skip

EXAMPLES: dict[str, list[Any]] = {
    "ConsensusWrite": [
        {"contract": "consensus-write/1", "consensus": _own(ConsensusInferenceResponse), "inputs": _SHA256}
    ],
    "OptimizerWrite": [_portfolio()],
    "SignalWriteBatch": [{"contract": "signal-write-batch/1", "writes": [_own(SignalWrite)]}],
    "SignalInferenceRequest": [
        {
            "contract": "signal-inference/1",
            "as_of": "2022-12-28",
            "history": {"AAPL": [{"day": "2022-12-27", "close": 129.652}, {"day": "2022-12-28", "close": 125.674}]},
        }
    ],
    "SignalInferenceResponse": [
        {
            "contract": "signal-inference/1", "as_of": "2022-12-28", "model": "momentum-1", "horizon_days": 5,
            "scores": {"AAPL": -0.4},
        }
    ],
    "ScoreInputs": [_INPUTS],
    "RoundScores": [
        {
            "contract": "round-scores/1", "spec": _INPUTS["spec"], "round": _ROUND, "number": 1, "inputs": _SHA256,
            "consensus_ic": 1.0, "equal_weight_ic": 1.0, "best_single_ic": 1.0,
            "deployments": [
                {
                    "deployment": _DEPLOYMENT, "vendor": "acme", "weight": 1_000_000_000, "rank_ic": 1.0,
                    "tail_ic": 1.0, "contribution": 0.0, "uniqueness": 1.0, "churn": 0.0, "turnover": 0.0,
                    "sharpe": 0.8, "deflated_sharpe": 0.6, "trials": 3, "gates": [],
                    "eras": [{"era": 8001, "rank_ic": 1.0, "tail_ic": 1.0, "contribution": 0.0}],
                }
            ],
        }
    ],
}  # fmt: skip
"""By message; the exporter adds them to its schema."""
