"""Test calls for any OpenAPI service: safe operations that need no input, checked against their own description."""

from collections.abc import Iterator
from typing import Any

from mercato_checks.endpoint import Answer, Call
from mercato_checks.findings import shorten
from mercato_checks.openapi.document import Document
from mercato_checks.openapi.walk import OperationAt, References, operations
from mercato_checks.probe.exchange import Visit, mapping, where
from mercato_checks.probe.shape import Shape

_MOST_CALLS = 3
_LIVELY = ("health", "ready", "status", "ping", "version", "models")


async def probe_documented(visit: Visit, document: Document) -> None:
    """Call up to three GET operations without required input; status, media type and body must be as described."""
    references = References(document.tree)
    callable_ones = sorted(_callable(document, references), key=_liveliness)[:_MOST_CALLS]
    if not callable_ones:
        visit.say("probe_nothing_callable", "/paths", "Every operation needs input that only a person can choose.")
    for operation in callable_ones:
        call = Call("GET", operation.path)
        answer = await visit.call(call)
        if answer is not None and _is_documented(visit, call, operation, answer, document) and answer.status < 400:
            visit.sample = visit.sample or call


def _callable(document: Document, references: References) -> Iterator[OperationAt]:
    for operation in operations(document.tree, references):
        needs = any(parameter.get("required") for parameter in operation.parameters)
        plain = not set("{}?#") & set(operation.path) and operation.path.startswith("/")
        if operation.method == "get" and plain and not needs and "requestBody" not in operation.node:
            yield operation


def _liveliness(operation: OperationAt) -> int:
    return 0 if any(word in operation.path.lower() for word in _LIVELY) else 1


def _is_documented(visit: Visit, call: Call, operation: OperationAt, answer: Answer, document: Document) -> bool:
    references = References(document.tree)
    responses = mapping(operation.node.get("responses"))
    response = mapping(references.follow(_response_for(responses, answer.status)))
    if not response:
        visit.say("probe_undocumented", where(call), f"{where(call)} answered {answer.status}, which is not described.")
        return False
    content = mapping(response.get("content"))
    if not content or not answer.body:
        return True
    media = _media_for(content, answer.media_type)
    if media is None:
        given = shorten(answer.media_type or "no media type", 60)
        visit.say("probe_undocumented", where(call), f"{where(call)} answered {given}, which is not described.")
        return False
    _check_body(visit, call, answer, media, document)
    return True


def _response_for(responses: dict[str, Any], status: int) -> Any:
    for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
        if key in responses:
            return responses[key]
    return None


def _media_for(content: dict[str, Any], media_type: str) -> Any:
    described = {key.partition(";")[0].strip().lower(): value for key, value in content.items()}
    for key in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if key in described:
            return described[key]
    return None


def _check_body(visit: Visit, call: Call, answer: Answer, media: Any, document: Document) -> None:
    schema = mapping(media).get("schema")
    if not isinstance(schema, dict) or not answer.media_type.endswith("json"):
        return
    try:
        body = answer.json()
    except ValueError:
        visit.say("probe_not_json", where(call), f"{where(call)} says JSON and is not.")
        return
    mismatch = Shape(document).first_mismatch(schema, body)
    if mismatch is not None:
        visit.say("probe_body_mismatch", where(call), f"{where(call)}: {mismatch}.")
