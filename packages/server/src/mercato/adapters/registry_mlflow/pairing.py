"""MLflow lists models and versions apart; each model with its versions, without keeping either list."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace

from mercato.adapters.registry_mlflow.holding import HeldModel, HeldVersion


async def with_versions(
    models: AsyncIterator[HeldModel], versions: AsyncIterator[HeldVersion]
) -> AsyncIterator[HeldModel]:
    """Both are in the same order of names, whichever that is: databases sort names each in their own way.

    What others write while pages are read moves rows from page to page: a model may then lack a version that it has.
    """
    waiting: deque[HeldModel] = deque()
    found: dict[str, list[HeldVersion]] = {}

    def complete() -> HeldModel:
        model = waiting.popleft()
        return replace(model, versions=tuple(found.pop(model.name)))

    async for version in versions:
        while version.name not in found and (model := await anext(models, None)) is not None:
            if model.name not in found:
                waiting.append(model)
                found[model.name] = []
        if version.name not in found:
            # Its model passed already, or was not listed.
            continue
        while waiting[0].name != version.name:
            yield complete()
        found[version.name].append(version)
    while waiting:
        yield complete()
    async for model in models:
        yield model
