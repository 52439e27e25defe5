"""The catalogue and the registry compared both ways, and the registry put right where it is ours."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from mercato.registry.ports import OwnModel, Registry, RegistryFailed, RegistryRejected, RegistryTaken
from mercato.registry.reading import ModelReader, Read

_PAGE = 100


@dataclass(slots=True)
class Reconciled:
    """What was found; where it was put right, what was found before.

    Names of the catalogue (`vendor/name`) in `missing`, `taken` (a model that is not ours has the name), `rejected`
    (why the registry does not take it) and `different` (what differs, in words); names of the registry in `extra`.
    """

    models: int = 0
    missing: list[str] = field(default_factory=list)
    different: dict[str, tuple[str, ...]] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    """Ids of services at whose model the registry failed, which are in `rejected` too: worth another attempt."""

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return not (self.missing or self.different or self.extra or self.needs_person)

    @property
    def needs_person(self) -> bool:
        """Whether something stays wrong that repairing does not put right."""
        return bool(self.taken or self.rejected)


async def _nothing() -> None:
    """Nothing to make sure of between two models."""


async def reconcile(
    reader: ModelReader, registry: Registry, *, repair: bool, before_each: Callable[[], Awaitable[None]] = _nothing
) -> Reconciled:
    """Compare every service with its model and every model of ours with its service; put right what differs if asked.

    Raises `RegistryUnavailable`, and what `before_each` raises, which is called before each page of models.
    """
    # Listed first: what is published from now on is no model without a service.
    own, same = await _list_own(reader, registry, before_each)
    found, after = Reconciled(models=len(same)), ""
    while page := await reader.list_ids(after, _PAGE):
        await before_each()
        # Only what does not agree is asked about one by one, which also tells whose the model is.
        for service in await reader.read([service_id for service_id in page if service_id not in same]):
            if service.model is not None:
                name = registry.registered_name(service.name)
                await _reconcile_one(service, registry, found, repair=repair, is_there=name in own)
                own.discard(name)
        after = page[-1]
    found.extra = sorted(own)
    if repair:
        for name in found.extra:
            await before_each()
            await registry.remove(name)
    return found


async def _list_own(
    reader: ModelReader, registry: Registry, before_each: Callable[[], Awaitable[None]]
) -> tuple[set[str], set[str]]:
    """The registered names of models that do not agree with their service, and the ids of services that agree."""
    other: set[str] = set()
    same: set[str] = set()
    async for page in _pages_of(registry.list_own()):
        await before_each()
        services = {service.key: service for service in await reader.read([model.key for model in page])}
        for model in page:
            service = services.get(model.key)
            if service is None or service.model is None or not _agree(registry, service, model):
                other.add(model.registered_name)
            else:
                same.add(service.key)
    return other, same


def _agree(registry: Registry, service: Read, held: OwnModel) -> bool:
    assert service.model is not None
    return held.registered_name == registry.registered_name(service.name) and held.agrees(service.model)


async def _pages_of(models: AsyncIterator[OwnModel]) -> AsyncIterator[list[OwnModel]]:
    page: list[OwnModel] = []
    async for model in models:
        page.append(model)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


async def _reconcile_one(service: Read, registry: Registry, found: Reconciled, *, repair: bool, is_there: bool) -> None:
    assert service.model is not None
    found.models += 1
    try:
        words = await (registry.bring if repair else registry.differences)(service.model)
    except RegistryTaken:
        found.taken.append(service.name)
    except RegistryRejected as error:
        found.rejected[service.name] = str(error)
    except RegistryFailed as error:
        found.rejected[service.name] = str(error)
        found.owed.add(service.key)
    else:
        if words and not is_there:
            found.missing.append(service.name)
        elif words:
            found.different[service.name] = words
