"""What is to be asked of MLflow for it to hold a model as it shall: one list, for a report and for putting it right."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mercato.adapters.registry_mlflow.holding import OWNER, RELEASE, SERVICE, TAG, HeldModel, HeldVersion
from mercato.registry import RegisteredModel, RegisteredVersion

ALIASES = ("champion", "canary")
"""The aliases that are ours on a model of ours."""


@dataclass(frozen=True, slots=True)
class Change:
    """What differs, in words, and the request that ends that."""

    words: str
    method: str
    path: str
    content: dict[str, Any] = field(default_factory=dict)
    only_release: str = ""
    """Of a version that is deleted, the release that it must still be: MLflow gives a number that is free to the next
    version, which may be another's."""


def changes(marketplace: str, name: str, wanted: RegisteredModel, held: HeldModel | None) -> list[Change]:
    """In the order in which they are to be asked for.

    Aliases of versions that are not there yet follow once they are: what is held then is to be compared again.
    """
    tags = {f"{TAG}{key}": value for key, value in wanted.tags.items()} | {OWNER: marketplace, SERVICE: wanted.key}
    if held is None:
        content = {"name": name, "description": wanted.description, "tags": _listed(tags)}
        return [Change("the model is missing", "POST", "registered-models/create", content)]
    made: list[Change] = []
    if held.description != wanted.description:
        content = {"name": name, "description": wanted.description}
        made.append(Change("the description differs", "PATCH", "registered-models/update", content))
    made += _of_tags("registered-models", {"name": name}, "", tags, held.tags)
    made += _of_versions(name, wanted, held)
    made += _of_aliases(name, wanted, held)
    return made


def removal(name: str, held: HeldModel) -> list[Change]:
    """Of a model of ours: whole, or our part of it where others added versions."""
    if all(version.key for version in held.versions):
        return [Change("the model should not be there", "DELETE", "registered-models/delete", {"name": name})]
    made = [_without(name, version, "should not be there") for version in held.versions if version.key]
    made.append(
        Change("the description is ours", "PATCH", "registered-models/update", {"name": name, "description": ""})
    )
    # The owner's tag goes last: until then the model is found again.
    for key in sorted((key for key in held.tags if key.startswith(TAG)), key=lambda key: key == OWNER):
        made.append(Change(f"tag {key} is ours", "DELETE", "registered-models/delete-tag", {"name": name, "key": key}))
    return made


def _of_tags(
    what: str, place: Mapping[str, Any], of: str, wanted: Mapping[str, str], held: Mapping[str, str]
) -> Iterator[Change]:
    for key, value in wanted.items():
        if held.get(key) != value:
            yield Change(f"tag {key}{of} differs", "POST", f"{what}/set-tag", {**place, "key": key, "value": value})
    for key in held:
        if key.startswith(TAG) and key not in wanted:
            yield Change(f"tag {key}{of} should not be there", "DELETE", f"{what}/delete-tag", {**place, "key": key})


def _of_versions(name: str, wanted: RegisteredModel, held: HeldModel) -> Iterator[Change]:
    by_key: dict[str, HeldVersion] = {}
    known = {version.key for version in wanted.versions}
    for version in held.versions:
        if version.key and version.key not in known:
            yield _without(name, version, "is of no release of the service")
        elif version.key and version.key in by_key:
            # Two processes made it at once; all keep the one with the lowest number.
            yield _without(name, version, f"is the same release as version {by_key[version.key].number}")
        elif version.key:
            by_key[version.key] = version
    for release in wanted.versions:
        tags = {f"{TAG}{key}": value for key, value in release.tags.items()} | {RELEASE: release.key}
        if release.key not in by_key:
            yield _create(name, release, tags)
            continue
        version, of = by_key[release.key], f" of release {release.version}"
        place = {"name": name, "version": str(version.number)}
        if version.description != release.description:
            content = {**place, "description": release.description}
            yield Change(f"the description{of} differs", "PATCH", "model-versions/update", content)
        yield from _of_tags("model-versions", place, of, tags, version.tags)


def _create(name: str, release: RegisteredVersion, tags: Mapping[str, str]) -> Change:
    # MLflow wants a source and takes none with a host: that would be an address for its server to fetch from.
    content = {
        "name": name, "source": f"mercato:/{name}@{release.version}", "description": release.description,
        "tags": _listed(tags),
    }  # fmt: skip
    return Change(f"release {release.version} is missing", "POST", "model-versions/create", content)


def _without(name: str, version: HeldVersion, why: str) -> Change:
    content = {"name": name, "version": str(version.number)}
    return Change(f"version {version.number} {why}", "DELETE", "model-versions/delete", content, version.key)


def _of_aliases(name: str, wanted: RegisteredModel, held: HeldModel) -> Iterator[Change]:
    numbers: dict[str, int] = {}
    for version in held.versions:
        numbers.setdefault(version.key, version.number)
    for alias in ALIASES:
        number, now = numbers.get(wanted.aliases.get(alias, "-")), held.aliases.get(alias)
        if number is not None and number != now:
            content = {"name": name, "alias": alias, "version": str(number)}
            words = f"alias {alias} is {'missing' if now is None else f'version {now}'} and should be version {number}"
            yield Change(words, "POST", "registered-models/alias", content)
        elif alias not in wanted.aliases and now is not None:
            content = {"name": name, "alias": alias}
            yield Change(f"alias {alias} should not be there", "DELETE", "registered-models/alias", content)


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
