"""The comparison against a validator: a value that one schema takes and the other refuses must not go unreported.

What the comparison leaves to convention is left out here: a new property of an open object, further fields of a closed
one, and objects or arrays that fit two forms of `oneOf`.
"""

import json
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mercato_checks.diff import Change, diff_documents
from mercato_checks.openapi import Document

VALUES: list[Any] = [
    *(0, 1, 2, 3, 5, -1, 1.5, "", "a", "ab", "abc", "b", True, False, None),
    *([], [0], [1, 2], [1.5], ["a"], ["a", "a"], [True, "b"], [[1]], [{}], [None, 1, "ab"]),
    *({}, {"a": 1}, {"a": "x"}, {"b": 2}, {"c": [1]}, {"a": 1, "b": "x"}, {"b": None, "c": True}, {"a": {}, "c": 1.5}),
]
CONVENTIONS = {
    "request": {"request.property.added", "request.variant.changed"},
    "response": {"response.property.added", "response.additional.opened", "response.variant.changed"},
}
numbers = st.sampled_from([0, 1, 2, 3, 1.5])
sizes = st.sampled_from([0, 1, 2, 3])
names = st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True)
TYPES = ["string", "integer", "number", "boolean", "array", "object", "null"]


def schemas(depth: int) -> st.SearchStrategy[Any]:
    """Schemas over few names and numbers. With properties or items they also have a type, as it is implied there."""
    flat: dict[str, st.SearchStrategy[Any]] = {
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True)
        ),
        "enum": st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
        "const": st.sampled_from(VALUES),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), numbers),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), sizes),
        "multipleOf": st.sampled_from([1, 2, 0.5, 3]),
        "pattern": st.sampled_from(["^a", "b$", ""]),
        "uniqueItems": st.booleans(),
        "required": names,
        "dependentRequired": st.just({"a": ["b"]}),
        "$ref": st.sampled_from(["#/components/schemas/P", "#/components/schemas/Q"]),
    }
    if depth == 0:
        return st.one_of(st.booleans(), _some_of(flat))
    inner = st.deferred(lambda: schemas(depth - 1))
    forms = st.lists(inner, min_size=1, max_size=3)
    nested: dict[str, st.SearchStrategy[Any]] = {
        "properties": st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, min_size=1, max_size=1),
        "dependentSchemas": st.dictionaries(st.sampled_from("ab"), inner, min_size=1, max_size=1),
        **dict.fromkeys(("additionalProperties", "propertyNames", "items", "contains", "not", "if", "then"), inner),
        **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems", "else"), inner),
        **dict.fromkeys(("prefixItems", "allOf", "anyOf", "oneOf"), forms),
    }
    return _some_of(flat | nested)


def _some_of(keywords: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    chosen = st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True)
    return chosen.flatmap(lambda listed: st.fixed_dictionaries({name: keywords[name] for name in listed})).map(_typed)


def _typed(schema: dict[str, Any]) -> dict[str, Any]:
    if {"properties", "items", "prefixItems"} & schema.keys() and "type" not in schema:
        return schema | {"type": ["object", "array", "string"]}
    return schema


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two sets of components, the second one made of the first by a change or two."""
    old = {"P": draw(schemas(1)), "Q": draw(schemas(1)), "S": draw(schemas(2))}
    new = deepcopy(old)
    name = draw(st.sampled_from("SSPQ"))
    other = draw(schemas(2))
    if isinstance(new[name], dict) and isinstance(other, dict):
        for keyword in draw(
            st.lists(st.sampled_from(sorted({*new[name], *other}) or ["type"]), min_size=1, max_size=2)
        ):
            new[name].pop(keyword, None)
            if keyword in other:
                new[name][keyword] = other[keyword]
        new[name] = _typed(new[name])
    else:
        new[name] = other
    return old, new


def compared(old: dict[str, Any], new: dict[str, Any], place: str) -> list[Change]:
    changes, complete = diff_documents(_document(old, place), _document(new, place))
    assume(complete)
    return changes


def _document(components: dict[str, Any], place: str) -> Document:
    content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}}
    operation = {"requestBody": content, "responses": {}} if place == "request" else {"responses": {"200": content}}
    tree = {"openapi": "3.1.0", "paths": {"/a": {"post": operation}}, "components": {"schemas": components}}
    return Document(tree, "3.1", "json", 0)


def validator(components: dict[str, Any]) -> Any:
    try:
        return jsonschema_rs.Draft202012Validator(
            {"$ref": "#/components/schemas/S", "components": {"schemas": components}}
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        return None


def check(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = validator(old), validator(new)
    assume(before is not None and after is not None)
    for place in ("request", "response"):
        wide, narrow = (before, after) if place == "request" else (after, before)
        lost = [value for value in VALUES if wide.is_valid(value) and not narrow.is_valid(value)]
        changes = compared(old, new, place)
        if any(change.weight in ("breaking", "unclear") for change in changes):
            continue
        if any(change.rule in CONVENTIONS[place] for change in changes):
            continue
        if any(change.rule.endswith("variant.rewritten") for change in changes) or "oneOf" in json.dumps([old, new]):
            lost = [value for value in lost if not isinstance(value, dict | list)]
        assert lost == [], (place, old, new, changes)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs())
def test_no_value_is_lost_without_a_word(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    check(*pair)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs())
def test_no_value_is_lost_without_a_word_over_many_schemas(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    check(*pair)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas(2), schemas(1), schemas(1), st.randoms(use_true_random=False))
def test_a_schema_written_in_another_order_is_the_same(s: Any, p: Any, q: Any, random: Any) -> None:
    components = {"P": p, "Q": q, "S": s}
    for place in ("request", "response"):
        assert compared(components, reordered(components, random), place) == []


def reordered(node: Any, random: Any, key: str = "") -> Any:
    """The same with the keys of objects, and the lists that are sets, in another order."""
    if isinstance(node, dict):
        names = list(node)
        random.shuffle(names)
        return {name: reordered(node[name], random, name) for name in names}
    if isinstance(node, list):
        items = [reordered(item, random) for item in node]
        if key in ("allOf", "anyOf", "oneOf", "type", "required"):
            random.shuffle(items)
        return items
    return node
