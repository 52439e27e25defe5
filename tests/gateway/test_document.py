"""The gateway's OpenAPI document: its route table, its codes, its shapes of errors, and where it is served."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mercato_checks.openapi import check_openapi
from mercato_gateway.codes import CODES
from mercato_gateway.document import ELSEWHERE
from mercato_gateway.server import OWN_PATHS
from mercato_gateway.targets import MODEL_OPERATIONS
from tests.fakes.gateway_process import StartGateway

_FILE = Path(__file__).parents[2] / "docs/reference/gateway-openapi.json"
DOCUMENT: dict[str, Any] = json.loads(_FILE.read_text())
REGISTRY = jsonschema_rs.Registry([("urn:document", DOCUMENT)])
OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}
each_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    _, kind, name = node["$ref"].removeprefix("#/").split("/")
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


def _validate(schema: Any, example: Any) -> None:
    text = json.dumps(schema).replace('"#/', '"urn:document#/')
    jsonschema_rs.validator_for(json.loads(text), registry=REGISTRY).validate(example)


def _contents(name: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Status (or `body`), media type and content."""
    _, _, operation = OPERATIONS[name]
    answers = {"body": operation.get("requestBody", {})} | operation["responses"]
    return [
        (status, kind, content)
        for status, answer in answers.items()
        for kind, content in _resolved(answer).get("content", {}).items()
    ]


def test_it_passes_the_specification_and_the_five_layers_that_vendors_pass() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    assert check_openapi(_FILE.read_bytes(), "gateway-openapi.json").findings == []


def test_it_names_every_route_of_the_gateway_and_no_other() -> None:
    models = {path.decode() for path in MODEL_OPERATIONS} | {"/v1/models", "/v1/models/{model}"}
    assert DOCUMENT["paths"].keys() == models | {path.decode() for path in OWN_PATHS} | {"/s/{vendor}/{service}/{path}"}
    assert {path for path, _, _ in OPERATIONS.values()} == DOCUMENT["paths"].keys()


def test_every_code_of_the_gateway_is_documented_with_its_status() -> None:
    named = {
        (code, int(status))
        for name in OPERATIONS
        for status, _, content in _contents(name)
        if status.isdecimal()
        for code in content.get("examples", {})
    }
    assert named == {(code.name, code.status) for code in CODES.values() if code.name not in ELSEWHERE}


@each_operation
def test_examples_fit_their_schemas_and_every_content_has_one(name: str) -> None:
    for status, kind, content in _contents(name):
        examples = [each["value"] for each in content.get("examples", {}).values()]
        examples += [content["example"]] if "example" in content else []
        assert examples or kind == "*/*", f"{status} of {name}"
        for example in examples:
            _validate(content["schema"], example)


@each_operation
def test_an_operation_is_described(name: str) -> None:
    path, _, operation = OPERATIONS[name]
    parameters = operation.get("parameters", []) + DOCUMENT["paths"][path].get("parameters", [])
    assert operation["summary"]
    assert operation["description"]
    assert all(_resolved(parameter)["description"] for parameter in parameters)
    in_path = {each["name"] for each in map(_resolved, parameters) if each["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))


async def test_the_gateway_serves_it_and_answers_as_it_says(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        served = await client.get("/openapi.json")
        assert (served.headers["content-type"], served.json()) == ("application/json", DOCUMENT)
        for name, (path, method, operation) in OPERATIONS.items():
            asked = re.sub(r"{\w+}", "example", path)
            answer = await client.request(method, asked, json={"model": "acme/chat"} if "post" in name else None)
            said = _resolved(operation["responses"][str(answer.status_code)])
            if answer.content:
                _validate(said["content"][answer.headers["content-type"]]["schema"], answer.json())
            expected = {field.lower() for field in said["headers"]} - {"ratelimit", "ratelimit-policy", "retry-after"}
            assert expected <= {field.lower() for field in answer.headers}, name
