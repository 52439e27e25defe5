"""The signal service over HTTP: what its document says, and what bad input gets."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from mercato_contracts.signals import SignalInferenceRequest, SignalInferenceResponse
from model import SignalModel
from serve import make_app
from tests.examples import documents

DOCUMENT = documents.load(Path(__file__).parents[2] / "examples" / "stock-signals")
AS_OF = date(2022, 12, 28)


def _bars(count: int, *, until: date = AS_OF) -> list[dict[str, Any]]:
    return [{"day": str(until - timedelta(days=count - 1 - i)), "close": 100 + i % 7} for i in range(count)]


def _request(**names: Any) -> dict[str, Any]:
    return {"as_of": str(AS_OF), "history": names or {"AAPL": _bars(253), "MSFT": _bars(300)}}


def test_the_document_names_the_operations_that_the_application_has(signal_state: Path) -> None:
    app = make_app(SignalModel.load(signal_state))
    routes = [route for route in app.routes if isinstance(route, Route)]
    served = {(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert documents.operations(DOCUMENT) == served


def _mapping(schema: dict[str, Any]) -> dict[str, Any]:
    """Pydantic writes a mapping with patterned keys as `patternProperties`; people read the other way more easily."""
    ((pattern, value),) = schema.pop("patternProperties").items()
    schema["propertyNames"] |= {"type": "string", "pattern": pattern}
    return schema | {"additionalProperties": value}


@pytest.mark.parametrize(
    ("message", "mapping"), [(SignalInferenceRequest, "history"), (SignalInferenceResponse, "scores")]
)
def test_the_document_says_what_the_contract_says(message: Any, mapping: str) -> None:
    ours = documents.bare(DOCUMENT["components"]["schemas"][message.__name__], DOCUMENT)
    generated = message.model_json_schema()
    contract = documents.bare(generated, generated)
    properties = contract["properties"]
    properties[mapping] = _mapping(properties[mapping])
    if mapping == "scores":  # the contract checks the bounds of a score in Python, not in its schema
        properties[mapping]["additionalProperties"] |= {"minimum": -1, "maximum": 1}
    assert ours == contract


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/model"), ("GET", "/healthz")])
def test_what_is_read_is_as_described(signal_service: str, method: str, path: str) -> None:
    documents.assert_described(DOCUMENT, httpx.request(method, signal_service + path))


def test_each_name_asked_for_gets_a_score_and_the_same_one_twice(signal_service: str) -> None:
    answers = [httpx.post(f"{signal_service}/v1/signals", json=_request()) for _ in range(2)]
    documents.assert_described(DOCUMENT, answers[0])
    answer = SignalInferenceResponse.model_validate_json(answers[0].content)
    assert set(answer.scores) == {"AAPL", "MSFT"}
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (b"", "", "json_invalid"),
        (b"{", "", "json_invalid"),
        (b"\xff\xfe", "", "json_invalid"),
        (b"[]", "", "model_type"),
        (json.dumps({"history": {"A": []}}), "as_of", "missing"),
        (json.dumps(_request() | {"as_of": "tomorrow"}), "as_of", "date_from_datetime_parsing"),
        (json.dumps(_request() | {"horizon": 3}), "horizon", "extra_forbidden"),
        (json.dumps(_request() | {"contract": "signal-inference/2"}), "contract", "literal_error"),
        (json.dumps(_request(aapl=_bars(253))), "history.aapl.[key]", "string_pattern_mismatch"),
        (json.dumps(_request(A=[{"day": "2022-01-03", "close": 0}])), "history.A.0.close", "greater_than"),
        (json.dumps(_request(A=[{"day": "2022-01-03", "close": float("nan")}])), "history.A.0.close", "finite_number"),
        (json.dumps(_request(A=_bars(253, until=date(2023, 1, 9)))), "", "value_error"),
        (json.dumps(_request(A=_bars(253)[::-1])), "", "value_error"),
        (json.dumps(_request(A=_bars(252))), "history.A", "history_too_short"),
        (json.dumps(_request(A=_bars(253, until=date(2022, 11, 1)))), "history.A", "history_stale"),
    ],
)
def test_bad_input_is_refused_with_the_field_and_what_to_do(
    signal_service: str, body: bytes | str, field: str, code: str
) -> None:
    answer = httpx.post(f"{signal_service}/v1/signals", content=body)
    assert answer.status_code == 422, answer.text
    documents.assert_described(DOCUMENT, answer)
    problem = answer.json()
    assert (problem["errors"][0]["field"], problem["errors"][0]["code"]) == (field, code)
    assert problem["fix"]


def test_a_body_that_is_too_large_is_refused(signal_service: str) -> None:
    answer = httpx.post(f"{signal_service}/v1/signals", content=b" " * (8 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    documents.assert_described(DOCUMENT, answer)


def test_an_unknown_operation_is_a_problem_too(signal_service: str) -> None:
    assert httpx.get(f"{signal_service}/v2").json()["code"] == "unknown_operation"
    refused = httpx.put(f"{signal_service}/v1/signals")
    assert refused.status_code == 405
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["allow"] == "POST"
