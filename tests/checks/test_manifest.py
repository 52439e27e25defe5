"""Every problem of a manifest is named by field, code and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import mercato_cli.main
from mercato import publishing
from mercato_checks import codes
from mercato_checks.codes import CODES
from mercato_checks.findings import Finding
from mercato_checks.manifest import ManifestCheck, check_manifest


@pytest.fixture
def check(manifest_text: str) -> Callable[..., ManifestCheck]:
    """The check of the good manifest with the fields given changed; a field that is `None` is left out."""

    def run(**changes: Any) -> ManifestCheck:
        tree = yaml.safe_load(manifest_text) | changes
        return check_manifest(yaml.safe_dump({key: value for key, value in tree.items() if value is not None}))

    return run


def seen(verdict: ManifestCheck) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in verdict.findings]


def plan(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "pro"} | fields]


def test_accepts_a_good_manifest(manifest_text: str) -> None:
    verdict = check_manifest(manifest_text)
    assert (verdict.accepted, verdict.findings) == (True, [])
    assert verdict.manifest is not None
    assert verdict.manifest.version == "1.2.0"


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": None}, "manifest_field_missing", "name"),
    ({"name": "Not A Slug"}, "manifest_field_invalid", "name"),
    ({"version": "1.0"}, "manifest_field_invalid", "version"),
    ({"version": 1.0}, "manifest_field_type", "version"),
    ({"version": "9007199254740992.0.0"}, "version_not_semver", "version"),
    ({"version": "1.2.\u0663"}, "manifest_field_invalid", "version"),
    ({"version": "1.2.3\u0663"}, "version_not_semver", "version"),
    ({"mercato": 2}, "manifest_field_invalid", "mercato"),
    ({"titel": "A title"}, "manifest_field_unknown", "titel"),
    ({"title": "ab"}, "manifest_field_invalid", "title"),
    ({"protocol": "grpc"}, "manifest_field_invalid", "protocol"),
    ({"plans": []}, "manifest_field_invalid", "plans"),
    ({"plans": "free"}, "manifest_field_type", "plans"),
    ({"plans": [7]}, "manifest_field_type", "plans.0"),
    ({"plans": plan(name="a") * 2}, "manifest_field_invalid", "plans"),
    ({"plans": plan(price={"per_call": "cheap"})}, "manifest_price_unreadable", "plans.0.price.per_call"),
    ({"plans": plan(price={"per_call": "0.0000000001"})}, "manifest_price_unreadable", "plans.0.price.per_call"),
    ({"plans": plan(price={"per_call": -1})}, "manifest_price_unreadable", "plans.0.price.per_call"),
    ({"plans": plan(price={"per_call": "1e40"})}, "manifest_price_unreadable", "plans.0.price.per_call"),
    ({"plans": plan(price={"per_call": [1]})}, "manifest_price_unreadable", "plans.0.price.per_call"),
    ({"plans": plan(price={"per_cal": 1})}, "manifest_field_unknown", "plans.0.price.per_cal"),
    ({"plans": plan(price={"per_call": True})}, "manifest_field_type", "plans.0.price.per_call"),
    ({"endpoint": {"url": "ftp://x"}}, "manifest_field_invalid", "endpoint.url"),
    ({"endpoint": {}}, "manifest_field_missing", "endpoint.url"),
    ({"endpoint": {"url": "https://u:p@x.example/v1"}}, "manifest_endpoint_userinfo", "endpoint.url"),
    ({"endpoint": {"url": "https://x.example/v1#a"}}, "manifest_endpoint_fragment", "endpoint.url"),
    ({"endpoint": {"url": "https://x.example/v1?key=1"}}, "manifest_endpoint_query", "endpoint.url"),
    ({"protocol": "openapi", "task": "data"}, "manifest_field_invalid", ""),
    ({"openapi": "../other/openapi.json"}, "manifest_openapi_path", "openapi"),
    ({"openapi": "/etc/passwd"}, "manifest_openapi_path", "openapi"),
    ({"openapi": "https://x.example/openapi.json"}, "manifest_openapi_path", "openapi"),
    ({"licence": "MIT License"}, "manifest_licence_unknown", "licence"),
    ({"licence": "<b>"}, "manifest_field_invalid", "licence"),
    ({"plans": [{"name": "free", "price": {"per_call": 1}}]}, "manifest_free_but_priced", "plans.0.price"),
    (
        {"plans": plan(price={"monthly": 9}, included={"unit": "requests", "amount": 0, "overage": False})},
        "manifest_included_nothing",
        "plans.0.included.amount",
    ),
    (
        {"plans": plan(price={"per_call": 1}, limits=[{"unit": "requests", "per": "minute", "amount": 1}] * 2)},
        "manifest_limit_repeated",
        "plans.0.limits.1",
    ),
    (
        {"plans": plan(price={"per_call": 1}, limits=[{"unit": "requests", "per": "day", "amount": 9, "burst": 2}])},
        "manifest_limit_burst",
        "plans.0.limits.0.burst",
    ),
]


@pytest.mark.parametrize(("changes", "code", "where"), FIELDS)
def test_refuses_a_bad_field_and_names_it(check: Any, changes: dict[str, Any], code: str, where: str) -> None:
    verdict = check(**changes)
    assert not verdict.accepted
    assert (code, where) in seen(verdict)
    assert all(CODES[finding.code].fix and finding.message for finding in verdict.findings)


SERVICE = {"protocol": "signal", "task": "signals", "openapi": "openapi.yaml", "endpoint": {"url": "https://x.example"}}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"price": {"per_1k_input_tokens": 1}}, "plans.0.price.per_1k_input_tokens"),
        ({"price": {"monthly": 1}, "included": {"unit": "tokens", "amount": 1}}, "plans.0.included.unit"),
        ({"price": {"monthly": 1}, "limits": [{"unit": "tokens", "per": "day", "amount": 1}]}, "plans.0.limits.0.unit"),
    ],
)
@pytest.mark.parametrize("protocol", ["signal", "openapi"])
def test_refuses_to_price_tokens_where_there_are_none(check: Any, fields: Any, where: str, protocol: str) -> None:
    verdict = check(**SERVICE | {"protocol": protocol, "plans": plan(**fields)})
    assert ("manifest_tokens_unmeasured", where) in seen(verdict)


WARNINGS: list[tuple[dict[str, Any], str]] = [
    ({"endpoint": {"url": "http://x.example/v1"}}, "manifest_endpoint_plain"),
    ({"endpoint": {"url": "https://x.example/"}}, "manifest_endpoint_base"),
    (SERVICE | {"endpoint": {"url": "https://x.example", "model": "m"}}, "manifest_endpoint_model_unused"),
    ({"plans": plan()}, "manifest_plan_unpriced"),
    (
        {"plans": plan(price={"per_call": 1}, included={"unit": "tokens", "amount": 5})},
        "manifest_included_mismatch",
    ),
    (
        {"plans": plan(price={"monthly": 1}, included={"unit": "requests", "amount": 5})},
        "manifest_overage_unpriced",
    ),
    (
        {
            "plans": plan(
                price={"per_call": 1},
                limits=[
                    {"unit": "requests", "per": "minute", "amount": 100},
                    {"unit": "requests", "per": "day", "amount": 50},
                ],
            )
        },
        "manifest_limit_contradiction",
    ),
    ({"task": "signals"}, "manifest_task_protocol"),
    ({"tags": ["a", "a"]}, "manifest_repeated_value"),
]


@pytest.mark.parametrize(("changes", "code"), WARNINGS, ids=[code for _, code in WARNINGS])
def test_accepts_and_says_what_to_mend(check: Any, changes: dict[str, Any], code: str) -> None:
    verdict = check(**changes)
    assert verdict.accepted, verdict.findings
    assert code in {finding.code for finding in verdict.findings}


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({"unit": "concurrent", "amount": 4}, None),
        ({"unit": "concurrent", "amount": 4, "per": "minute"}, "manifest_field_invalid"),
        ({"unit": "concurrent", "amount": 4, "burst": 2}, "manifest_limit_burst"),
        ({"unit": "requests", "amount": 4}, "manifest_field_invalid"),
        ({"unit": "tokens", "amount": 4, "per": "ever"}, "manifest_field_invalid"),
    ],
)
@pytest.mark.parametrize("where", ["endpoint", "plan"])
def test_calls_at_once_have_no_window_and_everything_else_has_one(
    check: Any, limit: dict[str, Any], code: str | None, where: str
) -> None:
    endpoint = {"url": "https://x.example/v1", "limits": [limit] if where == "endpoint" else []}
    limits = [limit, {"unit": "requests", "per": "day", "amount": 9}] if where == "plan" else []
    verdict = check(endpoint=endpoint, plans=plan(price={"per_call": 1}, limits=limits))
    assert [each for each, _ in seen(verdict)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [("manifest_limit_default", "endpoint.limits")]),
        ({"limits": []}, []),
        ({"limits": [{"unit": "tokens", "per": "minute", "amount": 9}]}, []),
    ],
)
def test_says_what_an_endpoint_bears_whose_limits_are_not_given(check: Any, limits: Any, expected: Any) -> None:
    verdict = check(endpoint={"url": "https://x.example/v1"} | limits)
    assert verdict.accepted
    assert seen(verdict) == expected
    rates = [(rate.unit, rate.per, rate.amount) for rate in verdict.manifest.endpoint.limits]
    assert (("requests", "minute", 60) in rates) is ("limits" not in limits)
    assert len(rates) == len(limits.get("limits", "x"))


@pytest.mark.parametrize("licence", ["Apache-2.0", "MIT OR Apache-2.0", "LicenseRef-llama-3.1", "proprietary", "mit"])
def test_accepts_a_licence_expression(check: Any, licence: str) -> None:
    assert check(licence=licence).findings == []


def test_suggests_the_field_that_was_meant(check: Any) -> None:
    [finding] = check(plans=plan(price={"per_cal": 1})).findings
    assert "`per_call`" in finding.message


def test_names_all_problems_at_once(check: Any) -> None:
    assert len(check(name=None, version="x", licence="??", titel="a").findings) == 4


UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "manifest_syntax"),
    "only a comment": ("# hello\n", "manifest_syntax"),
    "a list": ("- 1\n", "manifest_not_mapping"),
    "a word": ("hello", "manifest_not_mapping"),
    "bad indentation": ("a:\n  b: 1\n c: 2\n", "manifest_syntax"),
    "a tab": ("\ta: 1", "manifest_syntax"),
    "two documents": ("a: 1\n---\nb: 2\n", "manifest_syntax"),
    "a tag of Python": ("a: !!python/object/apply:os.system [ls]\n", "manifest_syntax"),
    "an unknown alias": ("a: *b\n", "manifest_syntax"),
    "an alias in itself": ("a: &a [*a]\n", "manifest_syntax"),
    "a list as key": ("? [a]\n: 1\n", "manifest_syntax"),
    "not UTF-8": (b"a: \xff\n", "manifest_not_text"),
    "null bytes": ("a: \x00\n", "manifest_syntax"),
    "deep lists": ("a: " + "[" * 100_000, "manifest_bomb"),
    "deep mappings": ("{a: " * 10_000, "manifest_bomb"),
    "laughs": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(at)}: &{chr(at)} [{','.join(['*' + chr(at - 1)] * 10)}]\n" for at in range(98, 108)),
        "manifest_bomb",
    ),
    "too large": ("# " + "a" * 10_000_000, "manifest_too_large"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", UNREADABLE)
def test_refuses_what_cannot_be_read(name: str) -> None:
    text, code = UNREADABLE[name]
    verdict = check_manifest(text)
    assert verdict.manifest is None
    assert [finding.code for finding in verdict.findings] == [code]


def test_refuses_a_key_that_stands_twice(manifest_text: str) -> None:
    verdict = check_manifest(manifest_text + "version: 9.9.9\n")
    assert not verdict.accepted
    assert seen(verdict) == [("manifest_key_repeated", "version")]


def test_a_date_stays_text_and_no_stays_a_word(manifest_text: str) -> None:
    verdict = check_manifest(manifest_text + "tags: [no, 2024-01-01, on]\n")
    assert verdict.manifest is not None
    assert verdict.manifest.tags == ["no", "2024-01-01", "on"]


def test_reads_a_byte_order_mark_over(manifest_text: str) -> None:
    assert check_manifest(b"\xef\xbb\xbf" + manifest_text.encode()).accepted


def test_the_table_of_codes_is_whole() -> None:
    """Each code once, named for its area, with a title and what to do."""
    for code, entry in CODES.items():
        assert code == entry.code
        assert code == code.lower()
        assert entry.title[0].isupper() or entry.title[0] == "`"
        assert not entry.title.endswith(".")
        assert entry.fix.endswith(".")


def test_every_code_of_the_table_is_given_by_some_check() -> None:
    # The pipeline around the checks gives some of its own.
    rooms = [Path(str(package.__file__)).parent for package in (codes, publishing, mercato_cli.main)]
    sources = [path.read_text() for room in rooms for path in room.rglob("*.py") if path.name != "codes.py"]
    assert [code for code in CODES if not any(f'"{code}"' in source for source in sources)] == []


def test_a_finding_is_a_value() -> None:
    assert Finding("a", "error", "", "b", "c") == Finding("a", "error", "", "b", "c")
