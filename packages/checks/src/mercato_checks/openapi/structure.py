"""The schema layer: the document against the official JSON Schemas of OpenAPI.

Vendors publish documents every day that a strict validator refuses and tools still use. So a deviation is an error only
if a part that tools traverse (paths, operations, parameters, bodies, schemas) has a shape that they cannot traverse;
anything else is a warning.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any, get_args

import jsonschema_rs
from jsonschema_rs import ValidationError, ValidationErrorKind

from mercato_checks.codes import found
from mercato_checks.findings import Finding, pointer, shorten
from mercato_checks.openapi.document import Document, Edition

_MOST = 100
_LARGEST_PIECE = 6_000
_DIALECT = '"$ref": "https://json-schema.org/draft/2020-12/schema"'
# Keys of a Schema Object whose values tools walk into; a wrong type there breaks them, elsewhere it is one bad hint.
_SCHEMA_BRANCHES = frozenset({"properties", "patternProperties", "items", "allOf", "anyOf", "oneOf", "not", "schema"})
_SCHEMA_MAPS = frozenset({"properties", "patternProperties", "allOf", "anyOf", "oneOf"})


def check_structure(document: Document) -> list[Finding]:
    """Deviations from the official schema, about a hundred at most, each with its place."""
    validator = _validator(document.edition)
    if validator.is_valid(document.tree):
        return []
    findings: list[Finding] = []
    for piece, steps in _pieces(document.tree):
        if validator.is_valid(piece):
            continue
        if len(findings) >= _MOST:
            return [*findings, found("openapi_schema_more", "", "There are more departures than are listed.")]
        findings += _explain_piece(validator, piece, steps)
    return findings


def _pieces(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """The document without its parts, then each path and component alone, all in their places.

    The validator collects all errors before it returns the first, at some 50 KB each: part by part that stays bounded.
    """
    paths, components = tree.get("paths"), tree.get("components")
    yield tree | ({"paths": {}} if isinstance(paths, dict) else {}) | {"components": _bare(components)}, []
    empty = {"openapi": tree["openapi"], "info": {"title": "", "version": ""}, "paths": {}}
    for path, item in paths.items() if isinstance(paths, dict) else ():
        yield empty | {"paths": {path: item}}, ["paths", path]
    for section, entries in components.items() if isinstance(components, dict) else ():
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            yield empty | {"components": {section: {name: entry}}}, ["components", section, name]


def _bare(components: Any) -> Any:
    """The sections of components without their entries; what is no object stays, to be refused as it is."""
    if not isinstance(components, dict):
        return {} if components is None else components
    return {section: {} if isinstance(entries, dict) else entries for section, entries in components.items()}


def _explain_piece(validator: Any, piece: dict[str, Any], steps: list[str]) -> list[Finding]:
    if _is_larger(piece, _LARGEST_PIECE):
        message = (
            f"This part departs from the schema of OpenAPI, and with over {_LARGEST_PIECE} values none says where."
        )
        return [found("openapi_structure", pointer(*steps), message, fix="Split this part, then check again.")]
    errors = islice(validator.iter_errors(piece), _MOST)
    return [finding for error in errors for finding in _explain(error)]


def _is_larger(tree: Any, most: int) -> bool:
    stack, seen = [tree], 0
    while stack and seen <= most:
        node = stack.pop()
        seen += 1
        if isinstance(node, dict | list):
            stack.extend(node.values() if isinstance(node, dict) else node)
    return seen > most


@lru_cache(maxsize=2)
def _validator(edition: Edition) -> Any:
    text = (files(__package__) / "schemas" / f"openapi-{edition}.json").read_text()
    # 3.1 leaves the dialect of schemas open; without another it is JSON Schema 2020-12 (OAS 3.1.0, section 4.8.24).
    schema = json.loads(text.replace('"$dynamicRef": "#meta"', _DIALECT))
    kind = jsonschema_rs.Draft4Validator if edition == "3.0" else jsonschema_rs.Draft202012Validator
    return kind(schema, offline=True, mask="the value", validate_formats=False)


def compile_schemas() -> None:
    """Compile the official schemas now, which takes longer than most checks."""
    for edition in get_args(Edition):
        _validator(edition)


def _explain(error: ValidationError) -> Iterator[Finding]:
    for leaf in _leaves(error):
        path = list(leaf.instance_path)
        where = pointer(*path)
        message = f"{_sentence(leaf)}."
        if _unusable(leaf, path):
            yield found("openapi_structure", where, message)
        else:
            yield found("openapi_schema", where, message)


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The errors that a person can act on: of `either this or a reference` those of what was meant."""
    kind = error.kind
    if not isinstance(kind, ValidationErrorKind.OneOfNotValid | ValidationErrorKind.AnyOf):
        yield error
        return
    meant = [branch for branch in kind.context if not any(_lacks_ref(each) for each in branch)]
    if len(meant) == 1 or (meant and all(_is_of_wrong_type(branch, error) for branch in meant)):
        for each in meant[0]:
            yield from _leaves(each)
    else:
        yield error


def _lacks_ref(error: ValidationError) -> bool:
    return isinstance(error.kind, ValidationErrorKind.Required) and error.kind.property == "$ref"


def _is_of_wrong_type(branch: list[ValidationError], whole: ValidationError) -> bool:
    return any(
        isinstance(each.kind, ValidationErrorKind.Type) and each.instance_path == whole.instance_path for each in branch
    )


def _sentence(error: ValidationError) -> str:
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.OneOfNotValid | ValidationErrorKind.AnyOf):
        return "This has none of the forms that OpenAPI allows here"
    return shorten(error.message, 200).rstrip(".")


def _unusable(error: ValidationError, path: list[str | int]) -> bool:
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.Required):
        return kind.property in ("name", "in") and "parameters" in path[-3:] and not _in_schema(path)
    if not isinstance(kind, ValidationErrorKind.Type) or _is_extension(path):
        return False
    if not {"object", "array"} & set(kind.types):
        return False
    if not _in_schema(path):
        return path[-1:] not in (["tags"], ["servers"], ["examples"], ["externalDocs"], ["contact"], ["license"])
    return path[-1] in _SCHEMA_BRANCHES or path[-2] in _SCHEMA_MAPS or len(path) == 3


def _in_schema(path: list[str | int]) -> bool:
    if path[:1] == ["components"]:
        return path[1:2] == ["schemas"] or "schema" in path[3:]
    return "schema" in path


def _is_extension(path: list[str | int]) -> bool:
    return any(isinstance(step, str) and step.startswith("x-") for step in path)
