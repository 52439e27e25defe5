"""The comparison fails closed: every difference is judged or reported as not understood, and nothing breaks unseen."""

import json
from copy import deepcopy
from typing import Any

import pytest
import yaml

from mercato_checks.diff import Change, check_version, diff_documents
from mercato_checks.diff.values import freeze
from mercato_checks.openapi import Document, read_document
from mercato_checks.semver import Version

Schema = Any


def document(
    request: Schema = None,
    response: Schema = None,
    edition: str = "3.1.0",
    components: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A document whose only operation takes and gives these schemas."""
    operation: dict[str, Any] = {"responses": {"200": {"description": "ok"}}}
    if request is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": request}}}
    if response is not None:
        operation["responses"]["200"]["content"] = {"application/json": {"schema": response}}
    return {
        "openapi": edition,
        "info": {"title": "Things", "version": "1.0.0"},
        "paths": {"/rank": {"post": operation}},
        "components": {"schemas": components or {}},
    } | fields


def read(tree: dict[str, Any]) -> Document:
    found, findings = read_document(json.dumps(tree))
    assert found is not None, findings
    return found


def diff(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    changes, complete = diff_documents(read(old), read(new))
    assert complete
    return changes


def weights(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    return {change.weight for change in diff(old, new)}


def bump(old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[str | None, bool]:
    """The least step after 1.0.0, and whether a person must look."""
    sides = (None if tree is None else read(tree) for tree in (old, new))
    check = check_version("3.0.0", [Version.parse("1.0.0")], *sides)
    return check.bump, check.breaking


# Each schema accepts more than the one beside it: from left to right requests break, from right to left responses.
NARROWER: list[tuple[str, Schema, Schema]] = [
    ("a sibling of $ref", {"$ref": "#/components/schemas/S"}, {"$ref": "#/components/schemas/S", "maxLength": 5}),
    ("const", {"enum": ["a", "b"]}, {"const": "a"}),
    ("const of another type", {"enum": [True, 1]}, {"enum": [1]}),
    ("multipleOf", {"type": "integer"}, {"type": "integer", "multipleOf": 5}),
    ("multipleOf of multipleOf", {"type": "integer", "multipleOf": 5}, {"type": "integer", "multipleOf": 10}),
    ("exclusiveMinimum", {"type": "number", "minimum": 0}, {"type": "number", "exclusiveMinimum": 0}),
    ("exclusiveMaximum", {"type": "number", "maximum": 9}, {"type": "number", "maximum": 9, "exclusiveMaximum": 9}),
    ("a bound beside a bound", {"minimum": 1}, {"minimum": 1, "exclusiveMinimum": 3}),
    ("allOf", {"allOf": [{"maximum": 10}], "maximum": 10}, {"allOf": [{"maximum": 5}], "maximum": 10}),
    ("allOf, two of them", {"allOf": [{"maximum": 5}, {"minimum": 0}]}, {"allOf": [{"maximum": 5}, {"minimum": 3}]}),
    ("a later allOf that is wider", {"maximum": 9}, {"allOf": [{"maximum": 4}, {"maximum": 9}]}),
    ("an enum in allOf", {"enum": [1, 2, 3]}, {"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}),
    ("prefixItems", {"prefixItems": [{"type": "number"}]}, {"prefixItems": [{"type": "integer"}]}),
    ("items after prefixItems", {"prefixItems": [{}]}, {"prefixItems": [{}], "items": False}),
    ("a place of items", {"items": {"type": "string"}}, {"prefixItems": [{"const": "x"}], "items": {"type": "string"}}),
    ("contains", {"type": "array"}, {"type": "array", "contains": {"type": "integer"}}),
    ("uniqueItems", {"type": "array"}, {"type": "array", "uniqueItems": True}),
    ("unevaluatedItems", {"prefixItems": [{}]}, {"prefixItems": [{}], "unevaluatedItems": False}),
    ("not", {"type": "string"}, {"type": "string", "not": {"const": "x"}}),
    ("not anything", {"type": "string"}, {"not": {}}),
    ("false", {"type": "string"}, False),
    ("if and then", {"type": "string"}, {"type": "string", "if": {"minLength": 1}, "then": {"pattern": "^a"}}),
    ("dependentRequired", {"type": "object"}, {"type": "object", "dependentRequired": {"a": ["b"]}}),
    ("dependentSchemas", {"type": "object"}, {"type": "object", "dependentSchemas": {"a": {"minProperties": 2}}}),
    ("propertyNames", {"type": "object"}, {"type": "object", "propertyNames": {"maxLength": 3}}),
    ("minProperties", {"type": "object"}, {"type": "object", "minProperties": 1}),
    ("maxProperties", {"type": "object", "maxProperties": 3}, {"type": "object", "maxProperties": 2}),
    ("a map's values", {"additionalProperties": {"type": "number"}}, {"additionalProperties": {"type": "integer"}}),
    (
        "pattern",
        {"type": "string", "pattern": "^a"},
        {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}]},
    ),
    ("an enum", {"type": "string"}, {"type": "string", "enum": ["a"]}),
    ("a type", {}, {"type": "string"}),
    ("an integer", {"type": "number"}, {"type": "integer"}),
    ("null", {"type": ["string", "null"]}, {"type": "string"}),
    ("null in anyOf", {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}),
    ("a form of anyOf", {"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "string"}]}),
    ("forms from none", {"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"const": 1}]}),
    ("a required name without a property", {"type": "object"}, {"type": "object", "required": ["x"]}),
    ("a format", {"type": "string"}, {"type": "string", "format": "uuid"}),
    ("minContains", {"contains": {}, "minContains": 1}, {"contains": {}, "minContains": 2}),
]
S = {"S": {"type": "string"}}


@pytest.mark.parametrize(("wide", "narrow"), [case[1:] for case in NARROWER], ids=[case[0] for case in NARROWER])
def test_a_request_may_not_become_narrower(wide: Schema, narrow: Schema) -> None:
    old, new = document(request=wide, components=S), document(request=narrow, components=S)
    assert weights(old, new) & {"breaking", "unclear"}
    assert bump(old, new) == ("major", True)


@pytest.mark.parametrize(("wide", "narrow"), [case[1:] for case in NARROWER], ids=[case[0] for case in NARROWER])
def test_a_response_may_not_become_wider(wide: Schema, narrow: Schema) -> None:
    old, new = document(response=narrow, components=S), document(response=wide, components=S)
    assert weights(old, new) & {"breaking", "unclear"}
    assert bump(old, new) == ("major", True)


# What these count depends on what stands beside them, so a person looks at any change.
UNDECIDED = {"minContains", "unevaluatedItems"}


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [case[1:] for case in NARROWER if case[0] not in UNDECIDED],
    ids=[case[0] for case in NARROWER if case[0] not in UNDECIDED],
)
def test_the_other_way_round_nothing_breaks_and_something_is_reported(wide: Schema, narrow: Schema) -> None:
    widened = weights(document(request=narrow, components=S), document(request=wide, components=S))
    narrowed = weights(document(response=wide, components=S), document(response=narrow, components=S))
    assert widened
    assert narrowed
    assert not (widened | narrowed) & {"breaking", "unclear"}


NOT_UNDERSTOOD: list[tuple[str, Schema, Schema]] = [
    ("an unknown keyword", {"type": "string"}, {"type": "string", "frequency": "daily"}),
    ("an unknown keyword's value", {"frequency": "daily"}, {"frequency": "weekly"}),
    ("nullable in 3.1", {"type": "string"}, {"type": "string", "nullable": True}),
    ("a Boolean bound in 3.1", {"minimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
    ("a value that the keyword cannot have", {"type": "string"}, {"type": "string", "maxLength": "5"}),
    ("an unknown type", {"type": "string"}, {"type": "file"}),
    ("another pattern", {"pattern": "^a"}, {"pattern": "^b"}),
    ("another not", {"not": {"const": 1}}, {"not": {"const": 2}}),
    ("what not refers to", {"not": {"$ref": "#/components/schemas/N"}}, {"not": {"$ref": "#/components/schemas/M"}}),
    ("another if", {"if": {"const": 1}, "then": {}, "else": False}, {"if": {"const": 2}, "then": {}, "else": False}),
    ("another then", {"if": {}, "then": {"const": 1}}, {"if": {}, "then": {"const": 2}}),
    ("another contains", {"contains": {"const": 1}}, {"contains": {"const": 2}}),
    ("patterns for names", {"patternProperties": {"^a": {}}}, {"patternProperties": {"^b": {}}}),
    ("contentSchema", {"contentSchema": {"type": "string"}}, {"contentSchema": {"type": "integer"}}),
    ("another dead reference", {"$ref": "#/components/schemas/Gone"}, {"$ref": "#/components/schemas/Lost"}),
    ("another dialect of the schema", {"$schema": "https://a.example"}, {"$schema": "https://b.example"}),
    ("anyOf becomes oneOf", {"anyOf": [{"minimum": 1}, {"maximum": 9}]}, {"oneOf": [{"minimum": 1}, {"maximum": 9}]}),
    ("xml", {"type": "string", "xml": {"name": "a"}}, {"type": "string", "xml": {"name": "b"}}),
    ("contentEncoding", {"type": "string"}, {"type": "string", "contentEncoding": "base64"}),
]
NAMED = {"N": {"const": 1}, "M": {"const": 2}}


@pytest.mark.parametrize(
    ("old", "new"), [case[1:] for case in NOT_UNDERSTOOD], ids=[case[0] for case in NOT_UNDERSTOOD]
)
def test_what_cannot_be_judged_never_passes_as_a_patch(old: Schema, new: Schema) -> None:
    before, after = (document(request=each, response=each, components=NAMED) for each in (old, new))
    assert bump(before, after) == ("major", True)
    assert diff(before, deepcopy(before)) == []


def test_a_change_behind_a_reference_that_is_compared_for_equality_is_seen() -> None:
    schema = {"not": {"$ref": "#/components/schemas/N"}}
    old = document(request=schema, components={"N": {"const": 1}})
    new = document(request=schema, components={"N": {"enum": [1, 2]}})
    assert bump(old, new) == ("major", True)


def test_a_change_behind_an_anchor_is_seen() -> None:
    for keyword in ("$ref", "$dynamicRef"):
        anchor = "$anchor" if keyword == "$ref" else "$dynamicAnchor"
        old = document(request={keyword: "#here"}, components={"A": {anchor: "here", "type": "string"}})
        new = document(request={keyword: "#here"}, components={"A": {anchor: "here", "type": "integer"}})
        assert bump(old, new) == ("major", True)


def test_what_a_reference_by_identifier_names_may_have_changed() -> None:
    schema = {"$ref": "https://schemas.example/thing.json"}
    old, new = (
        document(request=schema, components={"T": {"$id": "https://schemas.example/thing.json", "maximum": maximum}})
        for maximum in (10, 5)
    )
    assert bump(old, new) == ("major", True)
    assert diff(old, deepcopy(old)) == []


def test_a_form_that_takes_what_an_older_one_took_breaks_one_of() -> None:
    old = {"oneOf": [{"type": "integer"}, {"type": "string"}]}
    new = {"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "number"}]}
    assert bump(document(request=old), document(request=new)) == ("major", True)


EQUAL: list[tuple[str, Schema, Schema]] = [
    ("nullable", {"type": "string", "nullable": True}, {"type": ["null", "string"]}),
    ("nullable enum", {"type": "string", "nullable": True, "enum": ["a"]}, {"enum": ["a", None]}),
    ("an exclusive bound", {"minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
    ("an exclusive bound that is off", {"maximum": 1, "exclusiveMaximum": False}, {"maximum": 1}),
    ("what stands beside $ref", {"$ref": "#/components/schemas/S", "maxLength": 5}, {"$ref": "#/components/schemas/S"}),
    (
        "a nullable reference",
        {"nullable": True, "allOf": [{"$ref": "#/components/schemas/S"}]},
        {"type": ["string", "null"]},
    ),
    ("base64", {"type": "string", "format": "byte"}, {"type": "string", "contentEncoding": "base64"}),
    ("example", {"type": "string", "example": "a"}, {"type": "string", "examples": ["a"]}),
]


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in EQUAL], ids=[case[0] for case in EQUAL])
def test_what_3_0_and_3_1_write_differently_is_the_same(old: Schema, new: Schema) -> None:
    before = document(request=old, response=old, edition="3.0.3", components=S)
    after = document(request=new, response=new, components=S)
    assert diff(before, after) == []
    assert diff(after, before) == []


SAME: list[tuple[str, Schema, Schema]] = [
    ("an inlined reference", {"properties": {"a": {"$ref": "#/components/schemas/S"}}}, {"properties": {"a": S["S"]}}),
    (
        "an inlined form",
        {"anyOf": [{"$ref": "#/components/schemas/S"}, {"type": "integer"}]},
        {"anyOf": [{"type": "integer"}, S["S"]]},
    ),
    ("const and enum", {"const": "a"}, {"enum": ["a"]}),
    ("true and {}", {"items": True}, {"items": {}}),
    ("an integral float", {"minimum": 1, "enum": [2]}, {"minimum": 1.0, "enum": [2.0]}),
    ("types in another order", {"type": ["string", "null"]}, {"type": ["null", "string"]}),
    (
        "required and enum in another order",
        {"required": ["a", "b"], "enum": [1, 2]},
        {"enum": [2, 1], "required": ["b", "a"]},
    ),
    (
        "allOf in another order",
        {"allOf": [{"minimum": 1}, {"maximum": 2}]},
        {"allOf": [{"maximum": 2}, {"minimum": 1}]},
    ),
    ("allOf written out", {"allOf": [{"minimum": 1}, {"maximum": 2}]}, {"minimum": 1, "maximum": 2}),
    ("values as forms", {"enum": ["a", "b"]}, {"oneOf": [{"const": "a"}, {"const": "b", "description": "B"}]}),
    (
        "forms in another order",
        {"oneOf": [{"const": 1}, {"type": "string"}]},
        {"oneOf": [{"type": "string"}, {"const": 1}]},
    ),
    ("a lone form", {"oneOf": [{"$ref": "#/components/schemas/S"}]}, {"$ref": "#/components/schemas/S"}),
    ("both Booleans", {"type": "boolean"}, {"enum": [False, True]}),
    ("nothing that is multiplied", {"type": "integer", "multipleOf": 0.5}, {"type": "integer"}),
    ("whole numbers above 0", {"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
    ("at least nothing", {"type": "string", "minLength": 0}, {"type": "string"}),
    ("words for people", {"title": "A", "description": "a", "x-note": 1}, {"title": "B", "$comment": "b"}),
]


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_the_same_meaning_written_differently_is_no_change(old: Schema, new: Schema) -> None:
    before, after = (document(request=each, response=each, components=S) for each in (old, new))
    assert diff(before, after) == []
    assert diff(after, before) == []


def test_unnamed_forms_with_references_are_equal_to_themselves() -> None:
    forms = [
        {"type": "array", "items": {"$ref": "#/components/schemas/S"}},
        {"properties": {"s": {"$ref": "#/components/schemas/S"}}},
    ]
    tree = document(request={"anyOf": forms}, response={"oneOf": forms[::-1]}, components=S)
    other = document(request={"anyOf": forms[::-1]}, response={"oneOf": forms}, components=S, tags=[{"name": "new"}])
    assert diff(tree, other) == []


def test_json_and_yaml_of_one_document_are_equal() -> None:
    tree = document(request={"minimum": 1e3, "enum": ["no", "2024-01-01", None, 1.0]}, components=S)
    as_yaml, _ = read_document(yaml.safe_dump(tree, sort_keys=True), "openapi.yaml")
    assert as_yaml is not None
    assert diff_documents(read(tree), as_yaml) == ([], True)


CHILD = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "properties": {"x": {"type": "string"}}}]}
BASE: dict[str, Any] = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
FORMS = [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
@pytest.mark.parametrize("gains", [True, False])
def test_a_base_that_gains_or_loses_its_own_children_as_forms_is_compared(keyword: str, gains: bool) -> None:
    plain = {"Base": BASE, "A": CHILD, "B": CHILD}
    cyclic = plain | {"Base": BASE | {keyword: FORMS}}
    schema = {"$ref": "#/components/schemas/Base"}
    old, new = (
        document(request=schema, response=schema, components=each)
        for each in ((plain, cyclic) if gains else (cyclic, plain))
    )
    del new["paths"]["/rank"]
    new["paths"]["/other"] = {"get": {"responses": {}}}
    assert "operation.removed" in {change.rule for change in diff(old, new)}
    new["paths"]["/rank"] = old["paths"]["/rank"]
    diff(old, new)


@pytest.mark.timeout(60)
def test_deep_and_circular_schemas_are_compared_without_recursion() -> None:
    def chain(last: dict[str, Any]) -> dict[str, Any]:
        links = {
            f"A{n}": {"type": "object", "properties": {"next": {"$ref": f"#/components/schemas/A{n + 1}"}}}
            for n in range(3000)
        }
        return links | {"A3000": last, "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]}}

    schema = {"$ref": "#/components/schemas/A0"}
    old = document(request=schema, components=chain({"type": "number"}))
    new = document(request=schema, components=chain({"type": "integer"}))
    assert [change.rule for change in diff(old, new)] == ["request.type"]


def test_a_comparison_that_ends_early_needs_a_major_and_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mercato_checks.diff.change.MOST_STEPS", 3)
    check = check_version("1.0.1", [Version.parse("1.0.0")], read(document(S)), read(document({"type": "string"})))
    assert not check.complete
    assert check.breaking
    assert check.bump == "major"
    assert [finding.code for finding in check.findings if finding.level == "error"] == ["version_bump_too_small"]
    assert "diff_incomplete" in {finding.code for finding in check.findings}


@pytest.mark.parametrize(("old", "new"), [(document(), None), (None, document())])
def test_a_document_that_comes_or_goes_needs_a_major_and_a_person(old: Any, new: Any) -> None:
    assert bump(old, new) == ("major", True)


def test_a_document_that_cannot_be_read_counts_as_breaking() -> None:
    check = check_version("1.0.1", [Version.parse("1.0.0")], None, None, readable=False)
    assert (check.bump, check.breaking, check.complete) == ("major", True, False)


def test_drafts_do_not_carry_a_break_from_one_final_release_to_the_next() -> None:
    first, broken = document({"type": "string"}), document({"type": "integer"})
    known = [Version.parse(text) for text in ("1.0.0", "1.1.0-rc.1", "1.1.0-rc.2")]
    for declared in ("1.1.0", "1.1.0-rc.3"):
        check = check_version(declared, known, read(broken), read(broken), stable=read(first))
        assert check.breaking
        assert "version_bump_too_small" in {finding.code for finding in check.findings}
    assert not check_version("1.1.0", known, read(broken), read(broken), stable=read(broken)).breaking


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"items": {}, "unevaluatedItems": {"type": "string"}}, {"unevaluatedItems": {"type": "string"}}),
        ({"prefixItems": [{}], "unevaluatedItems": {"type": "string"}}, {"unevaluatedItems": {"type": "string"}}),
        ({"additionalProperties": True, "unevaluatedProperties": False}, {"unevaluatedProperties": False}),
        ({"contains": {}, "unevaluatedItems": False}, {"contains": {"const": 1}, "unevaluatedItems": False}),
    ],
)
def test_what_is_unevaluated_depends_on_what_stands_beside_it(old: Schema, new: Schema) -> None:
    before, after = ({"type": ["array", "object"]} | each for each in (old, new))
    assert bump(document(request=before), document(request=after)) == ("major", True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("count", [40_000])
def test_long_lists_are_compared_in_linear_time(count: int) -> None:
    """Compared each with each, these would take hours."""
    old, new = ({"enum": [f"{side}{number}" for number in range(count)]} for side in "ab")
    assert bump(document(request=old), document(request=new)) == ("major", True)
    forms = [
        [{"type": "array", "maxItems": number, "title": f"{side}{number}"} for number in range(1000)] for side in "ab"
    ]
    forms[1] = [form | {"minItems": 1} for form in forms[1]]
    sides = (document(request={"anyOf": listed}) for listed in forms)
    assert bump(*sides) == ("major", True)


def test_large_integers_are_equal_however_they_are_written() -> None:
    assert freeze(2**61) == freeze(float(2**61)) != freeze(2**61 + 2)
    assert freeze(-(2**70)) == freeze(-float(2**70)) != freeze(2**70)
