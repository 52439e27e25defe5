"""What a route may answer besides success: its problems by status, and the header fields of every answer."""

from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

from mercato.edge.document.access import needs_credential
from mercato.edge.document.routes import RouteFacts, facts_of
from mercato_contracts.codes import all_codes
from mercato_contracts.problem import MEDIA_TYPE, Problem

EVERY_ROUTE = frozenset({"internal_error", "temporarily_unavailable"})
"""A fault of ours, or a database that does not answer."""

WITH_BODY = frozenset({"bad_request", "body_too_large", "body_too_slow", "malformed_request"})
WITH_PARAMETERS = frozenset({"malformed_request"})
WITH_ADDRESS = frozenset({"not_found"})
"""A value in the address that holds a slash names another address."""

CHANGES_ONLY = frozenset({"under_maintenance", "view_as_reads_only"})
"""Reads go on during maintenance, and are what whoever views as somebody else does."""

_POST_ONLY = "idempotency_key_"
_WITH_RETRY_AFTER = frozenset({409, 429, 503})


def codes_of(operation: dict[str, Any], method: str, facts: RouteFacts, *, transactional: bool) -> frozenset[str]:
    """Every code that this operation may answer."""
    codes = facts.refusals | EVERY_ROUTE
    if "requestBody" in operation:
        codes |= WITH_BODY
    if operation.get("parameters"):
        codes |= WITH_PARAMETERS
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        codes |= WITH_ADDRESS
    if transactional:
        every = facts_of("").refusals
        if method == "get":
            every -= CHANGES_ONLY
        codes |= every if method == "post" else {code for code in every if not code.startswith(_POST_ONLY)}
    return codes


def problems(codes: Iterable[str], facts: RouteFacts) -> dict[str, dict[str, Any]]:
    """The answers of these codes, by status."""
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(_control_codes()[code]["status"], []).append(code)
    return {str(status): _problem(status, named, facts) for status, named in sorted(by_status.items())}


def _problem(status: int, codes: list[str], facts: RouteFacts) -> dict[str, Any]:
    titles = [f"`{code}`: {_control_codes()[code]['title']}" for code in codes]
    if status == HTTPStatus.UNAUTHORIZED and not needs_credential(facts):
        titles.append("a credential is not needed, but a wrong one is refused")
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if status in _WITH_RETRY_AFTER:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    narrowed = {"type": "object", "properties": {"code": {"enum": codes}, "status": {"const": status}}}
    return {
        "description": f"{HTTPStatus(status).phrase}. {'; '.join(titles)}.",
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def problem_examples(codes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """One complete problem for each code."""
    return {code: {"summary": _control_codes()[code]["title"], "value": _example(code)} for code in sorted(codes)}


def _example(code: str) -> dict[str, Any]:
    known = _control_codes()[code]
    problem = Problem(
        type=f"urn:mercato:problem:{code}",
        title=known["title"],
        status=known["status"],
        code=code,
        detail=f"{known['title']}.",
        fix=known["fix"],
        request_id="req_0193c4a1b2c37d4e8f90a1b2c3d4e5f6",
    )
    return problem.model_dump(mode="json")


@cache
def _control_codes() -> dict[str, dict[str, Any]]:
    return {known["code"]: known for known in all_codes() if known["where"] == "control"}


def _field(description: str, example: str, schema: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": schema}, "example": example}


HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": _field(
        "The request's id: the one that the client sent, when it is 8 to 64 letters, digits, `.`, `_` or `-`.",
        "req_0193c4a1b2c37d4e8f90a1b2c3d4e5f6",
    ),
    "RateLimit": _field(
        "What is left of the caller's allowance (`r`) and the seconds until it is full again (`t`).", '"api";r=1199;t=1'
    ),
    "RateLimit-Policy": _field("The allowance: `q` requests in `w` seconds.", '"api";q=1200;w=60'),
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}, "example": 2},
    "WWW-Authenticate": _field("How to prove who is asking.", "Bearer"),
    "Idempotent-Replayed": _field(
        "`true` when this is the stored answer to an earlier request with the same `Idempotency-Key`.", "true"
    ),
}

SUCCESS_FIELDS = ("RateLimit", "RateLimit-Policy")
"""On the successes of every route that counts its callers' requests."""

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes a repeat harmless. The same key with the same body gets the first answer again and changes nothing; "
        "with another body it is refused (422), and while the first request is in flight too (409). Kept for a day."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
    "example": "5f0c3c1e-7d1b-4c57-9a43-1d7f0f5f4c11",
}
