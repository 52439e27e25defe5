"""What is wrong with a value is said in words: every pattern has some, and no validator's text reaches a person."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError

from mercato_contracts.words import PATTERNS, message_of

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = [_ROOT / "docs/reference/openapi.json", *sorted((_ROOT / "packages/contracts/schema").glob("*.json"))]


def _patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for each in node.values():
            yield from _patterns(each)
    elif isinstance(node, list):
        for each in node:
            yield from _patterns(each)


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.name)
def test_every_pattern_has_words(path: Path) -> None:
    assert set(_patterns(json.loads(path.read_text()))) - set(PATTERNS) == set()


class _Asked(BaseModel):
    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")] = "a"
    odd: Annotated[str, Field(pattern=r"^x+$")] = "x"
    short: Annotated[str, Field(min_length=12, max_length=20)] = "-" * 12
    count: Annotated[int, Field(ge=0, le=9)] = 1
    kind: Literal["ck", "vk"] = "ck"
    secret: Annotated[SecretStr, Field(min_length=12, max_length=20)] = SecretStr("-" * 12)
    several: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "Acme_"}, "must be lower-case letters, digits and inner hyphens, at most 63"),
        ({"odd": "y"}, "has a form that is not allowed"),
        ({"short": "x"}, "is too short: the least length is 12"),
        ({"short": "x" * 21}, "is too long: the greatest length is 20"),
        ({"secret": "x"}, "is too short: the least length is 12"),
        ({"secret": "x" * 21}, "is too long: the greatest length is 20"),
        ({"count": -1}, "must be at least 0"),
        ({"count": 10}, "must be at most 9"),
        ({"count": "many"}, "must be a whole number"),
        ({"kind": "sit"}, "must be 'ck' or 'vk'"),
        ({"several": []}, "has too few entries: the least number is 1"),
        ({"name": None}, "must be text"),
    ],
)
def test_a_bound_is_said_in_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as error:
        _Asked.model_validate(given)
    assert message_of(error.value.errors()[0]) == words
