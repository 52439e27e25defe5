"""What a general entry covered goes on to be compared where a more specific one takes its place, and the other way
round; and no entry hides another one.
"""

from copy import deepcopy
from typing import Any

import pytest

from mercato_checks.diff import diff_documents
from mercato_checks.openapi import Document

TEXT: dict[str, Any] = {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}
NUMBER: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}
Tree = dict[str, Any]


def operation(**fields: Any) -> Tree:
    return {"openapi": "3.1.0", "paths": {"/a": {"post": {"responses": {"200": {"description": "ok"}}} | fields}}}


def responses(**codes: Any) -> Tree:
    """By code; without a schema it has no content."""
    listed = {code.strip("_"): {"content": {"application/json": {"schema": each}}} for code, each in codes.items()}
    return operation(responses=listed)


def body(**schemas: Any) -> Tree:
    return operation(requestBody={"content": {name: {"schema": each} for name, each in schemas.items()}})


def parameters(*listed: Tree) -> Tree:
    return operation(parameters=list(listed))


def headers(**schemas: Any) -> Tree:
    listed = {name: {"schema": each} for name, each in schemas.items()}
    return operation(responses={"200": {"description": "ok", "headers": listed}})


def scheme(**fields: Any) -> Tree:
    schemes = {"key": {"type": "apiKey", "name": "key"} | fields}
    return operation() | {"security": [{"key": []}], "components": {"securitySchemes": schemes}}


def weights(old: Tree, new: Tree) -> set[str]:
    changes, complete = diff_documents(Document(old, "3.1", "json", 0), Document(new, "3.1", "json", 0))
    assert complete
    return {change.weight for change in changes}


def query(**fields: Any) -> Tree:
    return {"name": "q", "in": "query"} | fields


TWO = {"application/json": {"schema": TEXT}, "text/plain": {"schema": TEXT}}
BREAKING: list[tuple[str, Tree, Tree]] = [
    ("default was the success", responses(default=TEXT), responses(default=TEXT, _200=NUMBER)),
    ("default was the success and goes", responses(default=TEXT), responses(_200=NUMBER)),
    ("nothing is left of default", responses(default=TEXT), operation(responses={})),
    ("a code within a range", responses(_2XX=TEXT), responses(_2XX=TEXT, _200=NUMBER)),
    ("an error within a range", responses(_200=TEXT, _4XX=TEXT), responses(_200=TEXT, _4XX=TEXT, _404=NUMBER)),
    ("a range within default", responses(_200=TEXT, default=TEXT), responses(_200=TEXT, default=TEXT, _4XX=NUMBER)),
    ("an error now by default", responses(_200=TEXT, _404=TEXT), responses(_200=TEXT, default=NUMBER)),
    ("a range now by default", responses(_200=TEXT, _4XX=TEXT), responses(_200=TEXT, default=NUMBER)),
    ("a part of a range", responses(_200=TEXT, _4XX=TEXT), responses(_200=TEXT, _404=TEXT, default=NUMBER)),
    ("a type within a range", body(**{"text/*": TEXT}), body(**{"text/*": TEXT, "text/csv": NUMBER})),
    ("a range within all", body(**{"*/*": TEXT}), body(**{"*/*": TEXT, "text/*": NUMBER})),
    ("a charset within a type", body(**{"a/b": TEXT}), body(**{"a/b": TEXT, "a/b; charset=utf-8": NUMBER})),
    ("without the charset", body(**{"a/b; charset=utf-8": TEXT}), body(**{"a/b": NUMBER})),
    ("another version", body(**{"a/b; v=1": TEXT}), body(**{"a/b; v=2": TEXT})),
    ("two spellings", body(**{"A/B": TEXT, "a/b": TEXT}), body(**{"A/B": TEXT, "a/b": NUMBER})),
    ("two spellings the other way", body(**{"a/b": TEXT, "A/B": TEXT}), body(**{"a/b": TEXT, "A/B": NUMBER})),
    ("a header spelled twice", headers(**{"X-A": TEXT, "x-a": TEXT}), headers(**{"X-A": TEXT, "x-a": NUMBER})),
    (
        "a header parameter spelled twice",
        parameters(query(name="X-A", **{"in": "header"}), query(name="x-a", schema=TEXT, **{"in": "header"})),
        parameters(query(name="X-A", **{"in": "header"}), query(name="x-a", schema=NUMBER, **{"in": "header"})),
    ),
    ("content beside a schema", parameters(query(schema=TEXT)), parameters(query(schema=TEXT, content=TWO))),
    (
        "one of two contents",
        parameters(query(content=TWO)),
        parameters(query(content=TWO | {"text/plain": {"schema": NUMBER}})),
    ),
    ("a key in the query", scheme(**{"in": "query"}), scheme(name="Key", **{"in": "query"})),
    ("a key in a cookie", scheme(**{"in": "cookie"}), scheme(name="KEY", **{"in": "cookie"})),
    (
        "an address",
        scheme(type="openIdConnect", openIdConnectUrl="https://a.example/X"),
        scheme(type="openIdConnect", openIdConnectUrl="https://a.example/x"),
    ),
]


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in BREAKING], ids=[case[0] for case in BREAKING])
def test_what_covered_it_before_is_what_it_must_agree_with(old: Tree, new: Tree) -> None:
    assert weights(old, new) & {"breaking", "unclear"}
    assert weights(old, deepcopy(old) | {"info": {"title": "Other words"}}) == set()


COMPATIBLE: list[tuple[str, Tree, Tree]] = [
    ("default was the success", responses(default=TEXT), responses(default=TEXT, _200=TEXT)),
    ("default becomes the success", responses(default=TEXT), responses(_200=TEXT)),
    ("default was for errors", responses(_200=TEXT, default=NUMBER), responses(_200=TEXT, default=NUMBER, _201=TEXT)),
    ("a code within a range", responses(_2XX=TEXT), responses(_2XX=TEXT, _200=TEXT)),
    ("an error now by default", responses(_200=TEXT, _404=TEXT), responses(_200=TEXT, default=TEXT)),
    ("a type within a range", body(**{"text/*": TEXT}), body(**{"text/*": TEXT, "text/csv": TEXT})),
    ("without the charset", body(**{"a/b; charset=utf-8": TEXT}), body(**{"a/b": TEXT})),
    ("another spelling", body(**{"A/B": TEXT}), body(**{"a/b": TEXT})),
    ("a key in a header", scheme(**{"in": "header"}), scheme(name="KEY", **{"in": "header"})),
    ("a scheme of HTTP", scheme(type="http", scheme="Bearer"), scheme(type="http", scheme="bearer")),
]


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in COMPATIBLE], ids=[case[0] for case in COMPATIBLE])
def test_what_agrees_with_it_breaks_nobody(old: Tree, new: Tree) -> None:
    assert not weights(old, new) & {"breaking", "unclear"}
