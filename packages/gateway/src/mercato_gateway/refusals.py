"""A refusal as an answer: in OpenAI's shape, in Anthropic's, or as problem+json."""

from typing import Any, Literal

import msgspec

from mercato_gateway.codes import CODES, REQUEST_CODINGS, Code

Shape = Literal["openai", "anthropic", "problem"]

_OPENAI_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    408: "timeout_error", 429: "rate_limit_error",
}  # fmt: skip
_ANTHROPIC_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error", 529: "overloaded_error",
}  # fmt: skip


class Refused(Exception):
    """The call ends here. `retry_after` in seconds, `allow` the methods that exist, `facts` what helps to decide."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        allow: str = "",
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code: Code = CODES[code]
        self.detail = detail
        self.retry_after = retry_after if retry_after is not None else (1 if self.code.status == 503 else None)
        self.allow = allow
        self.facts = facts or {}


def shape_of(path: bytes) -> Shape:
    """How clients of this path read an error."""
    if path.startswith(b"/v1/messages"):
        return "anthropic"
    return "openai" if path.startswith(b"/v1/") or path == b"/v1" else "problem"


def render(refused: Refused, shape: Shape, request_id: str) -> tuple[bytes, bytes]:
    """Media type and body."""
    code = refused.code
    message = f"{refused.detail} {code.fix}"
    if shape == "problem":
        return b"application/problem+json", msgspec.json.encode(
            {
                "type": f"urn:mercato:problem:{code.name}", "title": code.title, "status": code.status,
                "code": code.name,
                "detail": refused.detail, "fix": code.fix, "facts": refused.facts, "request_id": request_id,
            }
        )  # fmt: skip
    error: dict[str, Any] = {
        "message": message,
        "code": code.name,
        **({"facts": refused.facts} if refused.facts else {}),
    }
    if shape == "openai":
        other = "server_error" if code.status >= 500 else "invalid_request_error"
        error |= {"type": _OPENAI_TYPES.get(code.status, other), "param": None}
        return b"application/json", msgspec.json.encode({"error": error, "request_id": request_id})
    other = "api_error" if code.status >= 500 else "invalid_request_error"
    error["type"] = _ANTHROPIC_TYPES.get(code.status, other)
    return b"application/json", msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def answer(refused: Refused, path: bytes, request_id: str) -> tuple[bytes, bytes]:
    """Status line and fields of the answer, without the empty line, and its body."""
    code = refused.code
    kind, body = render(refused, shape_of(path), request_id)
    rows = [
        b"HTTP/1.1 %d %b\r\n" % (code.status, code.title.encode("ascii")),
        b"content-type: %b\r\ncontent-length: %d\r\n" % (kind, len(body)),
    ]
    if refused.retry_after is not None:
        rows.append(b"retry-after: %d\r\n" % refused.retry_after)
    if refused.allow:
        rows.append(b"allow: %b\r\n" % refused.allow.encode("ascii"))
    if code.status == 415:
        rows.append(b"accept-encoding: %b\r\n" % REQUEST_CODINGS.encode("ascii"))
    if code.status == 401:
        rows.append(b'www-authenticate: Bearer realm="mercato"\r\n')
    return b"".join(rows), body
