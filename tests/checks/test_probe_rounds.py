"""Signals of rounds are tested for what a desk would lose money by: chance, order, and knowledge of the future."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from mercato_checks.endpoint import PinnedEndpoint
from mercato_checks.openapi import read_document
from mercato_checks.probe import ProbeCheck, probe_endpoint
from mercato_contracts.manifest import ServiceManifest

Request = dict[str, Any]
Score = Callable[[Request, int, int], float]
"""From the request, the place of an era and of an id in it to a score."""

_SCHEMA = {
    "title": "SignalInferenceRequestV2",
    "type": "object",
    "properties": {
        "round": {}, "eras": {}, "features": {"type": "array", "examples": [["feature_value", "feature_size"]]},
    },
}  # fmt: skip


async def _probe(server: Any, manifest: Callable[..., ServiceManifest], answer: Any) -> ProbeCheck:
    tree = {
        "openapi": "3.1.0", "info": {"title": "A", "version": "1.2.0"},
        "paths": {"/v1/signals": {"post": {
            "requestBody": {"content": {"application/json": {"schema": _SCHEMA}}}, "responses": {},
        }}},
    }  # fmt: skip
    document, _ = read_document(json.dumps(tree))
    server.answer = lambda method, path, body: (
        200, {"content-type": "application/json"}, json.dumps(answer(json.loads(body))).encode(),
    )  # fmt: skip
    async with PinnedEndpoint(server.target(""), timeout_seconds=5) as endpoint:
        service = manifest(protocol="signal", task="signals", openapi="openapi.yaml")
        return await probe_endpoint(endpoint, service, document)


def _answer(score: Score) -> Callable[[Request], Any]:
    def answer(request: Request) -> Any:
        eras = [
            {"era": era["era"], "scores": {name: score(request, at, row) for row, name in enumerate(era["ids"])}}
            for at, era in enumerate(request["eras"])
        ]
        return {"contract": "signal-inference/2", "model": "m", "eras": eras}

    return answer


def _own_features(request: Request, era: int, row: int) -> float:
    values: list[float] = request["eras"][era]["values"][row]
    return (values[0] - 0.5) / 4


def _mean(era: dict[str, Any]) -> float:
    total: float = sum(row[0] for row in era["values"])
    return total / len(era["values"])


async def test_accepts_a_signal_of_its_own_features(fake_server: Any, manifest: Any) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Any:
        seen.append(request)
        return _answer(_own_features)(request)

    verdict = await _probe(fake_server, manifest, answer)
    assert (verdict.accepted, verdict.findings) == (True, [])
    assert verdict.facts.sample is not None
    assert seen[0]["features"] == ["feature_value", "feature_size"], "those that the document names"
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("score", "code"),
    [
        (lambda request, era, row: random.uniform(-1, 1), "probe_not_deterministic"),
        (lambda request, era, row: row / 100, "probe_order_dependent"),
        (lambda request, era, row: _own_features(request, era, row) * len(request["eras"]) / 99, "probe_look_ahead"),
        (
            lambda request, era, row: _own_features(request, era, row) - 0.1 * _mean(request["eras"][-1]),
            "probe_look_ahead",
        ),
        (lambda request, era, row: 0.0, "probe_constant"),
    ],
)
async def test_finds_what_a_signal_may_not_depend_on(fake_server: Any, manifest: Any, score: Score, code: str) -> None:
    verdict = await _probe(fake_server, manifest, _answer(score))
    assert code in [finding.code for finding in verdict.findings]


async def test_earlier_eras_may_be_used(fake_server: Any, manifest: Any) -> None:
    def score(request: Request, era: int, row: int) -> float:
        return _own_features(request, era, row) - 0.1 * _mean(request["eras"][max(0, era - 1)])

    assert (await _probe(fake_server, manifest, _answer(score))).findings == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found["eras"].pop(),
        lambda found: found["eras"].reverse(),
        lambda found: found["eras"][0]["scores"].popitem(),
        lambda found: found["eras"][0]["scores"].update(stranger=0.1),
        lambda found: found["eras"][3]["scores"].update(n00104x001=1.5),
        lambda found: found["eras"][3]["scores"].update(n00104x001=float("nan")),
        lambda found: found.update(contract="signal-inference/1"),
        lambda found: found.clear(),
    ],
)
async def test_refuses_answers_outside_the_contract(fake_server: Any, manifest: Any, spoil: Any) -> None:
    def answer(request: Request) -> Any:
        found = _answer(_own_features)(request)
        spoil(found)
        return found

    assert [each.code for each in (await _probe(fake_server, manifest, answer)).findings][:1] == ["probe_contract"]
