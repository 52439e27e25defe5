"""Models and versions that MLflow lists apart come together, whatever else is in either list."""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

import pytest

from mercato.adapters.registry_mlflow.holding import HeldModel, HeldVersion
from mercato.adapters.registry_mlflow.pairing import with_versions

_T = TypeVar("_T")


async def one_by_one(items: Iterable[_T]) -> AsyncIterator[_T]:
    for item in items:
        yield item


async def paired(models: str, versions: str) -> list[str]:
    """Each letter is a model, or a version of it; what is found has the letter once more for each version."""
    numbered = (HeldVersion(name, number, "", {}) for number, name in enumerate(versions))
    listed = one_by_one(HeldModel(name, "", {}, {}) for name in models)
    return [
        model.name + "".join(each.name for each in model.versions)
        async for model in with_versions(listed, one_by_one(numbered))
    ]


@pytest.mark.parametrize(
    ("models", "versions", "found"),
    [
        ("", "", []),
        ("", "aab", []),
        ("abc", "", ["a", "b", "c"]),
        ("abc", "aabccc", ["aaa", "bb", "cccc"]),
        ("abcd", "bbd", ["a", "bbb", "c", "dd"]),
        # No order of the alphabet, but of a database.
        ("Zab-c", "Za-cc", ["ZZ", "aa", "b", "--", "ccc"]),
        # A version without its model, first, in between and last.
        ("bd", "abbcde", ["bbb", "dd"]),
        # A page was moved: a model comes again, a version comes late.
        ("aab", "ab", ["aa", "bb"]),
        ("abc", "abac", ["aa", "bb", "cc"]),
    ],
)
async def test_each_model_comes_once_with_its_versions(models: str, versions: str, found: list[str]) -> None:
    assert await paired(models, versions) == found
