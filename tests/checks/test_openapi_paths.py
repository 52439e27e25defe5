"""What is published is what the document means: path items with a reference, methods, and servers."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mercato_checks.openapi import OpenApiCheck, check_openapi

OPERATION = {"summary": "A", "responses": {"200": {"description": "ok"}}}
HEALTH = {"get": OPERATION}
# The official schema of 3.1 knows a path item either as a reference or with operations of its own.
UNRELATED = {"openapi_security_none", "openapi_schema"}


def check(paths: dict[str, Any], endpoint: str | None = None, **fields: Any) -> OpenApiCheck:
    tree = {"openapi": "3.1.0", "info": {"title": "A", "version": "1.0.0"}, "paths": paths} | fields
    return check_openapi(json.dumps(tree), endpoint=endpoint)


def published(verdict: OpenApiCheck) -> set[str]:
    assert verdict.facts is not None
    return {f"{each.method} {each.path}" for each in verdict.facts.operations}


def codes(verdict: OpenApiCheck) -> set[str]:
    return {finding.code for finding in verdict.findings if finding.level != "info"} - UNRELATED


@pytest.mark.parametrize("edition", ["3.0.3", "3.1.0"])
def test_publishes_what_stands_beside_the_reference_of_a_path(edition: str) -> None:
    verdict = check(
        {"/health": HEALTH, "/foo2": {"$ref": "#/paths/~1health", "post": OPERATION, "summary": "Both"}},
        openapi=edition,
    )
    assert published(verdict) == {"GET /health", "GET /foo2", "POST /foo2"}
    assert "openapi_operation_twice" not in codes(verdict)


def test_follows_references_of_paths_over_several_steps() -> None:
    verdict = check(
        {
            "/a": {"$ref": "#/components/pathItems/B", "get": OPERATION},
            "/{id}": {
                "$ref": "#/components/pathItems/C",
                "parameters": [{"name": "id", "in": "path", "required": True}],
            },
        },
        components={
            "pathItems": {
                "B": {"$ref": "#/components/pathItems/C", "put": OPERATION},
                "C": {"post": OPERATION, "parameters": [{"name": "q", "in": "query"}]},
            }
        },
    )
    assert published(verdict) == {"GET /a", "PUT /a", "POST /a", "POST /{id}"}
    assert codes(verdict) == set()


def test_says_which_of_two_descriptions_of_an_operation_counts() -> None:
    verdict = check({"/a": {"$ref": "#/paths/~1b", "get": OPERATION | {"summary": "Outer"}}, "/b": HEALTH})
    assert verdict.facts is not None
    assert {each.path: each.summary for each in verdict.facts.operations} == {"/a": "Outer", "/b": "A"}
    assert codes(verdict) == {"openapi_operation_twice"}


@pytest.mark.parametrize("name", ["POST", "Get", "query", "copy"])
def test_names_what_is_no_operation_and_so_is_not_published(name: str) -> None:
    verdict = check({"/a": HEALTH | {name: OPERATION}})
    assert published(verdict) == {"GET /a"}
    assert "openapi_operation_ignored" in codes(verdict)


@pytest.mark.parametrize(
    ("servers", "endpoint"),
    [
        (None, "https://x.example/base"),
        ([{"url": "/"}], "https://x.example/base"),
        ([{"url": "/api/v2"}], "https://x.example/api/v2"),
        ([{"url": "/api/v2/"}], "https://x.example/proxy/api/v2/"),
        ([{"url": "https://other.example/v2"}, {"url": "https://x.example"}], "http://127.0.0.1:9000"),
        ([{"url": "/{v}", "variables": {"v": {"default": "v2"}}}], "https://x.example/v2"),
    ],
)
def test_takes_servers_that_the_endpoint_agrees_with(servers: Any, endpoint: str) -> None:
    fields = {} if servers is None else {"servers": servers}
    assert codes(check({"/health": HEALTH}, endpoint, **fields)) <= {"openapi_server_plain"}


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("/api/v2", "https://x.example"),
        ("api/v2", "https://x.example/v2"),
        ("https://x.example/v1", "https://x.example/v2"),
        ("/v2", "https://x.example/xv2"),
    ],
)
def test_warns_of_a_base_path_that_calls_do_not_go_to(url: str, endpoint: str) -> None:
    verdict = check({"/health": HEALTH}, endpoint, servers=[{"url": url}])
    [finding] = [finding for finding in verdict.findings if finding.code == "openapi_server_base_differs"]
    assert finding.level == "warning"
    assert "GET /health is sent to " in finding.message
    assert verdict.accepted


def test_warns_of_an_operation_with_a_server_of_its_own() -> None:
    own = [{"url": "https://files.example/up"}]
    verdict = check(
        {"/a": HEALTH | {"servers": own}, "/b": {"get": OPERATION | {"servers": own}}, "/c": HEALTH},
        "https://x.example",
    )
    where = [finding.where for finding in verdict.findings if finding.code == "openapi_server_override"]
    assert where == ["/paths/~1a/get", "/paths/~1b/get"]


@pytest.mark.parametrize(
    ("servers", "own", "warns"),
    [
        (["https://api.example"], "https://upload.example", True),
        (["https://api.example", "https://eu.example"], "https://eu.example", False),
        (["https://api.example"], "https://X.example/", False),
        (["https://api.example"], "/", False),
        ([], "https://upload.example", False),
    ],
)
def test_warns_of_an_operation_at_another_host(servers: list[str], own: str, warns: bool) -> None:
    listed = {"servers": [{"url": url} for url in servers]} if servers else {}
    paths = {"/a": {"get": OPERATION | {"servers": [{"url": own}]}}, "/b": HEALTH}
    verdict = check(paths, "https://x.example", **listed)
    assert ("openapi_server_override" in codes(verdict)) is warns


@pytest.mark.parametrize(
    ("endpoint", "paths", "base"),
    [
        ("https://x.example/v1", ["/v1/embeddings", "/v1/models"], "/v1"),
        ("https://x.example/proxy/v1/", ["/v1/embeddings", "/v1"], "/v1"),
        ("https://x.example/api/v2", ["/api/v2/words"], "/api/v2"),
    ],
)
def test_warns_of_paths_that_repeat_the_end_of_the_endpoint(endpoint: str, paths: list[str], base: str) -> None:
    verdict = check(dict.fromkeys(paths, HEALTH), endpoint)
    [finding] = [finding for finding in verdict.findings if finding.code == "openapi_path_repeats_base"]
    assert finding.level == "warning"
    assert f"ends in {base} and every path begins with it" in finding.message
    assert f"`servers: [{{url: {base}}}]`" in finding.fix
    assert verdict.accepted


@pytest.mark.parametrize(
    ("endpoint", "paths"),
    [
        ("https://x.example", ["/v1/embeddings"]),
        ("https://x.example/v1", ["/embeddings"]),
        ("https://x.example/v1", ["/v1/embeddings", "/health"]),
        ("https://x.example/v1", ["/v10/embeddings"]),
        ("https://x.example/v1/proxy", ["/v1/embeddings"]),
        ("https://x.example/v1", []),
    ],
)
def test_takes_paths_that_do_not_repeat_the_endpoint(endpoint: str, paths: list[str]) -> None:
    assert "openapi_path_repeats_base" not in codes(check(dict.fromkeys(paths, HEALTH), endpoint))


@pytest.mark.parametrize("example", ["embedder", "smollm", "stock-signals"])
def test_no_example_repeats_the_end_of_its_endpoint(example: str) -> None:
    folder = Path(__file__).parents[2] / "examples" / example
    endpoint = yaml.safe_load((folder / "service.yaml").read_text())["endpoint"]["url"]
    verdict = check_openapi((folder / "openapi.yaml").read_bytes(), "openapi.yaml", endpoint=endpoint)
    assert codes(verdict) <= {"openapi_server_plain"}
