"""Versions and ranges, as all of Mercato reads them, by vectors that npm answered, and beside npm itself."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato_checks.semver import NotSemVer, Range, Version
from tests.support.npm_semver import ask, find_semver, some_ranges

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "semver.json").read_text())
VERSIONS = [Version.parse(text) for text in VECTORS["versions"]]


def test_orders_versions_by_precedence() -> None:
    assert sorted(VERSIONS, key=lambda version: version) == VERSIONS
    assert all(before < after for before, after in pairwise(VERSIONS))


@pytest.mark.parametrize("text", VECTORS["versions"])
def test_writes_a_version_as_it_was_read(text: str) -> None:
    assert str(Version.parse(text)) == text


@pytest.mark.parametrize("text", VECTORS["invalid_versions"])
def test_refuses_what_is_no_version(text: str) -> None:
    with pytest.raises(NotSemVer):
        Version.parse(text)


@pytest.mark.parametrize("vector", VECTORS["ranges"], ids=lambda vector: vector["range"] or "empty")
def test_a_range_contains_what_npm_says(vector: dict[str, Any]) -> None:
    wanted = Range.parse(vector["range"])
    assert [str(version) for version in VERSIONS if wanted.contains(version)] == vector["contains"]


@pytest.mark.parametrize("text", VECTORS["invalid_ranges"])
def test_refuses_what_is_no_range(text: str) -> None:
    with pytest.raises(NotSemVer):
        Range.parse(text)


def test_takes_the_highest_that_matches() -> None:
    assert str(Range.parse("^1.2").highest(VERSIONS)) == "1.10.0"
    assert Range.parse("^7").highest(VERSIONS) is None


def test_build_metadata_does_not_order() -> None:
    assert Version.parse("1.0.0+a") == Version.parse("1.0.0+b")
    assert str(Version.parse("1.0.0-a+b.c")) == "1.0.0-a+b.c"


@pytest.mark.parametrize(
    ("text", "bump", "expected"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3-rc.1", "patch", "1.2.3"),
        ("1.3.0-rc.1", "minor", "1.3.0"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("1.3.0-rc.1", "major", "2.0.0"),
    ],
)
def test_names_the_least_version_of_a_step(text: str, bump: Any, expected: str) -> None:
    assert str(Version.parse(text).bumped(bump)) == expected


@given(st.text(max_size=300))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        Range.parse(text).contains(VERSIONS[0])
    except NotSemVer:
        return


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["1" * 100_000, "^" * 100_000, "1 || " * 100_000, " " * 100_000, "1.0.0-" + "a." * 50_000]
)
def test_hostile_text_is_refused_at_once(text: str) -> None:
    for parse in (Range.parse, Version.parse):
        with pytest.raises(NotSemVer):
            parse(text)


def _ours(text: str) -> list[int] | None:
    try:
        wanted = Range.parse(text)
    except NotSemVer:
        return None
    return [place for place, version in enumerate(VERSIONS) if wanted.contains(version)]


def test_npm_agrees_on_thousands_of_other_ranges() -> None:
    package = find_semver()
    if package is None:
        pytest.skip("needs Node with npm")
    ranges = some_ranges(seed=7, count=6_000)
    answers = ask(package, VECTORS["versions"], ranges)
    differ = [(text, npm) for text, npm in zip(ranges, answers, strict=True) if _ours(text) != npm]
    assert differ == []
    assert sum(npm is not None for npm in answers) > 2_000
