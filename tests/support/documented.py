"""Holds answers against the committed document of the control API: status, code, and the shape of what was sent."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text())
_REGISTRY = jsonschema_rs.Registry([("urn:document", DOCUMENT)])
# Literal addresses come before templates that would fit them too.
_PATHS = sorted(DOCUMENT["paths"], key=lambda path: path.count("{"))
_TEMPLATES = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in _PATHS]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference into the document leads to, or the node itself."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def validate(schema: Any, value: Any) -> None:
    """Raises `jsonschema_rs.ValidationError` for a value that does not fit a schema of the document."""
    _validator(json.dumps(schema)).validate(value)


@cache
def _validator(schema: str) -> Any:
    rooted = json.loads(schema.replace('"#/', '"urn:document#/'))
    return jsonschema_rs.validator_for(rooted, registry=_REGISTRY, validate_formats=True)


async def check_answer(answer: httpx.Response) -> None:
    """Raises `AssertionError` where the document does not say that this operation may answer so."""
    path = next((path for known, path in _TEMPLATES if known.fullmatch(answer.request.url.path)), None)
    operation = DOCUMENT["paths"].get(path, {}).get(answer.request.method.lower())
    if operation is None:
        return
    where = f"{answer.request.method} {path}: {answer.status_code}"
    said = operation["responses"].get(str(answer.status_code))
    assert said is not None, f"{where} is not in docs/reference/openapi.json; run `make docs`"
    await answer.aread()
    kind = answer.headers.get("content-type", "")
    content = resolved(said).get("content", {}).get(kind)
    if content is None or not kind.endswith(("/json", "+json")):
        return
    code = answer.json().get("code") if "problem" in kind else None
    assert code is None or code in content["examples"], f"{where} {code} is not documented; run `make docs`"
    validate(content.get("schema", {}), answer.json())
