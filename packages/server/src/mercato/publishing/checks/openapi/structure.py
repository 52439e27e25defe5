"""The schema layer: the document against the official JSON Schemas of OpenAPI.

What a strict validator refuses, vendors publish every day and tools use. So a departure is an error only where a part
that tools walk through (paths, operations, parameters, bodies, schemas) has a shape they cannot walk; all else should
be mended and is a warning.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationError, ValidationErrorKind

from mercato.publishing.checks.codes import found
from mercato.publishing.checks.findings import Finding, pointer, shorten
from mercato.publishing.checks.openapi.document import Document, Edition

_MOST = 100
_DIALECT = '"$ref": "https://json-schema.org/draft/2020-12/schema"'
# Keys of a Schema Object whose values tools walk into; a wrong type there breaks them, elsewhere it is one bad hint.
_SCHEMA_BRANCHES = frozenset({"properties", "patternProperties", "items", "allOf", "anyOf", "oneOf", "not", "schema"})
_SCHEMA_MAPS = frozenset({"properties", "patternProperties", "allOf", "anyOf", "oneOf"})


def check_structure(document: Document) -> list[Finding]:
    """Departures from the official schema, at most a hundred, each with its place."""
    errors = _validator(document.edition).iter_errors(document.tree)
    findings = [finding for error in islice(errors, _MOST) for finding in _explain(error, document)]
    if next(iter(errors), None) is not None:
        findings.append(found("openapi_schema_more", "", f"More than {_MOST} departures; the rest is not listed."))
    return findings


@lru_cache(maxsize=2)
def _validator(edition: Edition) -> Any:
    text = (files(__package__) / "schemas" / f"openapi-{edition}.json").read_text()
    # 3.1 leaves the dialect of schemas open; without another it is JSON Schema 2020-12 (OAS 3.1.0, section 4.8.24).
    schema = json.loads(text.replace('"$dynamicRef": "#meta"', _DIALECT))
    kind = jsonschema_rs.Draft4Validator if edition == "3.0" else jsonschema_rs.Draft202012Validator
    return kind(schema, offline=True, mask="the value", validate_formats=False)


def _explain(error: ValidationError, document: Document) -> Iterator[Finding]:
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
