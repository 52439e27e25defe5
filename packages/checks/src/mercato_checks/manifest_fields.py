"""Says what is wrong with a field of the manifest in words, from pydantic's errors."""

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mercato_checks.codes import found
from mercato_checks.findings import Finding, shorten
from mercato_contracts.manifest import (
    Endpoint,
    EndpointCredential,
    Included,
    PlanLimit,
    PlanManifest,
    Price,
    ServiceManifest,
)
from mercato_contracts.words import message_of

_MOST_EXPLAINED = 200
"""The most findings that are made; far fewer are shown."""

_BOOLEAN_FIELDS = frozenset({"overage"})
_PRICES = frozenset(Price.model_fields)
_MODELS: dict[str, type[BaseModel]] = {
    "": ServiceManifest,
    "endpoint": Endpoint,
    "credential": EndpointCredential,
    "plans": PlanManifest,
    "price": Price,
    "included": Included,
    "limits": PlanLimit,
}
_PATTERNS = {
    "name": "must be lower-case letters, digits and inner hyphens, at most 63",
    "version": "must be a SemVer version such as 1.4.0",
    "header": "must be the name of a header field such as Authorization: letters, digits, `-` and `_`",
    "prefix": "must be visible ASCII characters such as `Bearer `, at most 32",
    "secret": "must be the name of a stored credential: lower-case letters, digits and inner hyphens, at most 63",
    "licence": "must be an SPDX expression such as Apache-2.0, or `proprietary`",
    "tags": "must be lower-case letters, digits and hyphens, at most 32",
    "regions": "must be lower-case letters, digits and hyphens, at most 32",
}


def find_booleans(tree: dict[str, Any]) -> list[Finding]:
    """Findings for `true` and `false` where no such value belongs: pydantic would read them as 1 and 0."""
    misplaced = (
        path for path, value in _leaves(tree, ()) if isinstance(value, bool) and path[-1] not in _BOOLEAN_FIELDS
    )
    return [
        # A name may be as long as the manifest, and thousands of values may stand below it.
        found(
            "manifest_field_type",
            shorten(".".join(map(_step, path)), 300),
            f"`{_step(path[-1])}` must not be true or false.",
        )
        for path in islice(misplaced, _MOST_EXPLAINED)
    ]


def _step(name: str) -> str:
    return shorten(name, 100)


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, (*path, str(index)))
    else:
        yield path, node


def explain_errors(error: ValidationError, tree: dict[str, Any], known: set[str]) -> list[Finding]:
    """One finding for each field that pydantic refused, in its order, without those of the fields in `known`."""
    findings: dict[str, Finding] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = _field_path(detail, tree)
        where = ".".join(str(step) for step in path)
        if where not in known:
            findings.setdefault(where, _explain(detail, path, where, hint=len(findings) < _MOST_EXPLAINED))
    return list(findings.values())


def _field_path(detail: ErrorDetails, tree: dict[str, Any]) -> tuple[str | int, ...]:
    """The error's place without the names of union members that pydantic adds at its end."""
    path: list[str | int] = []
    node: Any = tree
    for step in detail["loc"]:
        if isinstance(node, dict) and (step in node or detail["type"] == "missing"):
            path.append(step)
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            path.append(step)
            node = node[step]
    return tuple(path)


def _explain(detail: ErrorDetails, path: tuple[str | int, ...], where: str, *, hint: bool) -> Finding:
    kind = detail["type"]
    field = _last_name(path)
    if kind == "missing":
        return found("manifest_field_missing", where, f"`{where}` is missing.")
    if kind == "extra_forbidden":
        return found("manifest_field_unknown", where, _unknown(path, hint=hint))
    if field in _PRICES:
        return found("manifest_price_unreadable", where, f"`{where}` is not an amount between 0 and 1,000,000,000.")
    if kind == "string_pattern_mismatch" and field in _PATTERNS:
        return found("manifest_field_invalid", where, f"`{where}` {_PATTERNS[field]}.")
    code = "manifest_field_type" if kind.endswith(("_type", "_parsing")) else "manifest_field_invalid"
    return found(code, where, f"`{where or 'service.yaml'}`: {shorten(message_of(detail), 300)}.")


def _last_name(path: tuple[str | int, ...]) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _unknown(path: tuple[str | int, ...], *, hint: bool) -> str:
    """The sentence for a field that the format does not have, with the nearest one that it has."""
    if not hint:
        return f"The format has no field `{shorten(path[-1])}` here."
    field = str(path[-1])
    parent = _last_name(path[:-1])
    near = difflib.get_close_matches(field, list(_MODELS.get(parent, ServiceManifest).model_fields), n=1)
    nearest = f"; did you mean `{near[0]}`?" if near else "."
    return f"The format has no field `{shorten(field)}` here{nearest}"
