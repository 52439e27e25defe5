"""Secrets and pickles are found, placeholders are not, and no finding holds a secret."""

import base64
import pickle
import random
import string

import pytest

from mercato_checks.findings import Finding
from mercato_checks.secrets import scan_text, scan_tree
from mercato_contracts.keys import make_key

_random = random.Random(7)


def noise(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_random.choices(alphabet, k=length))


HEX = "0123456789abcdef"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
OURS = make_key("vk", "key_" + "0123456789abcdef" * 2, bytes(range(32)))
# Put together here, so that no scanner of this repository finds one.
CERTAIN = {
    "ours": OURS,
    "aws": "AKIA" + noise(16, UPPER),
    "google": "AIza" + noise(35),
    "anthropic": "sk-ant-" + "api03-" + noise(93) + "AA",
    "openai": "sk-" + "proj-" + noise(120),
    "openai, old": "sk-" + noise(20) + "T3Blbk" + "FJ" + noise(20),
    "github": "ghp_" + noise(36),
    "github, fine": "github_" + "pat_" + noise(22) + "_" + noise(59),
    "slack": "xoxb-" + noise(12, string.digits) + "-" + noise(24),
    "stripe": "sk_" + "live_" + noise(24),
    "hugging face": "hf_" + noise(34, string.ascii_letters),
    "hugging face, organisation": "api_" + "org_" + noise(34, string.ascii_letters),
    "openrouter": "sk-" + "or-v1-" + noise(64, HEX),
    "groq": "gsk" + "_" + noise(52),
    "xai": "xai" + "-" + noise(80),
    "perplexity": "pplx" + "-" + noise(48),
    "nvidia": "nvapi" + "-" + noise(64),
    "cerebras": "csk" + "-" + noise(48, string.ascii_lowercase + string.digits),
    "databricks": "dapi" + noise(32, HEX),
    "pinecone": "pcsk" + "_" + noise(6) + "_" + noise(63),
    "langsmith": "lsv2" + "_pt_" + noise(32, HEX) + "_" + noise(10, HEX),
    "docker": "dckr" + "_pat_" + noise(27),
    "digitalocean": "dop" + "_v1_" + noise(64, HEX),
    "vault": "hvs" + "." + noise(95),
    "azure": "Account" + "Key=" + noise(86) + "==",
    "age": "AGE-SECRET" + "-KEY-1" + noise(58, UPPER),
    "gitlab, of a job": "glcbt" + "-" + noise(20),
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + noise(64) + "\n",
    "private key in one line": "-----BEGIN " + "PRIVATE KEY-----\\n" + noise(64),
}
SUSPECTED = {
    "deepseek": "sk" + "-" + noise(32, HEX),
    "moonshot": "sk" + "-" + noise(48),
    "database without a user": "redis://:" + noise(16) + "@db.internal",
    "jwt": f"eyJ{noise(30)}.eyJ{noise(60)}.{noise(43)}",
    "database": "postgres://app:" + noise(12) + "@db.internal/app",
}


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


@pytest.mark.parametrize("name", CERTAIN)
def test_finds_a_secret_and_does_not_show_it(name: str) -> None:
    finding = only(scan_tree({"paths": {"/a": {"description": f"Use {CERTAIN[name]} to call."}}}, "openapi"))
    assert (finding.code, finding.level, finding.where) == ("secret_found", "error", "/paths/~1a/description")
    for start in range(len(CERTAIN[name]) - 12):
        assert CERTAIN[name][start : start + 12] not in finding.message


@pytest.mark.parametrize("name", SUSPECTED)
def test_suspects_what_may_be_a_secret(name: str) -> None:
    finding = only(scan_tree({"x": SUSPECTED[name]}, "manifest"))
    assert (finding.code, finding.where) == ("secret_suspected", "x")
    assert SUSPECTED[name][-10:] not in finding.message


@pytest.mark.parametrize(
    "field",
    [
        "api_key",
        "apiKey",
        "client_secret",
        "password",
        "x-access-token",
        "AWS_SECRET_ACCESS_KEY",
        "secretKey",
        "signing_key",
        "refresh_token",
        "HF_TOKEN",
        "botToken",
    ],
)
def test_suspects_an_opaque_text_in_a_telling_field(field: str) -> None:
    assert only(scan_tree({"example": {field: noise(32)}}, "openapi")).where == f"/example/{field}"


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-api03-your-key-here",
        "sk-" + "proj-" + "x" * 60,
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a" * 36,
        "-----BEGIN PUBLIC KEY-----\nabc",
        "Send your PEM as `-----BEGIN PRIVATE KEY-----` …",
        "https://user:{password}@example.com/",
        OURS[:-1] + ("0" if OURS[-1] != "0" else "1"),
        "The quick brown fox jumps over the lazy dog",
        "",
    ],
)
def test_leaves_placeholders_and_forgeries_alone(text: str) -> None:
    assert scan_tree({"description": text}, "openapi") == []


@pytest.mark.parametrize(
    "value", ["<your key>", "string", "YOUR_API_KEY_GOES_HERE_123", "a" * 40, "sixteen small words in a row"]
)
def test_leaves_a_telling_field_with_a_placeholder_alone(value: str) -> None:
    assert scan_tree({"password": value}, "openapi") == []


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_finds_an_encoded_pickle(protocol: int) -> None:
    raw = pickle.dumps({"model": [1, 2, 3], "name": "a" * 40}, protocol=protocol)
    assert only(scan_tree({"example": base64.b64encode(raw).decode()}, "openapi")).code == "pickle_found"
    assert only(scan_tree({"example": raw.hex()}, "openapi")).code == "pickle_found"


@pytest.mark.parametrize(
    "link", ["https://x.example/model.pkl", "s3://bucket/a/model.joblib?version=2", "https://x/a.PICKLE"]
)
def test_finds_a_link_to_a_pickle(link: str) -> None:
    assert only(scan_tree({"description": f"weights at {link}."}, "manifest")).code == "pickle_linked"


@pytest.mark.parametrize(
    "text", ["https://x.example/model.onnx", "gARbage that is no base64", "https://x/pkl.txt", "gASV" + "A" * 40]
)
def test_leaves_other_links_and_texts_alone(text: str) -> None:
    assert scan_tree({"description": text}, "manifest") == []


def test_reads_comments_line_by_line() -> None:
    assert only(scan_text(f"mercato: 1\n# old key {OURS}\n", "service.yaml")).where == "service.yaml:2"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["a" * 10_000_000, "eyJ" * 100_000, "://a:" * 100_000, "-----BEGIN " * 50_000, "80" * 100_000]
)
def test_hostile_text_costs_little(text: str) -> None:
    scan_text(text)
    scan_tree({"secret": text, text[:1000]: [text]}, "openapi")
