"""What surrounds schemas is compared too: parameters, bodies, responses, callers, servers, and webhooks."""

from copy import deepcopy
from typing import Any

import pytest

from mercato_checks.diff import Change, diff_documents
from mercato_checks.openapi import Document

JSON = {"application/json": {"schema": {"type": "object"}}}
PARAMETER = {"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}
ACCEPT = {"name": "Accept", "in": "header", "required": True}
ITEM: dict[str, Any] = {
    "parameters": [PARAMETER],
    "post": {
        "operationId": "search",
        "security": [{"oauth": ["read"]}],
        "requestBody": {"required": True, "content": JSON | {"text/*": {}}},
        "responses": {
            "200": {
                "description": "ok",
                "headers": {"X-Left": {"required": True, "schema": {"type": "integer"}}},
                "content": JSON,
                "links": {"next": {"operationId": "search", "parameters": {"q": "$response.body#/next"}}},
            },
            "4XX": {"description": "refused", "content": JSON},
        },
        "callbacks": {"done": {"{$request.body#/url}": {"post": {"requestBody": {"content": JSON}, "responses": {}}}}},
    },
}
TREE: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.example/v1"}],
    "paths": {"/search": ITEM, "/search2": {"$ref": "#/components/pathItems/Search"}},
    "webhooks": {"sold": {"post": {"requestBody": {"content": JSON}, "responses": {"200": {"description": "ok"}}}}},
    "components": {
        "pathItems": {"Search": {"get": {"responses": {"200": {"description": "ok"}}}}},
        "securitySchemes": {
            "oauth": {
                "type": "oauth2",
                "flows": {"clientCredentials": {"tokenUrl": "https://a.example", "scopes": {"read": "", "write": ""}}},
            }
        },
    },
}
POST = ("paths", "/search", "post")
OK = (*POST, "responses", "200")
CALLED = (*POST, "callbacks", "done", "{$request.body#/url}", "post")
WEBHOOK = ("webhooks", "sold", "post")
FLOW = ("components", "securitySchemes", "oauth", "flows", "clientCredentials")
GONE = object()


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    tree = deepcopy(TREE)
    node = tree
    for step in path[:-1]:
        node = node[step]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = deepcopy(value)
    return tree


