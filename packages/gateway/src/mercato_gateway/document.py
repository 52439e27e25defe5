"""The gateway's own OpenAPI 3.1 document, made from its route table and its codes at the first request for it."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from mercato_gateway.codes import CODES
from mercato_gateway.document_operations import DESCRIBED, Described
from mercato_gateway.refusals import Refused, render, shape_of
from mercato_gateway.targets import MODEL_OPERATIONS

Node = dict[str, Any]

_REQUEST_ID = "req_0193c4a1b2c37d4e8f90a1b2c3d4e5f6"
_SERVICE_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")

ON_THE_WIRE = frozenset(
    {
        "bad_request", "request_timeout", "body_too_large", "target_too_long", "headers_too_large", "internal_error",
        "unsupported_transfer", "starting", "draining", "busy", "method_not_allowed",
    }
)  # fmt: skip
"""Codes of every path."""

OF_KEYS = frozenset(
    {
        "key_missing", "key_malformed", "key_invalid", "key_expired", "scope_missing", "key_address_refused",
        "too_many_unknown_keys", "control_plane_unavailable",
    }
)  # fmt: skip
"""Codes of every path that needs a key."""

ELSEWHERE = frozenset({"not_found"})
"""Codes of requests to any other path."""

OF_CALLS = CODES.keys() - ELSEWHERE
"""Codes of calls to services."""

_DESCRIPTION = """\
Calls to the services of a Mercato marketplace. `/v1/…` speaks OpenAI's and Anthropic's protocols, and `model` names the
service; `/s/{vendor}/{service}/…` calls any operation that a service published, forms with files (audio, images)
included.

**Keys.** Send a consumer key (`ck_…`) in `Authorization: Bearer`, `x-api-key` or `x-mercato-key`; it never
goes upstream. With `x-mercato-key` the other two are passed on to the service. `x-mercato-subscription` chooses the
subscription that pays.

**Errors.** Those of the gateway have OpenAI's shape under `/v1`, Anthropic's under `/v1/messages` and are
`application/problem+json` elsewhere, always with the same `code`. A service's own answer is passed on unchanged.

**Streams** are server-sent events, passed on as they arrive. A failure after the first byte ends the connection.

**Limits.** `RateLimit` and `RateLimit-Policy` state what is left. Past a limit the answer is 429, with `Retry-After`
where waiting helps.
"""

_HEADERS: dict[str, Node] = {
    "x-request-id": {"description": "Names the call in usage, logs and support", "schema": {"type": "string"}},
    "x-mercato-overhead-us": {
        "description": "Microseconds spent in the gateway until the head of the answer was sent",
        "schema": {"type": "integer"},
    },
    "RateLimit": {"description": "What is left of each limit of the call", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The limits of the call", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the next try", "schema": {"type": "integer"}},
    "Allow": {"description": "The methods that this path allows", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate", "schema": {"type": "string"}},
}

_SCHEMAS: dict[str, Node] = {
    "OpenAIError": {
        "type": "object",
        "required": ["error", "request_id"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "facts": {"type": "object"},
                },
            },
            "request_id": {"type": "string"},
        },
    },
    "AnthropicError": {
        "type": "object",
        "required": ["type", "error", "request_id"],
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "required": ["type", "message", "code"],
                "properties": {
                    "type": {"type": "string"},
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                    "facts": {"type": "object"},
                },
            },
            "request_id": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "fix", "facts", "request_id"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "fix": {"type": "string"},
            "facts": {"type": "object"},
            "request_id": {"type": "string"},
        },
    },
}
_SCHEMA_OF = {"openai": "OpenAIError", "anthropic": "AnthropicError", "problem": "Problem"}

_SECURITY_SCHEMES: dict[str, Node] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "ck_…", "description": "A consumer key"},
    "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A consumer key"},
    "mercato_key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-mercato-key",
        "description": "A consumer key, beside credentials that go to the service",
    },
}
_NEEDS_KEY: list[Node] = [{"bearer": []}, {"api_key": []}, {"mercato_key": []}]


@cache
def document_bytes() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(build_document())


def build_document() -> Node:
    """The document of all routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mercato gateway",
            "version": "0.1.0",
            "summary": "Call the models and services of the marketplace",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The gateway that serves this document"}],
        "security": _NEEDS_KEY,
        "tags": [
            {"name": "models", "description": "OpenAI's and Anthropic's operations; `model` names the service."},
            {"name": "services", "description": "Any published operation of any service."},
            {"name": "gateway", "description": "The gateway itself."},
        ],
        "paths": _model_paths() | _list_paths() | {"/s/{vendor}/{service}/{path}": _service_item()} | _own_paths(),
        "components": {
            "schemas": _SCHEMAS,
            "headers": _HEADERS,
            "securitySchemes": _SECURITY_SCHEMES,
            "parameters": {"Subscription": _SUBSCRIPTION},
            "responses": _shared_refusals(),
        },
    }


