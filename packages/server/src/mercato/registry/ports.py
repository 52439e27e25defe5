"""What holds models for systems outside."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol


class RegistryUnavailable(Exception):
    """The registry does not answer now. Its words name the setting and what to do, and hold nothing secret."""


class RegistryRefused(RegistryUnavailable):
    """It does not let us in, or does not fit: waiting does not help, and a person must look."""


class RegistryFailed(Exception):
    """It answers, and fails at what this one model asks of it; that is to be tried again."""


class RegistryRejected(Exception):
    """It does not take this one model as it is: trying again does not help."""


class RegistryTaken(RegistryRejected):
    """A model that this marketplace did not make has the name."""


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One release: `key` is its id, `version` its SemVer version."""

    key: str
    version: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One service as the registry shall hold it.

    `key` is its id, `name` is `vendor/name`. `versions` are in the order of their releases. `aliases` has the key of a
    version by alias; an alias that is not there points to nothing.
    """

    key: str
    name: str
    description: str
    tags: Mapping[str, str]
    versions: tuple[RegisteredVersion, ...]
    aliases: Mapping[str, str]


class OwnModel(Protocol):
    """A model that this marketplace made, as it was when it was listed."""

    @property
    def registered_name(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def key(self) -> str:
        """The key of its service."""
        ...

    def agrees(self, model: RegisteredModel) -> bool:
        """Whether `bring` would change nothing. False may be wrong where others wrote meanwhile: ask `differences`."""
        ...


class Registry(Protocol):
    """The engine. Every method that asks it may raise `RegistryUnavailable`; several processes may write at once."""

    async def examine(self) -> str:
        """What answers, in words. Raises `RegistryRefused` where it does not fit or does not let us in."""
        ...

    def registered_name(self, name: str) -> str:
        """The name in the registry of the service `vendor/name`; another one for every service."""
        ...

    async def differences(self, model: RegisteredModel) -> tuple[str, ...]:
        """What `bring` would change, in words; nothing where all is well. Raises `RegistryTaken`."""
        ...

    async def bring(self, model: RegisteredModel) -> tuple[str, ...]:
        """Make the registry hold the model as it is here; the words of what was changed. A second time changes nothing.

        What others added (tags, aliases, versions) stays. Raises `RegistryTaken`, `RegistryRejected`, `RegistryFailed`.
        """
        ...

    def list_own(self) -> AsyncIterator[OwnModel]:
        """Every model that this marketplace made, each once. Requests grow with pages, not with models."""
        ...

    async def remove(self, registered_name: str) -> bool:
        """Remove a model if this marketplace made it, and return whether there was one.

        Where others added versions of their own, those stay, and the model is ours no longer.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
