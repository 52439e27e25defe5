"""The syntax layer: from bytes to a tree that is JSON in all but its spelling, within bounds."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from mercato_checks.codes import found
from mercato_checks.findings import Finding, pointer, shorten
from mercato_checks.text import NotText, decode
from mercato_checks.yaml_text import Limits, Unreadable, read_yaml

MOST_BYTES = 32 * 1024 * 1024
LIMITS = Limits()
Edition = Literal["3.0", "3.1"]
_EDITIONS: dict[str, Edition] = {"3.0": "3.0", "3.1": "3.1"}


@dataclass(frozen=True, slots=True)
class Document:
    """An OpenAPI document that could be read. `edition` decides which rules hold; `size` in bytes."""

    tree: dict[str, Any]
    edition: Edition
    spelling: Literal["json", "yaml"]
    size: int


@dataclass(frozen=True, slots=True)
class _Parsed:
    tree: Any
    spelling: Literal["json", "yaml"]
    repeated: list[str]


def read_document(raw: bytes | str, name: str = "") -> tuple[Document | None, list[Finding]]:
    """The document and what is to say of its syntax; None where it cannot be used.

    `name` is the file's: what ends in `.json` must be JSON; else YAML 1.2, of which JSON is a part.
    """
    if len(raw) > MOST_BYTES:
        return None, [found("openapi_too_large", "", f"The document has {len(raw)} bytes; {MOST_BYTES} are allowed.")]
    try:
        parsed = _parse(decode(raw), name)
    except NotText as error:
        return None, [found("openapi_not_text", "", f"The document is {error}.")]
    except Unreadable as error:
        return None, [_unreadable(error)]
    findings = [
        found("openapi_key_repeated", "", f"`{shorten(path)}` stands twice in one object.") for path in parsed.repeated
    ]
    edition, problem = _edition(parsed.tree)
    if problem is not None or edition is None:
        return None, [*findings, *([problem] if problem else [])]
    return Document(parsed.tree, edition, parsed.spelling, len(raw)), findings


def _unreadable(error: Unreadable) -> Finding:
    code = {"depth": "openapi_too_deep", "nodes": "openapi_bomb"}.get(error.kind, "openapi_syntax")
    return found(code, "", f"The document cannot be read: {error}.")


def _parse(text: str, name: str) -> _Parsed:
    if name.lower().endswith(".json"):
        return _parse_json(text)
    if text.lstrip()[:1] == "{":
        try:
            return _parse_json(text)
        except Unreadable as error:
            if name == "" or error.kind != "syntax":
                raise
    read = read_yaml(text, LIMITS)
    return _Parsed(read.tree, "yaml", read.repeated)


def _parse_json(text: str) -> _Parsed:
    repeated: list[str] = []
    try:
        tree = json.loads(
            text, object_pairs_hook=lambda pairs: _object(pairs, repeated), parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise Unreadable("syntax", error.msg, error.lineno) from None
    except RecursionError:
        raise Unreadable("depth", f"more than {LIMITS.depth} levels deep") from None
    except ValueError as error:
        raise Unreadable("number", shorten(error)) from None
    _measure(tree)
    return _Parsed(tree, "json", repeated[:1000])


def _object(pairs: list[tuple[str, Any]], repeated: list[str]) -> dict[str, Any]:
    node = dict(pairs)
    if len(node) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.append(key)
            seen.add(key)
    return node


def _refuse_constant(name: str) -> Any:
    raise Unreadable("number", f"`{name}` is not a number that JSON knows")


def _measure(tree: Any) -> None:
    """Raises `Unreadable` where the tree is deeper or larger than allowed. Level by level, so without recursion."""
    level, depth, nodes = [tree], 0, 0
    while level:
        depth += 1
        nodes += len(level)
        # The last level holds plain values only, as in the count that YAML's reader keeps.
        if depth > LIMITS.depth + 1:
            raise Unreadable("depth", f"more than {LIMITS.depth} levels deep")
        if nodes > LIMITS.nodes:
            raise Unreadable("nodes", f"more than {LIMITS.nodes} values")
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]


def _edition(tree: Any) -> tuple[Edition | None, Finding | None]:
    if not isinstance(tree, dict):
        return None, found("openapi_not_mapping", "", "The document is not an object.")
    version = tree.get("openapi")
    if version is None and "swagger" in tree:
        message = f"This is Swagger {shorten(tree['swagger'], 10)}, the form before OpenAPI 3."
        return None, found("openapi_version_unsupported", "/swagger", message)
    if version is None:
        return None, found("openapi_version_missing", "", "The field `openapi` is missing.")
    text = str(version)
    edition = _EDITIONS.get(text[:3]) if isinstance(version, str) and text[3:4] in ("", ".") else None
    if edition is not None:
        return edition, None
    message = f'`openapi` is {shorten(text, 20)}; 3.0 and 3.1 are supported, written as text such as "3.1.0".'
    return None, found("openapi_version_unsupported", pointer("openapi"), message)
