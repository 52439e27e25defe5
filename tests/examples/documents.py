"""Reading an example's OpenAPI document and holding answers against it."""

from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema_rs import Draft202012Validator

from mercato_checks.openapi.servers import base_paths


def load(folder: Path) -> dict[str, Any]:
    """The document of an example."""
    document: dict[str, Any] = yaml.safe_load((folder / "openapi.yaml").read_text())
    return document


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Method and path of each."""
    return {(method.upper(), path) for path, item in document["paths"].items() for method in item}


def assert_described(document: dict[str, Any], answer: httpx.Response) -> None:
    """The answer's status, media type and body are what the document says of the operation that was called."""
    base = base_paths(document.get("servers"))[0]
    operation = document["paths"][answer.request.url.path.removeprefix(base)][answer.request.method.lower()]
    media = operation["responses"][str(answer.status_code)]["content"][answer.headers["content-type"].split(";")[0]]
    Draft202012Validator({**media["schema"], "components": document["components"]}).validate(answer.json())


def bare(schema: Any, root: dict[str, Any]) -> Any:
    """A schema with its references put in place and without what only people read, so that two can be compared."""
    if isinstance(schema, list):
        return [bare(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return bare(target, root)
    return {
        name: {key: bare(value, root) for key, value in part.items()} if name == "properties" else bare(part, root)
        for name, part in schema.items()
        if name not in ("title", "description", "examples", "$defs")
    }