_SUBSCRIPTION: Node = {
    "name": "x-mercato-subscription",
    "in": "header",
    "description": "The subscription that pays, where the organisation has several to this service; else the oldest",
    "schema": {"type": "string"},
    "example": "sub_0193c4a1b2c37d4e8f90a1b2c3d4e5f6",
}


def _model_paths() -> dict[str, Node]:
    return {path.decode(): {"post": _model_operation(path, DESCRIBED[path.decode()])} for path in MODEL_OPERATIONS}


def _model_operation(path: bytes, words: Described) -> Node:
    content: Node = {"application/json": {"schema": {"type": "object"}, "example": words.answer}}
    if words.stream:
        content["text/event-stream"] = {"schema": {"type": "string"}, "example": words.stream}
    schema = {"type": "object", "required": list(words.required), "properties": words.fields}
    return {
        "operationId": "post" + path.decode().replace("/", "_"),
        "tags": ["models"],
        "summary": words.summary,
        "description": words.description,
        "parameters": [{"$ref": "#/components/parameters/Subscription"}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": words.body}},
        },
        "responses": {
            "200": _success("The service's answer", content),
            **_call_refusals(path),
            "default": _success("The service's own error, unchanged", None),
        },
    }


def _list_paths() -> dict[str, Node]:
    model = {"id": "acme/embedder", "object": "model", "created": 1793610000, "owned_by": "acme"}
    listed = {"object": "list", "data": [model]}
    every = _operation("list_models", "List the models that your organisation subscribes to", "/v1/models", listed)
    one = _operation("get_model", "Read one model", "/v1/models/{model}", model, {"service_not_found"})
    one["description"] += " The name may contain its slash as it is, or encoded."
    one["parameters"].append(_path("model", "`vendor/service`", "acme/embedder"))
    return {"/v1/models": {"get": every}, "/v1/models/{model}": {"get": one}}


def _operation(name: str, summary: str, path: str, example: Node, codes: Iterable[str] = ()) -> Node:
    answer = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {
        "operationId": name,
        "tags": ["models"],
        "summary": summary,
        "description": "In OpenAI's shape, or in Anthropic's where `anthropic-version` is sent.",
        "parameters": [
            {
                "name": "anthropic-version",
                "in": "header",
                "description": "Any value selects Anthropic's shape",
                "schema": {"type": "string"},
                "example": "2023-06-01",
            }
        ],
        "responses": {
            "200": _success("What the key may call", answer),
            **_refusals(path.encode(), ON_THE_WIRE | OF_KEYS | set(codes)),
        },
    }


def _service_item() -> Node:
    item: Node = {
        "parameters": [
            _path("vendor", "The vendor's name", "acme"),
            _path("service", "The service's name, with an optional version, range or alias after `@`", "files@^1.2"),
            _path("path", "The path of a published operation; it may contain slashes", "items"),
            {"$ref": "#/components/parameters/Subscription"},
        ]
    }
    for method in _SERVICE_METHODS:
        item[method] = {
            "operationId": f"{method}_service_path",
            "tags": ["services"],
            "summary": f"Call a service with {method.upper()}",
            "description": (
                "Passed to the service unchanged, where the service published the operation. Its own document "
                "is at `/api/services/{vendor}/{name}/releases/{version}/openapi` of the control API. Bodies sent to "
                "model services must be JSON objects, or forms with files."
            ),
            "responses": {
                **_call_refusals(b"/s/"),
                "default": _success("The service's answer, with its own status and type", None),
            },
        }
        if method in ("post", "put", "patch"):
            body = {"*/*": {"schema": True}}
            item[method]["requestBody"] = {"description": "As described in the service's own document", "content": body}
    return item


