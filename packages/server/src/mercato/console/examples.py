"""An example body for each operation: the document's own examples, else one made from its schema."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

_DEEPEST = 8
_MOST_FIELDS = 40
_MOST_VALUES = 300
_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"
_HELLO = {"role": "user", "content": "Say hello in one sentence."}
_EMBEDDINGS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "input": {"type": "string"},
        "dimensions": {"type": "integer", "minimum": 1},
    },
    "required": ["model", "input"],
}
_BY_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None}


@dataclass(frozen=True, slots=True)
class Tryable:
    """An operation that can be tried: where it is below the gateway, and a body that fits it.

    `schema` is the body's, and `parameters` is a schema of an object with those of path and query; references lead into
    `root`. `in_path` are the parameters that stand in the path.
    """

    id: str
    title: str
    method: str
    path: str
    body: str
    schema: Any = None
    parameters: dict[str, Any] = field(default_factory=dict)
    in_path: frozenset[str] = frozenset()
    root: dict[str, Any] = field(default_factory=dict)


def openai_operations(name: str, task: str, protocol: str) -> list[Tryable]:
    """The calls that every service of these protocols takes."""
    if protocol == "anthropic":
        body: dict[str, Any] = {"model": name, "max_tokens": 100, "messages": [_HELLO]}
        return [Tryable("messages", "Messages", "POST", "/v1/messages", _text(body), _chat("max_tokens"))]
    if task == "embeddings":
        return [_openai("embeddings", "Embeddings", {"model": name, "input": "The quick brown fox"}, _EMBEDDINGS)]
    chat = {"model": name, "messages": [_HELLO], "max_tokens": 100}
    return [_openai("chat/completions", "Chat completion", chat, _chat())]


def documented_operations(name: str, text: str) -> list[Tryable]:
    """The operations of an OpenAPI document, as far as it can be read."""
    document = _read(text)
    found: list[Tryable] = []
    for path, item in mapping(document.get("paths")).items():
        shared = mapping(resolve(document, item))
        for method, operation in shared.items():
            if method in _METHODS and isinstance(operation, dict):
                found.append(_documented(document, name, path, method, operation, shared))
    return found


def _documented(
    document: dict[str, Any], name: str, path: str, method: str, operation: dict[str, Any], shared: dict[str, Any]
) -> Tryable:
    content = mapping(resolve(document, operation.get("requestBody")).get("content"))
    media = mapping(content.get(_JSON))
    title = str(operation.get("summary") or operation.get("operationId") or f"{method.upper()} {path}")
    parameters = _parameters(document, [*_list(shared.get("parameters")), *_list(operation.get("parameters"))])
    return Tryable(
        id=f"{method}-{path}",
        title=title[:120],
        method=method.upper(),
        path=f"/s/{name}{path}",
        body=_text(_body_of(document, media)) if _JSON in content else "",
        schema=media.get("schema"),
        parameters=_as_object(parameters),
        in_path=frozenset(each["name"] for each in parameters if each["in"] == "path"),
        root=document,
    )


def _parameters(document: dict[str, Any], listed: Sequence[Any]) -> list[dict[str, Any]]:
    """Those of path and query; an operation's own one takes the place of its path's."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in listed:
        one = resolve(document, each)
        if isinstance(one.get("name"), str) and one.get("in") in ("path", "query"):
            found[one["name"], one["in"]] = one
    return list(found.values())[:_MOST_FIELDS]


def _as_object(parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for each in parameters:
        schema = mapping(each.get("schema"))
        more = {key: each[key] for key in ("description", "example") if key in each}
        properties[each["name"]] = {"allOf": [schema], **more} if "$ref" in schema else {**schema, **more}
    required = [each["name"] for each in parameters if each["in"] == "path" or each.get("required") is True]
    return {"type": "object", "properties": properties, "required": required} if properties else {}


def _openai(path: str, title: str, body: dict[str, Any], schema: dict[str, Any]) -> Tryable:
    return Tryable(path, title, "POST", f"/v1/{path}", _text(body), schema)


def _chat(*required: str) -> dict[str, Any]:
    """What nearly every model of these protocols takes; the rest is written as JSON."""
    message = {
        "type": "object",
        "properties": {"role": {"enum": ["user", "assistant", "system"]}, "content": {"type": "string"}},
        "required": ["role", "content"],
    }
    return {
        "type": "object",
        "properties": {
            "model": {"type": "string"},
            "messages": {"type": "array", "items": message},
            "max_tokens": {"type": "integer", "minimum": 1, "description": "The answer ends there."},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "stream": {"type": "boolean", "description": "Whether the answer comes as it is made."},
        },
        "required": ["model", "messages", *required],
    }


def _read(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text) if text.lstrip()[:1] == "{" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return {}
    return mapping(parsed)


def _body_of(document: dict[str, Any], media: dict[str, Any]) -> Any:
    if "example" in media:
        return media["example"]
    for example in mapping(media.get("examples")).values():
        value = resolve(document, example)
        if "value" in value:
            return value["value"]
    return example_of(document, media.get("schema"))


def example_of(document: dict[str, Any], schema: Any) -> Any:
    """A value that fits a schema of the document, as far as its types say."""
    return _Maker(document).value(schema, 0)


class _Maker:
    """Makes one example. A schema that holds itself many times would be one without end, so it ends somewhere."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._left = _MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        found = resolve(self._document, schema)
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return None
        for key in ("example", "default", "const"):
            if key in found:
                return found[key]
        for key in ("examples", "enum"):
            if isinstance(found.get(key), list) and found[key]:
                return found[key][0]
        for key in ("oneOf", "anyOf", "allOf"):
            if isinstance(found.get(key), list) and found[key]:
                return self._joined(key, found, depth)
        kind = found.get("type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if kind == "array":
            return [self.value(found.get("items"), depth + 1)]
        if kind == "object" or "properties" in found:
            return self._object(found, depth)
        return _BY_TYPE.get(str(kind), "text")

    def _object(self, found: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = list(mapping(found.get("properties")).items())[:_MOST_FIELDS]
        required = _list(found.get("required")) or [name for name, _ in properties]
        return {name: self.value(each, depth + 1) for name, each in properties if name in required and self._left > 0}

    def _joined(self, key: str, found: dict[str, Any], depth: int) -> Any:
        schemas = found[key]
        if key != "allOf":
            return self.value(schemas[0], depth + 1)
        parts = [self.value(each, depth + 1) for each in schemas[:_MOST_FIELDS] if self._left > 0]
        whole: dict[str, Any] = self._object(found, depth) if "properties" in found else {}
        for part in parts:
            whole |= part if isinstance(part, dict) else {}
        return whole


def resolve(document: dict[str, Any], node: Any) -> dict[str, Any]:
    """What a reference within the document leads to; nothing is fetched."""
    for _ in range(_DEEPEST):
        if not isinstance(node, dict) or "$ref" not in node:
            break
        target: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = mapping(target).get(part.replace("~1", "/").replace("~0", "~"))
        node = target
    return mapping(node)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _text(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False, default=str)
