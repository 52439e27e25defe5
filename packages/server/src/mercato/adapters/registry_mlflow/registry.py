"""MLflow as the registry of models."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mercato.adapters.registry_mlflow.changes import Change, changes, removal
from mercato.adapters.registry_mlflow.client import MlflowClient, NotThere, ThereAlready
from mercato.adapters.registry_mlflow.holding import (
    OWNER,
    SERVICE,
    HeldModel,
    read_model,
    read_version,
)
from mercato.registry import OwnModel, RegisteredModel, RegistryFailed, RegistryTaken

_PLAIN = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9-]{0,62})")
_LONGEST = 200
"""Characters of a cleaned name: MLflow's column has 256."""
_ROUNDS = 10
"""Alone it takes three; others that write at the same time take more."""
_A_PAGE = 200
_T = TypeVar("_T")


class MlflowRegistry:
    """Models `prefix.vendor.service`. `marketplace` is who owns what it makes: the same for all our processes."""

    def __init__(self, client: MlflowClient, *, prefix: str, marketplace: str) -> None:
        self._client = client
        self._prefix = prefix
        self._marketplace = marketplace

    async def examine(self) -> str:
        """MLflow's version."""
        return await self._client.examine()

    def registered_name(self, name: str) -> str:
        """`prefix.vendor.service`: slugs have no dots, so no two services share a name. Any other name is cleaned, and
        gets a fingerprint of the whole."""
        plain = _PLAIN.fullmatch(name)
        if plain is not None:
            return f"{self._prefix}.{plain[1]}.{plain[2]}"
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{self._prefix}.{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[:_LONGEST]}~{digest}"

    async def differences(self, model: RegisteredModel) -> tuple[str, ...]:
        return tuple(change.words for change in await self._changes(model))

    async def bring(self, model: RegisteredModel) -> tuple[str, ...]:
        """Compares again after each change: who writes at the same time may have made the same version."""
        words: list[str] = []
        for _ in range(_ROUNDS):
            made = await self._changes(model)
            if not made:
                return tuple(words)
            for change in made:
                await self._make(change)
            words += [change.words for change in made]
        raise RegistryFailed(f"MLflow does not keep what it is given ({words[-1]})")

    async def list_own(self) -> AsyncIterator[OwnModel]:
        ours = f"tags.`{OWNER}` = '{self._marketplace}'"
        async for model in self._pages("registered-models/search", ours, "registered_models", read_model):
            # A server that does not know the filter must not make strangers' models look like ours.
            if model.tags.get(OWNER) == self._marketplace:
                yield OwnModel(model.name, model.tags.get(SERVICE, ""))

    async def remove(self, registered_name: str) -> bool:
        held = await self._find(registered_name)
        if held is None or held.tags.get(OWNER) != self._marketplace:
            return False
        for change in removal(registered_name, held):
            await self._make(change)
        return True

    async def close(self) -> None:
        await self._client.close()

    async def _changes(self, model: RegisteredModel) -> list[Change]:
        name = self.registered_name(model.name)
        held = await self._find(name)
        if held is not None and held.tags.get(OWNER) != self._marketplace:
            raise RegistryTaken(f"MLflow has a model {name} that this marketplace did not make; it is left as it is")
        return changes(self._marketplace, name, model, held)

    async def _make(self, change: Change) -> None:
        try:
            if change.only_release:
                found = await self._client.ask("GET", "model-versions/get", change.content)
                (version,) = self._read([found.get("model_version")], read_version)
                if version.key != change.only_release:
                    return
            await self._client.ask(change.method, change.path, change.content)
        except (NotThere, ThereAlready):
            # Somebody was faster. The next comparison says what is left to do.
            return

    async def _find(self, name: str) -> HeldModel | None:
        try:
            found = await self._client.ask("GET", "registered-models/get", {"name": name})
        except NotThere:
            return None
        (model,) = self._read([found.get("registered_model")], read_model)
        versions = self._pages("model-versions/search", f"name = '{name}'", "model_versions", read_version)
        return replace(model, versions=tuple(sorted([one async for one in versions], key=lambda one: one.number)))

    async def _pages(
        self, path: str, which: str, name: str, read: Callable[[Mapping[str, Any]], _T]
    ) -> AsyncIterator[_T]:
        question: dict[str, Any] = {"filter": which, "max_results": _A_PAGE}
        while True:
            page = await self._client.ask("GET", path, question)
            for each in self._read(page.get(name, []), read):
                yield each
            token = page.get("next_page_token")
            if not token:
                return
            if token == question.get("page_token"):
                raise self._client.unavailable("sends the same page again and again")
            question["page_token"] = token

    def _read(self, found: Any, read: Callable[[Mapping[str, Any]], _T]) -> list[_T]:
        try:
            return [read(each) for each in found]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._client.unavailable("sent a response that MLflow does not send") from None