def _own_paths() -> dict[str, Node]:
    ready = {"status": "ready", "version": "0.1.0"}
    not_ready = {"status": "not ready", "reason": "no snapshot yet"}
    health = _own("get_health", "The process is running", "Always `ok`: the process is running.", {"status": "ok"})
    readiness = _own("get_readiness", "The process accepts calls", "503 while it must not receive calls.", ready)
    readiness["responses"]["503"] = {
        "description": "No routes yet, no room for usage, or draining",
        "content": {"application/json": {"schema": {"type": "object"}, "example": not_ready}},
    }
    document = _own("get_document", "This document", "The same for every caller.", {"openapi": "3.1.0"})
    return {"/healthz": {"get": health}, "/readyz": {"get": readiness}, "/openapi.json": {"get": document}}


def _own(name: str, summary: str, description: str, example: Node) -> Node:
    overhead = {"$ref": "#/components/headers/x-mercato-overhead-us"}
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {
        "operationId": name,
        "tags": ["gateway"],
        "summary": summary,
        "description": description,
        "security": [],
        "responses": {
            "200": {"description": summary, "headers": {"x-mercato-overhead-us": overhead}, "content": content}
        },
    }


def _path(name: str, description: str, example: str) -> Node:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _success(description: str, content: Node | None) -> Node:
    names = ("x-request-id", "x-mercato-overhead-us", "RateLimit", "RateLimit-Policy")
    answer = {"description": description, "headers": _fields(names)}
    return answer if content is None else answer | {"content": content}


def _shared_refusals() -> dict[str, Node]:
    return {
        f"{shape_of(path)}.{status}": refusal
        for path in (b"/v1/", b"/v1/messages", b"/s/")
        for status, refusal in _refusals(path, OF_CALLS).items()
    }


def _call_refusals(path: bytes) -> dict[str, Node]:
    statuses = sorted({CODES[name].status for name in OF_CALLS})
    return {str(status): {"$ref": f"#/components/responses/{shape_of(path)}.{status}"} for status in statuses}


def _refusals(path: bytes, codes: Iterable[str]) -> dict[str, Node]:
    by_status: dict[int, list[str]] = {}
    for name in sorted(codes):
        by_status.setdefault(CODES[name].status, []).append(name)
    return {str(status): _refusal(path, status, names) for status, names in sorted(by_status.items())}


def _refusal(path: bytes, status: int, names: list[str]) -> Node:
    shape = shape_of(path)
    fields = ["x-request-id", "x-mercato-overhead-us"]
    fields += {401: ["WWW-Authenticate"], 405: ["Allow"], 429: ["Retry-After"], 503: ["Retry-After"]}.get(status, [])
    examples = {}
    for name in names:
        kind, body = render(Refused(name, f"{CODES[name].title}."), shape, _REQUEST_ID)
        examples[name] = {"summary": CODES[name].title, "value": msgspec.json.decode(body)}
    code: Node = {"properties": {"code": {"enum": names}}}
    narrowed = code if shape == "problem" else {"properties": {"error": code}}
    schema = {"allOf": [{"$ref": f"#/components/schemas/{_SCHEMA_OF[shape]}"}, {"type": "object", **narrowed}]}
    return {
        "description": "; ".join(f"`{name}`: {CODES[name].title}" for name in names) + ".",
        "headers": _fields(fields),
        "content": {kind.decode(): {"schema": schema, "examples": examples}},
    }


def _fields(names: Iterable[str]) -> dict[str, Node]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
