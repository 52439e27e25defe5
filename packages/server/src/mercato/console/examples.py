"""An example body for each operation: the document's own examples, else one made from its schema."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_DEEPEST = 8
_MOST_FIELDS = 40
_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"
_BY_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None}


@dataclass(frozen=True, slots=True)
class Tryable:
    """An operation that can be tried: where it is below the gateway, and a body that fits it."""

    id: str
    title: str
    method: str
    path: str
    body: str


def openai_operations(name: str, task: str, protocol: str) -> list[Tryable]:
    """The calls that every service of these protocols takes."""
    if protocol == "anthropic":
        body: dict[str, Any] = {
            "model": name, "max_tokens": 100, "messages": [{"role": "user", "content": "Say hello in one sentence."}],
        }  # fmt: skip
        return [Tryable("messages", "Messages", "POST", "/v1/messages", _text(body))]
    if task == "embeddings":
        return [_openai("embeddings", "Embeddings", {"model": name, "input": "The quick brown fox"})]
    chat = {"model": name, "messages": [{"role": "user", "content": "Say hello in one sentence."}], "max_tokens": 100}
    return [_openai("chat/completions", "Chat completion", chat)]


def documented_operations(name: str, text: str) -> list[Tryable]:
    """The operations of an OpenAPI document, as far as it can be read."""
    document = _read(text)
    found: list[Tryable] = []
    for path, item in _mapping(document.get("paths")).items():
        for method, operation in _mapping(item).items():
            if method not in _METHODS or not isinstance(operation, dict):
                continue
            content = _mapping(_resolve(document, operation.get("requestBody")).get("content"))
            body = _text(_body_of(document, _mapping(content.get(_JSON)))) if _JSON in content else ""
            title = str(operation.get("summary") or operation.get("operationId") or f"{method.upper()} {path}")
            found.append(
                Tryable(
                    id=f"{method}-{path}", title=title[:120], method=method.upper(), path=f"/s/{name}{path}", body=body
                )
            )
    return found


def _openai(path: str, title: str, body: dict[str, Any]) -> Tryable:
    return Tryable(path, title, "POST", f"/v1/{path}", _text(body))


def _read(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text) if text.lstrip()[:1] == "{" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return {}
    return _mapping(parsed)


def _body_of(document: dict[str, Any], media: dict[str, Any]) -> Any:
    if "example" in media:
        return media["example"]
    for example in _mapping(media.get("examples")).values():
        value = _resolve(document, example)
        if "value" in value:
            return value["value"]
    return example_of(document, media.get("schema"))


def example_of(document: dict[str, Any], schema: Any, depth: int = 0) -> Any:
    """A value that fits a schema of the document, as far as its types say."""
    found = _resolve(document, schema)
    if depth > _DEEPEST:
        return None
    for key in ("example", "default", "const"):
        if key in found:
            return found[key]
    for key in ("examples", "enum"):
        if isinstance(found.get(key), list) and found[key]:
            return found[key][0]
    for key in ("oneOf", "anyOf", "allOf"):
        if isinstance(found.get(key), list) and found[key]:
            return _joined(document, key, found[key], depth)
    kind = found.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "array":
        return [example_of(document, found.get("items"), depth + 1)]
    if kind == "object" or "properties" in found:
        properties = list(_mapping(found.get("properties")).items())[:_MOST_FIELDS]
        required = found.get("required") or [name for name, _ in properties]
        return {name: example_of(document, each, depth + 1) for name, each in properties if name in required}
    return _BY_TYPE.get(str(kind), "text")


def _joined(document: dict[str, Any], key: str, schemas: Sequence[Any], depth: int) -> Any:
    if key != "allOf":
        return example_of(document, schemas[0], depth + 1)
    parts = [example_of(document, each, depth + 1) for each in schemas[:_MOST_FIELDS]]
    whole: dict[str, Any] = {}
    for part in parts:
        whole |= part if isinstance(part, dict) else {}
    return whole


def _resolve(document: dict[str, Any], node: Any) -> dict[str, Any]:
    """What a reference within the document leads to; nothing is fetched."""
    for _ in range(_DEEPEST):
        if not isinstance(node, dict) or "$ref" not in node:
            break
        target: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = _mapping(target).get(part.replace("~1", "/").replace("~0", "~"))
        node = target
    return _mapping(node)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False, default=str)
