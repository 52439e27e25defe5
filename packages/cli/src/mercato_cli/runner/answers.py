"""Answers to callers, whatever the transport."""

import json
from dataclasses import dataclass, field
from typing import Any

from mercato_cli.runner.codes import CODES

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and what kind of body it is; `headers` beside those that every answer has."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def problem(
    name: str, detail: str, *, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """One of the runner's own refusals, as RFC 9457 has it."""
    code = CODES[name]
    return _problem(code.status, name, code.title, detail, code.fix, errors or [], headers or {})


def refused_by_handler(code: str, detail: str, fix: str, fields: dict[str, str]) -> Answer:
    """422 in the handler's words."""
    errors = [{"field": name, "code": code, "message": message} for name, message in fields.items()]
    return _problem(422, code, "The handler refuses the request", detail, fix, errors[:50], {})


def openai_shape(answer: Answer) -> Answer:
    """A refusal as OpenAI's clients expect it, so that they raise the right exception; other answers as they are."""
    if answer.media_type != PROBLEM:
        return answer
    content = json.loads(answer.body)
    kind = "invalid_request_error" if answer.status < 500 else "server_error"
    error = {"message": content["detail"], "type": kind, "param": None, "code": content["code"]}
    return Answer(answer.status, json.dumps({"error": error}).encode(), JSON, answer.headers)


def _problem(
    status: int, code: str, title: str, detail: str, fix: str, errors: list[dict[str, str]], headers: dict[str, str]
) -> Answer:
    content: dict[str, Any] = {"type": f"urn:mercato:problem:{code}", "title": title, "status": status, "code": code}
    content |= {"detail": detail, "fix": fix, "errors": errors}
    return Answer(status, json.dumps(content, ensure_ascii=False).encode(), PROBLEM, headers)
