"""What a manifest may say of the credential that its endpoint asks for, and that no finding quotes it."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from mercato_checks.codes import CODES
from mercato_checks.endpoint import Call, PinnedEndpoint
from mercato_checks.manifest import ManifestCheck, check_manifest
from tests.checks.conftest import FakeServer

GOOD = {"header": "Authorization", "prefix": "Bearer ", "secret": "provider-key"}


@pytest.fixture
def check(manifest_text: str) -> Callable[..., ManifestCheck]:
    """The check of the good manifest with this credential; `url` as the endpoint's."""

    def run(credential: Any, url: str = "https://api.example.org/v1") -> ManifestCheck:
        tree = yaml.safe_load(manifest_text)
        tree["endpoint"] = {**tree["endpoint"], "url": url, "credential": credential}
        return check_manifest(yaml.safe_dump(tree))

    return run


def errors(verdict: ManifestCheck) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in verdict.findings if finding.level == "error"]


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "Api-Key", "X-Goog-Api-Key", "api_key"])
def test_a_header_that_carries_keys_is_taken(check: Callable[..., ManifestCheck], header: str) -> None:
    verdict = check({"header": header, "secret": "provider-key"})
    assert errors(verdict) == []
    assert verdict.manifest is not None
    assert verdict.manifest.endpoint.credential is not None
    assert verdict.manifest.endpoint.credential.prefix == ""


@pytest.mark.parametrize(
    "header",
    [
        "Host", "Content-Length", "Transfer-Encoding", "transfer_encoding", "Connection", "Keep-Alive", "TE", "Trailer",
        "Upgrade", "Expect", "Proxy-Authorization", "Content-Type", "Accept-Encoding", "Cookie", "X-Forwarded-For",
        "X-Mercato-Key", "X-Request-Id", "X-HTTP-Method-Override", "Range",
    ],
)  # fmt: skip
def test_a_header_that_means_something_else_is_refused_with_what_to_do(
    check: Callable[..., ManifestCheck], header: str
) -> None:
    verdict = check(GOOD | {"header": header})
    assert errors(verdict) == [("manifest_credential_header", "endpoint.credential.header")]
    assert "Authorization" in verdict.findings[0].fix


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"header": "X Api Key"}, "header"),
        ({"header": "X-Api-Key:"}, "header"),
        ({"header": "X-Api\r\nHost"}, "header"),
        ({"header": ""}, "header"),
        ({"header": "X-Ärger"}, "header"),
        ({"header": "x" * 65}, "header"),
        ({"prefix": "Bearer \r\nHost: evil"}, "prefix"),
        ({"prefix": "Bearer\n"}, "prefix"),
        ({"prefix": " Bearer"}, "prefix"),
        ({"prefix": "x" * 33}, "prefix"),
        ({"secret": "sk-proj-NotAName"}, "secret"),
        ({"secret": ""}, "secret"),
    ],
)
def test_what_is_malformed_is_named_by_its_field(
    check: Callable[..., ManifestCheck], change: dict[str, str], where: str
) -> None:
    verdict = check(GOOD | change)
    assert errors(verdict) == [("manifest_field_invalid", f"endpoint.credential.{where}")]
    assert "sk-proj" not in str(verdict.findings)


def test_unknown_and_missing_fields_are_named(check: Callable[..., ManifestCheck]) -> None:
    assert errors(check(GOOD | {"value": "x"})) == [("manifest_field_unknown", "endpoint.credential.value")]
    assert errors(check({"header": "X-Api-Key"})) == [("manifest_field_missing", "endpoint.credential.secret")]


def test_a_credential_never_crosses_a_network_unencrypted(check: Callable[..., ManifestCheck]) -> None:
    assert ("manifest_credential_plain", "endpoint.url") in errors(check(GOOD, "http://api.example.org/v1"))
    assert errors(check(GOOD, "http://127.0.0.1:9000/v1")) == []


def test_every_code_says_what_to_do() -> None:
    for code in ("manifest_credential_header", "manifest_credential_plain", "credential_missing"):
        assert CODES[code].fix


@pytest.mark.parametrize("secret", ["sk-a-secret-of-a-test", 'quoted"and\\slashed/secret'])
async def test_what_an_endpoint_says_back_is_masked(fake_server: FakeServer, secret: str) -> None:
    import json

    said = json.dumps({"plain": secret, "nested": [f"Bearer {secret}"]}).replace("/", "\\/") + secret
    fake_server.answer = lambda method, path, body: (200, {"X-Echo": f"Bearer {secret}"}, said.encode())
    target, headers = fake_server.target(), {"authorization": f"Bearer {secret}"}
    async with PinnedEndpoint(target, timeout_seconds=10, headers=headers, secret=secret) as endpoint:
        answer = await endpoint.call(Call("GET", "/"))
    assert secret not in answer.headers["x-echo"]
    assert secret.encode() not in answer.body
    assert secret not in repr(json.JSONDecoder().raw_decode(answer.body.decode()))
    assert answer.body.count(b"*" * 8) == 3
