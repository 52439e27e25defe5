"""The control API's document: whole, valid, and what our own checks ask of a vendor's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mercato_checks.openapi import check_openapi
from mercato_contracts.codes import all_codes
from tests.support.documented import DOCUMENT, check_answer, resolved, validate

_FILE = Path(__file__).parents[2] / "docs/reference/openapi.json"
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
STAYS_INSIDE = {
    # Any address may answer it, and none in particular.
    "method_not_allowed",
    # Gateways' routes.
    "counters_unavailable", "not_the_gateway", "usage_event_malformed",
    # The page where a person approves a device.
    "user_code_unknown",
    # Shown as a run's or a round's reason, or in a log.
    "embedding_endpoint_away", "embedding_model_missing", "round_scored_differently", "training_artifact_refused",
    "workflow_not_found",
    # Pages of the console.
    "call_made_already", "form_of_another_site", "gateway_away",
    # Errors within an answer of GraphQL, or on its streams.
    "graphql_page_size", "graphql_wrong_door", "too_many_live",
    # SCIM's own errors, at `/scim/v2`, which describes itself.
    "scim_address_missing", "scim_administrator_kept", "scim_filter_refused", "scim_malformed", "scim_member_unknown",
    "scim_member_kept", "scim_not_offered", "scim_refused", "scim_taken",
    # Bases of others, and a code that nothing gives any more.
    "backtest_malformed", "conflict", "refused",
}  # fmt: skip
each_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "requestBody" in operation:
        yield from (("body", content) for content in operation["requestBody"]["content"].values())
    for status, answer in operation["responses"].items():
        yield from ((status, content) for content in resolved(answer).get("content", {}).values())


def test_it_passes_the_specification_and_the_five_layers_that_vendors_pass() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    assert check_openapi(_FILE.read_bytes(), "openapi.json").findings == []


def test_every_reference_leads_somewhere() -> None:
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', _FILE.read_text())):
        resolved({"$ref": reference})


def test_the_authorize_button_knows_every_kind_of_credential() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert set(schemes) == {"session", "vendor_key", "consumer_key", "deployment_token"}
    assert {(scheme["type"], scheme["scheme"]) for scheme in schemes.values()} == {("http", "bearer")}


def test_operations_have_names_of_their_own() -> None:
    assert len(OPERATIONS) == sum(len(item) for item in DOCUMENT["paths"].values())
    assert all(re.fullmatch(r"[a-z][a-z_]+", name) for name in OPERATIONS)


def test_every_tag_is_described() -> None:
    used = {tag for _, _, operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


def test_every_refusal_of_the_control_plane_is_documented_somewhere_or_known_to_stay_inside() -> None:
    documented = set(DOCUMENT["components"]["examples"])
    published = {each["code"] for each in all_codes() if each["where"] == "control"}
    assert published - documented == STAYS_INSIDE


async def test_an_answer_that_is_not_documented_fails_the_test_that_got_it() -> None:
    request = httpx.Request("GET", "http://mercato.test/api/me")
    problem = {"content-type": "application/problem+json"}
    await check_answer(httpx.Response(404, request=httpx.Request("GET", "http://mercato.test/elsewhere")))
    with pytest.raises(AssertionError, match="GET /api/me: 418"):
        await check_answer(httpx.Response(418, request=request))
    with pytest.raises(AssertionError, match="key_not_found"):
        await check_answer(httpx.Response(401, request=request, headers=problem, json={"code": "key_not_found"}))
    with pytest.raises(jsonschema_rs.ValidationError):
        await check_answer(httpx.Response(200, request=request, json={"organisation": "acme"}))


@each_operation
def test_an_operation_says_what_it_does_who_may_and_with_what(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    answer, _, access = operation["description"].rpartition("**Access:** ")
    assert operation["summary"]
    assert len(answer.strip()) >= 20, "the route's function has no docstring"
    assert access
    assert all(resolved(parameter).get("description") for parameter in operation.get("parameters", ()))


@each_operation
def test_an_operation_names_the_credentials_it_takes(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    public = "**Access:** public" in operation["description"]
    assert (operation["security"] == [] or {} in operation["security"]) is public
    assert "401" in operation["responses"] or public
    assert all(each.keys() <= DOCUMENT["components"]["securitySchemes"].keys() for each in operation["security"])


@each_operation
def test_what_an_operation_refuses_are_problems_with_published_codes(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    published = {each["code"]: each["status"] for each in all_codes() if each["where"] == "control"}
    for status, answer in operation["responses"].items():
        if status < "400" or "content" not in resolved(answer):
            continue
        (content,) = resolved(answer)["content"].values()
        assert {published[code] for code in content["examples"]} == {int(status)}
    assert {"500", "503"} <= operation["responses"].keys()


@each_operation
def test_examples_fit_their_schemas(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    for parameter in map(resolved, operation.get("parameters", ())):
        if "example" in parameter:
            validate(parameter["schema"], parameter["example"])
    for where, content in _contents(operation):
        examples = [content["example"]] if "example" in content else []
        examples += [resolved(each)["value"] for each in content.get("examples", {}).values()]
        for example in examples:
            validate(content["schema"], example)
        assert examples, f"{where} of {name} has no example"


async def test_the_documentation_page_and_all_it_loads_come_from_here(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']|url: ["']([^"']+)["']""", page.text)
    addresses = {first or second for first, second in loaded}
    assert len(addresses) >= 4
    for address in addresses:
        assert address.startswith("/"), "not of this origin"
        assert (await api.get(address)).status_code == 200, address
    assert '"validatorUrl": null' in page.text
