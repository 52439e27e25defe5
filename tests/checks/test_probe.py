"""The live endpoint must keep the contract of its protocol."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mercato_checks.endpoint import Answer, Call, CallFailed, PinnedEndpoint
from mercato_checks.measure import MeasurePolicy, measure_endpoint
from mercato_checks.openapi import Document, read_document
from mercato_checks.probe import ProbeCheck, probe_endpoint
from mercato_checks.probe.shape import Shape
from mercato_checks.probe.signal import make_request
from mercato_contracts.manifest import ServiceManifest

FakeServer = Any
JSON = {"content-type": "application/json"}
Make = Callable[..., ServiceManifest]


def reply(value: Any, status: int = 200) -> Any:
    return lambda method, path, body: (status, JSON, json.dumps(value).encode())


async def probe(server: FakeServer, manifest: ServiceManifest, document: Document | None = None) -> ProbeCheck:
    async with PinnedEndpoint(server.target("/v1"), timeout_seconds=5) as endpoint:
        return await probe_endpoint(endpoint, manifest, document)


def codes(verdict: ProbeCheck) -> list[str]:
    return [finding.code for finding in verdict.findings]


def document(tree: dict[str, Any]) -> Document:
    read, findings = read_document(json.dumps({"openapi": "3.1.0", "info": {"title": "A", "version": "1.2.0"}} | tree))
    assert read is not None, findings
    return read


def embeddings(vectors: list[Any], **fields: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "usage": {"prompt_tokens": 9, "total_tokens": 9}} | fields


async def test_accepts_an_embeddings_server(fake_server: FakeServer, manifest: Make) -> None:
    def answer(method: str, path: str, body: bytes) -> Any:
        if path == "/v1/models":
            return 200, JSON, b'{"data": [{"id": "small"}]}'
        assert json.loads(body)["model"] == "small"
        return reply(embeddings([[0.1, 0.2], [0.3, 0.4]]))(method, path, body)

    fake_server.answer = answer
    verdict = await probe(fake_server, manifest())
    assert (verdict.accepted, codes(verdict)) == (True, [])
    assert verdict.facts.seen == {"model": "small", "dimensions": 2, "counts_tokens": True}
    assert [each.status for each in verdict.facts.exchanges] == [200, 200]
    assert verdict.facts.sample is not None


@pytest.mark.parametrize(
    "answer",
    [
        embeddings([[0.1]]),
        embeddings([[0.1], [0.2, 0.3]]),
        embeddings([["0.1"], ["0.2"]]),
        embeddings([[], []]),
        embeddings([[True], [False]]),
        {"data": 7},
        [],
        7,
        embeddings([[float("nan")], [0.1]]),
    ],
)
async def test_refuses_answers_that_are_no_embeddings(fake_server: FakeServer, manifest: Make, answer: Any) -> None:
    fake_server.answer = reply(answer)
    assert "probe_contract" in codes(await probe(fake_server, manifest()))


async def test_says_when_tokens_are_not_counted(fake_server: FakeServer, manifest: Make) -> None:
    fake_server.answer = reply(embeddings([[0.1], [0.2]], usage=None))
    verdict = await probe(fake_server, manifest())
    assert (verdict.accepted, codes(verdict)) == (True, ["probe_usage_missing"])


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"", "probe_status"),
        (401, b"{}", "probe_status"),
        (200, b"<html>", "probe_not_json"),
        (200, b"null", "probe_not_json"),
        (302, b"", "probe_redirect"),
    ],
)
async def test_names_what_went_wrong(
    fake_server: FakeServer, manifest: Make, status: int, body: bytes, expected: str
) -> None:
    fake_server.answer = lambda method, path, sent: (status, {}, body)
    assert expected in codes(await probe(fake_server, manifest()))


async def test_accepts_a_chat_server_and_refuses_an_empty_choice(fake_server: FakeServer, manifest: Make) -> None:
    good = {
        "choices": [{"message": {"role": "assistant", "content": "Ready"}}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 1},
    }
    fake_server.answer = reply(good)
    assert codes(await probe(fake_server, manifest(task="chat"))) == []
    fake_server.answer = reply(good | {"choices": []})
    assert "probe_contract" in codes(await probe(fake_server, manifest(task="chat")))


@pytest.mark.parametrize(
    ("message", "finish_reason", "accepted"),
    [
        ({"content": None, "reasoning": "Hm."}, "stop", True),
        ({"content": None, "reasoning_content": "Hm."}, "stop", True),
        ({"content": None, "thinking": "Hm."}, "stop", True),
        ({"content": None, "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}, "stop", True),
        ({"content": [{"type": "text", "text": "Ready"}]}, "stop", True),
        ({"content": None, "refusal": "No."}, "stop", True),
        ({"content": None, "tool_calls": [{"id": "call_1"}]}, "tool_calls", True),
        ({"content": None, "function_call": {"name": "find"}}, "function_call", True),
        ({"content": None, "audio": {"transcript": "Ready"}}, "stop", True),
        ({"content": None}, "length", True),
        ({}, "length", True),
        ({"content": None}, "stop", False),
        ({"content": None, "reasoning": None}, "stop", False),
        ({"name": "Ready"}, "stop", False),
    ],
)
async def test_a_chat_answer_may_hold_more_than_content(
    fake_server: FakeServer, manifest: Make, message: dict[str, object], finish_reason: str, accepted: bool
) -> None:
    choice = {"message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    fake_server.answer = reply({"choices": [choice], "usage": {"prompt_tokens": 8, "completion_tokens": 1}})
    assert codes(await probe(fake_server, manifest(task="chat"))) == ([] if accepted else ["probe_contract"])


async def test_a_chat_server_may_know_the_newer_name_of_the_bound_only(fake_server: FakeServer, manifest: Make) -> None:
    good = {
        "choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 8},
    }

    def answer(method: str, path: str, sent: bytes) -> Any:
        if b'"max_tokens"' in sent:
            return 400, {}, b'{"error":{"code":"unsupported_parameter","param":"max_tokens"}}'
        return reply(good)(method, path, sent)

    fake_server.answer = answer
    assert codes(await probe(fake_server, manifest(task="chat"))) == []
    bodies = [json.loads(body) for method, _, body in fake_server.seen if method == "POST"]
    assert [body.get("max_completion_tokens") for body in bodies] == [None, 8]
    fake_server.answer = lambda method, path, sent: (400, {}, b"{}")
    assert "probe_status" in codes(await probe(fake_server, manifest(task="chat")))


async def test_a_message_may_run_out_of_tokens_before_its_first_part(fake_server: FakeServer, manifest: Make) -> None:
    message = {"type": "message", "role": "assistant", "content": [], "stop_reason": "max_tokens"}
    usage = {"input_tokens": 9, "output_tokens": 8}
    fake_server.answer = reply({**message, "usage": usage})
    assert codes(await probe(fake_server, manifest(protocol="anthropic", task="chat"))) == []
    fake_server.answer = reply({**message, "stop_reason": "end_turn", "usage": usage})
    assert "probe_contract" in codes(await probe(fake_server, manifest(protocol="anthropic", task="chat")))


async def test_accepts_a_messages_server(fake_server: FakeServer, manifest: Make) -> None:
    usage = {"input_tokens": 9, "output_tokens": 1}
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Ready"}], "usage": usage}
    fake_server.answer = reply(message)
    assert codes(await probe(fake_server, manifest(protocol="anthropic", task="chat"))) == []
    fake_server.answer = reply(message | {"content": "Ready"})
    assert "probe_contract" in codes(await probe(fake_server, manifest(protocol="anthropic", task="chat")))


SIGNALS = {
    "paths": {
        "/signals": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}},
                "responses": {"200": {"description": "Scores"}},
            }
        }
    },
    "components": {"schemas": {"Ask": {"type": "object", "properties": {"as_of": {}, "history": {}}}}},
}


def scores(body: bytes, **fields: Any) -> dict[str, Any]:
    asked = json.loads(body)
    answer = {"as_of": asked["as_of"], "model": "m", "horizon_days": 5, "scores": dict.fromkeys(asked["history"], 0.5)}
    return {"contract": "signal-inference/1"} | answer | fields


def signal_service(manifest: Make) -> ServiceManifest:
    return manifest(protocol="signal", task="signals", openapi="openapi.yaml")


async def test_accepts_a_signal_service_that_repeats_itself(fake_server: FakeServer, manifest: Make) -> None:
    fake_server.answer = lambda method, path, body: reply(scores(body))(method, path, body)
    verdict = await probe(fake_server, signal_service(manifest), document(SIGNALS))
    assert codes(verdict) == []
    assert verdict.facts.seen["deterministic"] is True
    assert fake_server.seen[0] == fake_server.seen[1]


async def test_refuses_a_signal_service_that_changes_its_mind(fake_server: FakeServer, manifest: Make) -> None:
    def answer(method: str, path: str, body: bytes) -> Any:
        return reply(scores(body, scores={"AAPL": len(fake_server.seen) / 10}))(method, path, body)

    fake_server.answer = answer
    assert codes(await probe(fake_server, signal_service(manifest), document(SIGNALS))) == ["probe_not_deterministic"]


@pytest.mark.parametrize(
    "fields",
    [
        {"scores": {"AAPL": 7}},
        {"scores": {"ZZZZ": 0.1}},
        {"scores": {}},
        {"as_of": "1999-01-01"},
        {"extra": 1},
        {"scores": {"AAPL": None}},
    ],
)
async def test_refuses_answers_outside_the_signal_contract(
    fake_server: FakeServer, manifest: Make, fields: dict[str, Any]
) -> None:
    fake_server.answer = lambda method, path, body: reply(scores(body, **fields))(method, path, body)
    assert "probe_contract" in codes(await probe(fake_server, signal_service(manifest), document(SIGNALS)))


async def test_refuses_a_signal_service_without_the_operation(fake_server: FakeServer, manifest: Make) -> None:
    verdict = await probe(fake_server, signal_service(manifest), document({"paths": {"/other": {"get": {}}}}))
    assert codes(verdict) == ["openapi_contract_missing"]
    assert fake_server.seen == []


def test_the_test_request_is_the_same_each_time() -> None:
    assert make_request() == make_request()
    assert len(make_request().history["AAPL"]) == 400


HEALTH = {
    "paths": {
        "/items/{id}": {"get": {"responses": {}}},
        "/search": {"get": {"parameters": [{"name": "q", "in": "query", "required": True}], "responses": {}}},
        "/health": {
            "get": {
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["ok"],
                                    "properties": {"ok": {"type": "boolean"}},
                                }
                            }
                        },
                    }
                }
            }
        },
    }
}


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, JSON, b'{"ok": true}', []),
        (200, JSON, b'{"ok": 1}', ["probe_body_mismatch"]),
        (200, JSON, b"{}", ["probe_body_mismatch"]),
        (200, {"content-type": "text/html"}, b"hi", ["probe_undocumented"]),
        (503, JSON, b"{}", ["probe_undocumented"]),
        (200, JSON, b"{", ["probe_not_json"]),
    ],
)
async def test_holds_answers_against_their_description(
    fake_server: FakeServer, manifest: Make, status: int, headers: dict[str, str], body: bytes, expected: list[str]
) -> None:
    fake_server.answer = lambda method, path, sent: (status, headers, body)
    service = manifest(protocol="openapi", task="data", openapi="openapi.yaml")
    assert codes(await probe(fake_server, service, document(HEALTH))) == expected
    assert [path for _, path, _ in fake_server.seen] == ["/v1/health"]


async def test_calls_nothing_that_needs_a_persons_input(fake_server: FakeServer, manifest: Make) -> None:
    service = manifest(protocol="openapi", task="data", openapi="openapi.yaml")
    only_posts = document({"paths": {"/orders": {"post": {"responses": {}}, "delete": {"responses": {}}}}})
    verdict = await probe(fake_server, service, only_posts)
    assert (verdict.accepted, codes(verdict)) == (True, ["probe_nothing_callable"])
    assert fake_server.seen == []


@pytest.mark.timeout(20)
@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_doubles_itself_ends_within_its_budget(keyword: str) -> None:
    schemas = {f"A{step}": {keyword: [{"$ref": f"#/components/schemas/A{step + 1}"}] * 2} for step in range(60)}
    read = document({"paths": {}, "components": {"schemas": schemas | {"A60": {"type": "string"}}}})
    Shape(read).first_mismatch({"$ref": "#/components/schemas/A0"}, "text")
    Shape(read).first_mismatch({"$ref": "#/components/schemas/A0"}, 7)


def test_a_schema_that_contains_itself_ends() -> None:
    loop = {"allOf": [{"$ref": "#/components/schemas/A"}]}
    assert Shape(document({"paths": {}, "components": {"schemas": {"A": loop}}})).first_mismatch(loop, {}) is None


class Scripted:
    """An endpoint that answers what the test wrote, at the speed that it wrote."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)

    async def call(self, call: Call) -> Answer:
        took = self.answers.pop(0)
        if took is None:
            raise CallFailed("probe_unreachable", "gone")
        return Answer(200, {}, b"", took)


async def test_measures_median_and_tail() -> None:
    check = await measure_endpoint(Scripted(*range(1000, 21000, 1000)), Call("GET", "/x"))
    assert check.findings == []
    assert check.facts.calls == 20
    assert check.facts.p50_us == 10_000
    assert check.facts.p95_us == 19_000
    assert check.facts.slowest_us == 20_000


async def test_says_when_the_endpoint_is_slow_or_fails() -> None:
    slow = await measure_endpoint(Scripted(*[6_000_000] * 20), Call("GET", "/x"))
    assert [each.code for each in slow.findings] == ["measure_slow"]
    failing = await measure_endpoint(Scripted(*[1000, None] * 10), Call("GET", "/x"))
    assert [each.code for each in failing.findings] == ["measure_errors"]
    assert failing.facts.failed_per_mille == 500


async def test_stops_when_its_time_is_over() -> None:
    ticks = iter(range(0, 1000, 10))
    policy = MeasurePolicy(within_seconds=25)
    check = await measure_endpoint(Scripted(*[1000] * 20), Call("GET", "/x"), policy, lambda: float(next(ticks)))
    assert check.facts.calls == 2
    assert [each.code for each in check.findings] == ["measure_too_few"]
