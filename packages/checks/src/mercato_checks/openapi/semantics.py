"""The semantics layer: what the schema of OpenAPI cannot say."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from mercato_checks.codes import found
from mercato_checks.findings import Finding, pointer, shorten
from mercato_checks.openapi.walk import (
    METHODS,
    OperationAt,
    References,
    first_of_each,
    path_item,
    path_item_parts,
    word,
)

_PATH_FIELDS = frozenset({"summary", "description", "servers", "parameters"})
_VARIABLE = re.compile(r"\{([^{}/]*)\}")


def check_operations(operations: list[OperationAt], references: References) -> list[Finding]:
    """Findings about operations: names, templates, parameters, responses."""
    findings = list(_operation_ids(operations))
    findings += _templates(operations)
    for operation in operations:
        findings += _path_parameters(operation)
    for operation in first_of_each(operations):
        findings += _repeated(operation, references)
        findings += _responses(operation)
    return findings


def check_path_items(tree: dict[str, Any], references: References) -> list[Finding]:
    """Findings about what stands in a path and is not published: no method that OpenAPI knows, or no path at all."""
    paths = tree.get("paths")
    return [
        finding
        for path, written in (paths.items() if isinstance(paths, dict) else ())
        if not path.startswith("x-")
        for finding in _path_item(path, written, references)
    ]


def _path_item(path: str, written: Any, references: References) -> Iterator[Finding]:
    item = path_item(written, references)
    for name, node in item.items():
        if name in METHODS:
            if not isinstance(node, dict):
                message = f"{name.upper()} {shorten(path)} is not an object."
                yield found("openapi_operation_ignored", pointer("paths", path, name), message)
        elif name not in _PATH_FIELDS and not name.startswith("x-"):
            message = f"`{shorten(name, 40)}` of {shorten(path)} is not published: it is not a method of OpenAPI."
            yield found("openapi_operation_ignored", pointer("paths", path, name), message)
    counts = Counter(name for part in path_item_parts(written, references) for name in part if name in METHODS)
    for name in (name for name, count in counts.items() if count > 1):
        message = f"{name.upper()} {shorten(path)} stands beside `$ref` and in what it names; the one beside it counts."
        yield found("openapi_operation_twice", pointer("paths", path, name), message)


def _operation_ids(operations: list[OperationAt]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for operation in operations:
        name = operation.node.get("operationId")
        if isinstance(name, str):
            if name in seen:
                message = f"`{shorten(name)}` is also the operationId of {shorten(seen[name], 200)}."
                yield found("openapi_operation_id_repeated", f"{operation.where}/operationId", message)
            seen.setdefault(name, f"{operation.method.upper()} {operation.path}")


def _templates(operations: list[OperationAt]) -> Iterator[Finding]:
    alike: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in dict.fromkeys(operation.path for operation in operations):
        yield from _template(path)
    for operation in operations:
        alike[operation.method, _VARIABLE.sub("{}", operation.path)].add(operation.path)
    for (method, _), paths in alike.items():
        if len(paths) > 1:
            first, *others = sorted(paths)
            for other in others:
                message = f"{method.upper()} {shorten(other)} matches the same requests as {shorten(first)}."
                yield found("openapi_paths_equal", pointer("paths", other, method), message)


def _template(path: str) -> Iterator[Finding]:
    where = pointer("paths", path)
    bare = _VARIABLE.sub("", path)
    variables = _VARIABLE.findall(path)
    if not path.startswith("/"):
        yield found("openapi_path_template", where, f"`{shorten(path)}` does not begin with `/`.")
    elif "{" in bare or "}" in bare or "" in variables:
        yield found("openapi_path_template", where, f"`{shorten(path)}` has a brace without its other half or a name.")
    elif len(set(variables)) != len(variables):
        yield found("openapi_path_template", where, f"`{shorten(path)}` names a variable twice.")
    if "?" in bare or "#" in bare:
        yield found("openapi_path_query", where, f"`{shorten(path)}` carries a query or a fragment.")


def _path_parameters(operation: OperationAt) -> Iterator[Finding]:
    variables = set(_VARIABLE.findall(operation.path))
    declared = {word(each.get("name")): each for each in operation.parameters if each.get("in") == "path"}
    for name in sorted(variables - set(declared)):
        message = f"`{{{shorten(name)}}}` of the path is not declared."
        yield found("openapi_path_parameter_undeclared", operation.where, message)
    for name, parameter in declared.items():
        if name not in variables:
            message = f"`{shorten(name)}` is declared and not in the path."
            yield found("openapi_path_parameter_unused", operation.where, message)
        elif parameter.get("required") is not True:
            message = f"`{shorten(name)}` is not marked `required: true`."
            yield found("openapi_path_parameter_optional", operation.where, message)


def _repeated(operation: OperationAt, references: References) -> Iterator[Finding]:
    listed = operation.node.get("parameters")
    resolved = [references.follow(each) for each in listed] if isinstance(listed, list) else []
    names = Counter((word(each.get("in")), word(each.get("name"))) for each in resolved if isinstance(each, dict))
    for (place, name), count in names.items():
        if count > 1:
            message = f"`{shorten(name)}` in {shorten(place)} is declared {count} times."
            yield found("openapi_parameter_repeated", f"{operation.where}/parameters", message)


def _responses(operation: OperationAt) -> Iterator[Finding]:
    responses: Any = operation.node.get("responses")
    codes = [code for code in responses if not code.startswith("x-")] if isinstance(responses, dict) else []
    if not codes:
        yield found("openapi_response_missing", operation.where, "No response is described.")
    elif not any(code[:1] in "123" or code == "default" for code in codes):
        yield found("openapi_success_missing", f"{operation.where}/responses", "No response means success.")
