"""The desk's contracts: rounds' signals, consensus, optimizer."""

from typing import Any

import pytest
from jsonschema_rs import validator_for
from pydantic import BaseModel, ValidationError

from mercato_contracts import consensus, export, optimizer, signals

ROUND = "rnd_" + "0" * 32
ONE, OTHER = "dep_" + "1" * 32, "dep_" + "2" * 32


def _with_examples() -> list[tuple[str, type[BaseModel], Any]]:
    modules = (signals, consensus, optimizer)
    models = [item for module in modules for item in vars(module).values() if isinstance(item, type)]
    found = []
    for model in models:
        if issubclass(model, BaseModel) and model.__module__.startswith("mercato_contracts"):
            for example in model.model_json_schema().get("examples", []):
                found.append((model.__module__.rpartition(".")[2], model, example))
    return found


class TestExamples:
    @pytest.mark.parametrize(("module", "model", "example"), _with_examples())
    def test_each_published_example_fits_its_model_and_its_schema(
        self, module: str, model: type[BaseModel], example: Any
    ) -> None:
        assert model.model_validate(example)
        schema = export.schemas()[module]
        assert validator_for({**schema, "$ref": f"#/$defs/{model.__name__}"}).is_valid(example)


def _asked(**change: Any) -> dict[str, Any]:
    era = {"era": 7, "ids": ["a", "b"], "values": [[0.1, 0.2], [0.3, 0.4]]}
    return {"round": ROUND, "features": ["feature_x", "feature_y"], "eras": [era]} | change


class TestInferenceOfRounds:
    def test_features_of_eras_are_accepted(self) -> None:
        assert signals.SignalInferenceRequestV2.model_validate(_asked()).contract == "signal-inference/2"

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"eras": [{"era": 7, "ids": ["a", "a"], "values": [[1, 2], [3, 4]]}]}, "twice"),
            ({"eras": [{"era": 7, "ids": ["a"], "values": [[1, 2], [3, 4]]}]}, "2 rows of values for 1 ids"),
            ({"eras": [{"era": 7, "ids": ["a"], "values": [[1]]}]}, "2 columns"),
            ({"eras": [{"era": 7, "ids": ["a"], "values": [[1, float("nan")]]}]}, "finite"),
            ({"eras": [{"era": e, "ids": ["a"], "values": [[1, 2]]} for e in (8, 7)]}, "ascend"),
            ({"features": ["feature_x", "feature_x"]}, "twice"),
            ({"contract": "signal-inference/1"}, "signal-inference/2"),
        ],
    )
    def test_what_is_not_whole_is_refused_with_the_reason(self, change: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            signals.SignalInferenceRequestV2.model_validate(_asked(**change))


class TestWrites:
    @pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1.0000001", "-2", "null", '"0.1"x'])
    def test_only_finite_scores_in_range_are_written(self, score: str) -> None:
        head = f'{{"deployment": "{ONE}", "round": "{ROUND}", "era": 1, "created_at": "2026-01-01T00:00:00Z"'
        with pytest.raises(ValidationError):
            signals.SignalWrite.model_validate_json(f'{head}, "scores": {{"a": {score}}}}}')

    def test_a_batch_is_of_one_deployment_and_says_each_era_once(self) -> None:
        def write(deployment: str, era: int) -> dict[str, Any]:
            expected = {"deployment": deployment, "round": ROUND, "era": era, "scores": {"a": 0.5}}
            return expected | {"created_at": "2026-01-01T00:00:00Z"}

        assert signals.SignalWriteBatch.model_validate({"writes": [write(ONE, 1), write(ONE, 2)]})
        for wrong in ([write(ONE, 1), write(OTHER, 2)], [write(ONE, 1), write(ONE, 1)], []):
            with pytest.raises(ValidationError):
                signals.SignalWriteBatch.model_validate({"writes": wrong})


class TestExactSums:
    def test_weights_that_do_not_sum_to_one_are_refused(self) -> None:
        answer = consensus.ConsensusInferenceResponse.model_json_schema()["examples"][0]
        answer["weights"][0]["weight"] -= 1
        with pytest.raises(ValidationError, match="999999999 billionths"):
            consensus.ConsensusInferenceResponse.model_validate(answer)

    def test_attributions_that_do_not_sum_to_the_position_are_refused(self) -> None:
        portfolio = optimizer.OptimizerInferenceResponse.model_json_schema()["examples"][0]
        half = {"deployment": ONE, "vendor": "acme", "positions": {"AAPL": 250_000_000, "XOM": -250_000_000}}
        whole = {"portfolio": portfolio, "method": "shapley", "inputs": "0" * 64}
        assert optimizer.OptimizerWrite.model_validate(whole | {"attributions": [half, half | {"deployment": OTHER}]})
        with pytest.raises(ValidationError, match="parts sum to 250000000"):
            optimizer.OptimizerWrite.model_validate(whole | {"attributions": [half]})