def diff(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    changes, complete = diff_documents(Document(old, "3.1", "json", 0), Document(new, "3.1", "json", 0))
    assert complete
    return changes


BREAKING: list[tuple[str, tuple[Any, ...], Any]] = [
    ("parameter.style", ("paths", "/search", "parameters", 0, "explode"), False),
    ("parameter.style", ("paths", "/search", "parameters", 0, "style"), "pipeDelimited"),
    ("parameter.media_type", ("paths", "/search", "parameters"), [{"name": "q", "in": "query", "content": JSON}]),
    ("parameter.removed", ("paths", "/search", "parameters", 0, "in"), "header"),
    ("request.media_type.removed", (*POST, "requestBody", "content", "text/*"), GONE),
    ("response.media_type.removed", (*OK, "content"), {"*/*": {}}),
    ("response.header.removed", (*OK, "headers", "X-Left"), GONE),
    ("parameter.optional", (*OK, "headers", "X-Left", "required"), False),
    ("response.type", (*OK, "headers", "X-Left", "schema", "type"), "number"),
    ("response.type", (*OK, "content", "application/json"), {}),
    ("request.type", (*POST, "requestBody", "content", "text/*", "schema"), {"type": "string"}),
    ("response.link.removed", (*OK, "links", "next"), GONE),
    ("response.success.removed", (*POST, "responses"), {"4XX": ITEM["post"]["responses"]["4XX"]}),
    ("security.narrowed", (*POST, "security"), [{"oauth": ["read", "write"]}]),
    ("security.narrowed", (*POST, "security"), [{"oauth": ["read"], "key": []}]),
    ("security.scope", (*FLOW, "scopes", "read"), GONE),
    ("security.flow", (*FLOW, "tokenUrl"), "https://b.example"),
    ("security.flow", FLOW, GONE),
    ("server.base", ("servers", 0, "url"), "https://api.example/v2"),
    ("server.base", (*POST, "servers"), [{"url": "/v3"}]),
    ("operation.removed", ("webhooks", "sold"), GONE),
    ("operation.removed", (*POST, "callbacks", "done"), GONE),
    ("operation.removed", ("components", "pathItems", "Search", "get"), GONE),
    ("response.type", (*CALLED, "requestBody", "content", "application/json", "schema", "type"), ["object", "null"]),
    ("response.type", (*WEBHOOK, "requestBody", "content", "application/json", "schema"), {}),
]


@pytest.mark.parametrize(("rule", "path", "value"), BREAKING, ids=[f"{rule} {path[-1]}" for rule, path, _ in BREAKING])
def test_finds_a_break(rule: str, path: tuple[Any, ...], value: Any) -> None:
    assert rule in {change.rule for change in diff(TREE, changed(path, value)) if change.weight == "breaking"}


NOT_UNDERSTOOD: list[tuple[Any, ...]] = [
    ("paths", "/search", "parameters", 0, "unknown"),
    (*POST, "unknown"),
    (*POST, "requestBody", "unknown"),
    (*POST, "requestBody", "content", "application/json", "itemSchema"),
    (*POST, "requestBody", "content", "application/json", "encoding"),
    (*OK, "unknown"),
    (*OK, "headers", "X-Left", "unknown"),
    (*OK, "links", "next", "requestBody"),
    (*FLOW, "unknown"),
    ("components", "securitySchemes", "oauth", "unknown"),
    ("jsonSchemaDialect",),
    ("unknown",),
]


@pytest.mark.parametrize("path", NOT_UNDERSTOOD, ids=[" ".join(map(str, path[-2:])) for path in NOT_UNDERSTOOD])
def test_reports_a_field_that_it_does_not_understand(path: tuple[Any, ...]) -> None:
    tree = changed(path, {"a": {"style": "deepObject"}})
    assert {change.weight for change in diff(TREE, tree)} == {"unclear"}
    assert {change.weight for change in diff(tree, TREE)} == {"unclear"}
    assert diff(tree, deepcopy(tree) | {"info": {"title": "Other words"}}) == []


COMPATIBLE: list[tuple[str, tuple[Any, ...], Any]] = [
    ("the default style", ("paths", "/search", "parameters", 0), PARAMETER | {"style": "form", "explode": True}),
    ("a media type in a range", (*POST, "requestBody", "content", "text/plain"), {}),
    ("a wider range", (*POST, "requestBody", "content"), {"*/*": {}}),
    ("a code in a range", (*POST, "responses", "404"), {"description": "none", "content": JSON}),
    ("fewer scopes", (*POST, "security"), [{"oauth": []}]),
    ("a further server", ("servers",), [{"url": "/v1"}, {"url": "/v2"}]),
    ("another host", ("servers", 0, "url"), "https://eu.api.example/v1/"),
    ("a server's variable", ("servers", 0), {"url": "https://api.example/{v}", "variables": {"v": {"default": "v1"}}}),
    ("a new webhook", ("webhooks", "bought"), {"post": {"responses": {}}}),
    ("a new callback", (*POST, "callbacks", "later"), {"{$url}": {"post": {"responses": {}}}}),
    ("an ignored header", ("paths", "/search", "parameters"), [PARAMETER, ACCEPT]),
    ("a deprecation", (*POST, "deprecated"), True),
    ("an operationId", (*POST, "operationId"), "find"),
    ("another word", (*POST, "summary"), "Search"),
]


@pytest.mark.parametrize(("path", "value"), [case[1:] for case in COMPATIBLE], ids=[case[0] for case in COMPATIBLE])
def test_lets_pass_what_breaks_nobody(path: tuple[Any, ...], value: Any) -> None:
    assert not {change.weight for change in diff(TREE, changed(path, value))} & {"breaking", "unclear"}


@pytest.mark.parametrize(
    ("path", "value"), [((*POST, "deprecated"), True), (("paths", "/search", "parameters", 0, "deprecated"), True)]
)
def test_a_deprecation_is_announced_with_a_minor(path: tuple[Any, ...], value: Any) -> None:
    assert {change.weight for change in diff(TREE, changed(path, value))} == {"addition"}


def test_closing_what_was_declared_open_breaks_and_describing_it_does_not() -> None:
    asked, open_, silent = (changed((*POST, "security"), value) for value in ([{"oauth": []}], [], GONE))
    assert {change.rule for change in diff(open_, asked)} == {"security.narrowed"}
    assert {change.rule for change in diff(silent, asked)} == {"security.described"}


def test_a_path_item_inlined_or_referred_to_is_the_same() -> None:
    inlined = changed(("paths", "/search2"), TREE["components"]["pathItems"]["Search"])
    pointed = changed(("paths", "/search2"), {"$ref": "#/paths/~1search3"})
    pointed["paths"]["/search3"] = TREE["components"]["pathItems"]["Search"]
    assert diff(TREE, inlined) == []
    assert {change.rule for change in diff(TREE, pointed)} == {"operation.added"}


def test_an_operation_beside_the_reference_of_its_path_is_compared() -> None:
    beside = changed(("paths", "/search2", "post"), {"responses": {}})
    assert [change.rule for change in diff(beside, TREE)] == ["operation.removed"]
    assert [change.rule for change in diff(TREE, beside)] == ["operation.added"]


SUBTYPES: dict[str, Any] = {
    "Base": {"type": "object", "properties": {"kind": {"type": "string"}}, "discriminator": {"propertyName": "kind"}},
    "Cat": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"lives": {"type": "integer"}}}]},
}


@pytest.mark.parametrize("place", ["request", "response"])
def test_subtypes_that_extend_a_base_with_a_discriminator_are_compared(place: str) -> None:
    def tree(schemas: dict[str, Any]) -> dict[str, Any]:
        content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Base"}}}}
        operation = {"requestBody": content} if place == "request" else {"responses": {"200": content}}
        return {"openapi": "3.1.0", "paths": {"/a": {"post": operation}}, "components": {"schemas": schemas}}

    changed_subtype = deepcopy(SUBTYPES)
    changed_subtype["Cat"]["allOf"][1]["properties"]["lives"]["type"] = "string"
    assert f"{place}.type" in {change.rule for change in diff(tree(SUBTYPES), tree(changed_subtype))}
    alone = {"Base": SUBTYPES["Base"]}
    old, new = (SUBTYPES, alone) if place == "request" else (alone, SUBTYPES)
    assert [change.weight for change in diff(tree(old), tree(new))] == ["breaking"]
