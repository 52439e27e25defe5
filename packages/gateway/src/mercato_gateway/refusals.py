"""A refusal as a response: in OpenAI's shape, in Anthropic's, or as problem+json."""

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


_SECONDS = "`Retry-After` seconds"
# Paths of operations that clients append to a base URL; each comes before its own suffixes.
_PATHS = (
    b"/chat/completions", b"/completions", b"/embeddings", b"/responses", b"/messages/count_tokens", b"/messages",
    b"/models",
)  # fmt: skip


def misplaced(path: bytes) -> bytes | None:
    """The path of the operation that a client with a wrong base URL means; `None` where this is no such path."""
    found = next((known for known in _PATHS if path.endswith(known)), None)
    return None if found is None or path.startswith((b"/s/", b"/v1/models/")) else b"/v1" + found


class Refused(Exception):
    """The call ends here. `retry_after` is in seconds, `allow` lists the allowed methods, `facts` help a program
    decide.
    """

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
        if retry_after is None and (self.code.status == 503 or _SECONDS in self.code.fix):
            retry_after = 1
        self.retry_after = retry_after
        self.allow = allow
        self.facts = facts or {}


def shape_of(path: bytes) -> Shape:
    """The shape in which clients of this path read an error."""
    wanted = misplaced(path) or path
    if wanted.startswith(b"/v1/messages"):
        return "anthropic"
    return "openai" if wanted.startswith(b"/v1/") or path == b"/v1" else "problem"


def render(refused: Refused, shape: Shape, request_id: str) -> tuple[bytes, bytes]:
    """Media type and body."""
    code = refused.code
    fix, wait = code.fix, refused.retry_after
    if wait is not None:
        fix = fix.replace(_SECONDS, "1 second" if wait == 1 else f"{wait} seconds")
    message = f"{refused.detail} {fix}"
    if shape == "problem":
        return b"application/problem+json", msgspec.json.encode(
            {
                "type": f"urn:mercato:problem:{code.name}", "title": code.title, "status": code.status,
                "code": code.name,
                "detail": refused.detail, "fix": fix, "facts": refused.facts, "request_id": request_id,
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
    """Status line and fields of the response, without the empty line, and its body."""
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
