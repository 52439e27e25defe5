"""A schema with a discriminator stands for all that extends it, and for what its mapping names; names are unique."""

from copy import deepcopy
from typing import Any

import pytest

from mercato_checks.diff import Change, diff_documents
from mercato_checks.openapi import Document

Schemas = dict[str, Any]


def ref(name: str) -> Schemas:
    return {"$ref": f"#/components/schemas/{name}"}


def with_number(kind: str) -> Schemas:
    return {"type": "object", "properties": {"n": {"type": kind}}}


def diff(schema: Any, old: Schemas, new: Schemas, place: str, edition: str = "3.1") -> list[Change]:
    def document(schemas: Schemas) -> Document:
        content = {"content": {"application/json": {"schema": schema}}}
        operation = {"requestBody": content} if place == "request" else {"responses": {"200": content}}
        tree = {"openapi": edition, "paths": {"/a": {"post": operation}}, "components": {"schemas": schemas}}
        return Document(tree, "3.0" if edition == "3.0" else "3.1", "json", 0)

    changes, complete = diff_documents(document(old), document(new))
    assert complete
    return changes


BASE: Schemas = {
    "type": "object",
    "properties": {"kind": {"type": "string"}},
    "discriminator": {"propertyName": "kind"},
}
FAMILIES: dict[str, Any] = {
    "a grandchild": lambda kind: {
        "Base": BASE, "Cat": {"allOf": [ref("Base")]}, "Kitten": {"allOf": [ref("Cat"), with_number(kind)]},
    },
    "within allOf of allOf": lambda kind: {
        "Base": BASE, "Cat": {"allOf": [{"allOf": [ref("Base")]}, with_number(kind)]},
    },
    "beside the reference": lambda kind: {"Base": BASE, "Cat": ref("Base") | with_number(kind)},
    "named by the mapping": lambda kind: {
        "Base": BASE | {"discriminator": {"propertyName": "kind", "mapping": {"c": "#/components/schemas/Cat"}}},
        "Cat": with_number(kind),
    },
    "named by the mapping, shortly": lambda kind: {
        "Base": BASE | {"discriminator": {"propertyName": "kind", "mapping": {"c": "Cat"}}}, "Cat": with_number(kind),
    },
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("place", ["request", "response"])
@pytest.mark.parametrize("schema", [ref("Base"), {"allOf": [ref("Base")], "description": "One of them"}])
def test_all_that_stands_for_a_base_is_compared(family: str, place: str, schema: Schemas) -> None:
    old, new = FAMILIES[family]("string"), FAMILIES[family]("integer")
    assert f"{place}.type" in {change.rule for change in diff(schema, old, new, place)}
    assert diff(schema, old, deepcopy(old) | {"Other": {}}, place) == []


def test_what_extends_the_base_of_a_type_does_not_stand_for_that_type() -> None:
    old, new = ({"Base": BASE, "Cat": {"allOf": [ref("Base")]}, "Dog": {"allOf": [ref("Base"), with_number(kind)]}}
                for kind in ("string", "integer"))  # fmt: skip
    assert diff(ref("Cat"), old, new, "request") == []


def test_a_mapping_of_the_forms_that_are_listed_adds_none() -> None:
    forms = {"oneOf": [ref("Cat"), ref("Dog")]}
    schemas = {"Cat": with_number("string"), "Dog": with_number("integer")}
    old, new = (
        {**schemas, "Pet": forms | {"discriminator": {"propertyName": "n"} | more}}
        for more in ({}, {"mapping": {"Cat": "#/components/schemas/Cat", "Dog": "Dog"}})
    )
    assert not {change.weight for change in diff(ref("Pet"), old, new, "response")} & {"breaking", "unclear"}


def test_a_field_of_a_discriminator_that_is_not_understood_is_reported() -> None:
    old, new = (
        {"Base": BASE | {"discriminator": BASE["discriminator"] | {"defaultMapping": name}}} for name in ("A", "B")
    )
    assert {change.weight for change in diff(ref("Base"), old, new, "request")} == {"unclear"}


@pytest.mark.parametrize(("reference", "anchor"), [("$ref", "$anchor"), ("$dynamicRef", "$dynamicAnchor")])
def test_a_change_behind_an_anchor_that_is_there_twice_is_seen(reference: str, anchor: str) -> None:
    old, new = ({name: {anchor: "here", "type": kind} for name in ("A", "B")} for kind in ("string", "integer"))
    assert {change.weight for change in diff({reference: "#here"}, old, new, "request")} == {"unclear"}
    assert diff({reference: "#here"}, old, deepcopy(old), "request") == []


@pytest.mark.parametrize(
    ("later", "other"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"contentEncoding": "base64"}, {"format": "byte"}),
        ({"patternProperties": {"^a": {}}}, {}),
    ],
)
def test_a_keyword_that_3_0_does_not_know_is_not_taken_for_one_that_it_does(later: Schemas, other: Schemas) -> None:
    for old, new in ((later, other), (other, later)):
        changes = diff(ref("A"), {"A": {"type": "string"} | old}, {"A": {"type": "string"} | new}, "request", "3.0")
        assert "unclear" in {change.weight for change in changes}
