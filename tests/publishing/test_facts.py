"""Facts of phases: what is stored of them, and that evidence of other versions can be read."""

import json
from typing import Any

import pytest

from mercato.publishing.facts import (
    ApprovalFacts,
    CompatibilityFacts,
    ContractFacts,
    DocumentFacts,
    Facts,
    IntakeFacts,
    ManifestFacts,
    OvertakenFacts,
    PerformanceFacts,
    PhaseName,
    PolicyFacts,
    ReleasedFacts,
    SecretsFacts,
    StoppedFacts,
    VoteFacts,
)
from mercato_checks.endpoint import Call
from mercato_checks.openapi.check import PublishedOperation
from mercato_checks.probe.exchange import Exchange

GREET: dict[str, Any] = {"method": "GET", "path": "/greet", "operation_id": "greet", "summary": "", "deprecated": False}
EXCHANGE: dict[str, Any] = {
    "method": "GET",
    "path": "/greet",
    "status": None,
    "media_type": "",
    "size": 0,
    "took_us": 9,
}
SAMPLE = {"method": "POST", "path": "/score", "body": {"rows": [1, 2.5, None]}, "headers": [["x-round", "rnd_1"]]}
VOTE = {"person": "usr_1", "decision": "approve", "reason": "fine", "at": "2026-11-29T00:00:00+00:00"}

CASES: list[tuple[Facts, dict[str, Any]]] = [
    (Facts(), {}),
    (StoppedFacts("abandoned"), {"stopped": "abandoned"}),
    (
        IntakeFacts("acme", "usr_1", "ab", 10, 0),
        {"vendor": "acme", "submitted_by": "usr_1", "digest": "ab", "manifest_bytes": 10, "document_bytes": 0},
    ),
    (ManifestFacts("openai", "embeddings", ["free"]), {"protocol": "openai", "task": "embeddings", "plans": ["free"]}),
    (DocumentFacts(document=False, operations=[]), {"document": False, "operations": []}),
    (
        DocumentFacts(document=True, operations=[], layers={"syntax": 1}),
        {"document": True, "operations": [], "layers": {"syntax": 1}},
    ),
    (
        DocumentFacts(
            document=True, operations=[PublishedOperation(**GREET)], layers={}, openapi="3.1.0", title="T",
            version="1.0.0", summary="", size=5, schemas=0, security_schemes=[],
        ),
        {
            "document": True, "operations": [GREET], "layers": {}, "openapi": "3.1.0", "title": "T",
            "version": "1.0.0", "summary": "", "size": 5, "schemas": 0, "security_schemes": [],
        },
    ),
    (
        CompatibilityFacts("1.0.0", None, None, None, breaking=False, complete=True, changes={}),
        {
            "version": "1.0.0", "compared_with": None, "least": None, "bump": None, "breaking": False,
            "complete": True, "changes": {},
        },
    ),
    (SecretsFacts(7), {"scanned_bytes": 7}),
    (ContractFacts([]), {"addresses": []}),
    (
        ContractFacts(["127.0.0.1"], {"model": "m", "deterministic": True, "dimensions": 2}, [Exchange(**EXCHANGE)]),
        {
            "addresses": ["127.0.0.1"], "seen": {"model": "m", "deterministic": True, "dimensions": 2},
            "exchanges": [EXCHANGE], "sample": None,
        },
    ),
    (
        ContractFacts([], {}, [], Call("POST", "/score", {"rows": [1, 2.5, None]}, (("x-round", "rnd_1"),))),
        {"addresses": [], "seen": {}, "exchanges": [], "sample": SAMPLE},
    ),
    (PerformanceFacts(), {"measured": False}),
    (
        PerformanceFacts(measured=True, calls=3, failed=0, first_us=5, p50_us=4, p95_us=6, slowest_us=6),
        {"measured": True, "calls": 3, "failed": 0, "first_us": 5, "p50_us": 4, "p95_us": 6, "slowest_us": 6},
    ),
    (
        PolicyFacts("needs_person", "a, b", "Because.", 2, {"errors": 0, "codes": []}),
        {
            "outcome": "needs_person", "rule": "a, b", "reason": "Because.", "required_people": 2,
            "asked": {"errors": 0, "codes": []},
        },
    ),
    (
        ApprovalFacts("pending", "a", "", 1, [VoteFacts(**VOTE)]),
        {"state": "pending", "rule": "a", "reason": "", "required_people": 1, "votes": [VOTE]},
    ),
    (OvertakenFacts("1.0.0", None), {"compared_with": "1.0.0", "baseline": None}),
    (ReleasedFacts("svc_1", "rel_1", "1.0.0"), {"service": "svc_1", "release": "rel_1", "version": "1.0.0"}),
]  # fmt: skip
"""Facts, and the JSON in which evidence has kept them since the first version."""


@pytest.mark.parametrize(("facts", "stored"), CASES, ids=lambda case: type(case).__name__)
def test_facts_are_stored_as_ever_and_come_back(facts: Facts, stored: dict[str, Any]) -> None:
    written = json.loads(json.dumps(facts.to_json()))
    assert written == stored
    assert type(facts).from_json(written) == facts
    assert type(facts).from_json({**written, "a_fact_of_another_version": 1}) == facts


def test_a_missing_fact_is_named() -> None:
    with pytest.raises(ValueError, match="breaking"):
        CompatibilityFacts.from_json({"version": "1.0.0"})


def test_phases_keep_their_positions_and_steps() -> None:
    assert [(phase.position, phase.value) for phase in PhaseName] == [
        (1, "intake"),
        (2, "manifest"),
        (3, "openapi"),
        (4, "compatibility"),
        (5, "secrets"),
        (6, "contract"),
        (7, "performance"),
        (8, "policy"),
        (9, "approval"),
        (10, "release"),
    ]
    assert all(PhaseName.at(phase.position) is phase for phase in PhaseName)
    assert (PhaseName.INTAKE.step, PhaseName.RELEASE.step) == ("1 intake", "10 release")
