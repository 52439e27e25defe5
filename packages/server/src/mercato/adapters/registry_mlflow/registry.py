"""MLflow as the registry of models."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mercato.adapters.registry_mlflow.changes import Change, changes, removal
from mercato.adapters.registry_mlflow.client import MlflowClient, NotThere, ThereAlready
from mercato.adapters.registry_mlflow.holding import OWNER, SERVICE, HeldModel, read_model, read_version
from mercato.adapters.registry_mlflow.pairing import with_versions
from mercato.registry import RegisteredModel, RegistryFailed, RegistryTaken

_PLAIN = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([a-z0-9][a-z0-9-]{0,62})")
_LONGEST = 200
"""Characters of a cleaned name: MLflow's column has 256."""
_ROUNDS = 10
"""Alone it takes three; others that write at the same time take more."""
_A_PAGE = 1_000
"""The most models that MLflow lists in one response."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model of ours, with its versions, as MLflow listed it."""

    held: HeldModel

    @property
    def registered_name(self) -> str:
        return self.held.name

    @property
    def key(self) -> str:
        return self.held.tags.get(SERVICE, "")

    def agrees(self, model: RegisteredModel) -> bool:
        return not changes(self.held.tags[OWNER], self.held.name, model, self.held)


class MlflowRegistry:
    """Models `prefix.vendor.service`. `marketplace` is who owns what it makes: the same for all our processes."""

    def __init__(self, client: MlflowClient, *, prefix: str, marketplace: str, page_size: int = _A_PAGE) -> None:
        self._client = client
        self._prefix = prefix
        self._marketplace = marketplace
        self._page_size = page_size

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

    async def list_own(self) -> AsyncIterator[ListedModel]:
        listed: set[str] = set()
        named = f"name LIKE '{self._prefix}.%'"
        by_name, by_number = ["name ASC"], ["name ASC", "version_number ASC"]
        models = self._pages("registered-models/search", named, "registered_models", read_model, by_name)
        versions = self._pages("model-versions/search", named, "model_versions", read_version, by_number)
        async for model in with_versions(models, versions):
            if self._is_own(model) and model.name not in listed:
                listed.add(model.name)
                yield ListedModel(model)
        # Those that had another prefix agree with no service, so nobody asks for their versions.
        ours = f"tags.`{OWNER}` = '{self._marketplace}'"
        async for model in self._pages("registered-models/search", ours, "registered_models", read_model, by_name):
            # A server that does not know the filter must not make strangers' models look like ours.
            if self._is_own(model) and model.name not in listed:
                yield ListedModel(model)

    async def remove(self, registered_name: str) -> bool:
        held = await self._find(registered_name)
        if held is None or not self._is_own(held):
            return False
        for change in removal(registered_name, held):
            await self._make(change)
        return True

    async def close(self) -> None:
        await self._client.close()

    async def _changes(self, model: RegisteredModel) -> list[Change]:
        name = self.registered_name(model.name)
        held = await self._find(name)
        if held is not None and not self._is_own(held):
            raise RegistryTaken(f"MLflow has a model {name} that this marketplace did not make; it is left as it is")
        return changes(self._marketplace, name, model, held)

    def _is_own(self, held: HeldModel) -> bool:
        return held.tags.get(OWNER) == self._marketplace

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
        self, path: str, which: str, name: str, read: Callable[[Mapping[str, Any]], _T], order: Sequence[str] = ()
    ) -> AsyncIterator[_T]:
        question: dict[str, Any] = {"filter": which, "max_results": self._page_size, "order_by": list(order)}
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
