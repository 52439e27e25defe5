"""What MLflow holds under one name, as its API says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TAG = "mercato."
"""With this begin the keys of our tags. Tags of others are theirs."""
OWNER = f"{TAG}marketplace"
SERVICE = f"{TAG}service_id"
RELEASE = f"{TAG}release_id"


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A version of the registered model `name`.

    `key` is the id of the release that it is, or empty where it is none of ours.
    """

    name: str
    number: int
    description: str
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        return self.tags.get(RELEASE, "")


@dataclass(frozen=True, slots=True)
class HeldModel:
    """A registered model, its versions by rising numbers, and the number that each alias points to."""

    name: str
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: tuple[HeldVersion, ...] = ()


def read_model(found: Mapping[str, Any]) -> HeldModel:
    """Of a `registered_model`, without versions.

    Raises `KeyError`, `TypeError`, `ValueError` or `AttributeError` for anything else.
    """
    aliases = {str(each["alias"]): int(each["version"]) for each in found.get("aliases", [])}
    return HeldModel(str(found["name"]), str(found.get("description", "")), _tags(found), aliases)


def read_version(found: Mapping[str, Any]) -> HeldVersion:
    """Of a `model_version`. Raises as `read_model` does."""
    return HeldVersion(str(found["name"]), int(found["version"]), str(found.get("description", "")), _tags(found))


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    # A tag with an empty value has none in MLflow's JSON.
    return {str(tag["key"]): str(tag.get("value", "")) for tag in found.get("tags", [])}
