"""Keeps the registry as the catalogue is: one worker leads, and no transaction is open while the registry is asked.

News only says which services to look at, so what comes again changes nothing. A registry that is away holds up no
request; news waits. A model at which the registry fails holds up no other model: the reader goes on in memory and tries
that one again, and its stored place stays before the news of it until it succeeds.
"""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from mercato.platform import (
    Database,
    LeadLost,
    LeadReader,
    LeadTerms,
    MeasuredGauge,
    OutboxLag,
    Place,
    StillLeads,
    forget_lead_reader,
    read_end,
)
from mercato.publishing import ServiceChanged, ServiceReleased, ServiceWithdrawn, VisibilityChanged
from mercato.registry.ports import Registry, RegistryFailed, RegistryRefused, RegistryRejected, RegistryUnavailable
from mercato.registry.reading import ModelReader, Read
from mercato.registry.reconciling import reconcile

log = structlog.get_logger(__name__)

READER = "registry"
_BATCH = 100
_LOOKS_SECONDS = 0.5
_LOOKS_PER_CHECK = 60
"""How often an idle feeder asks whether the registry is still there, and tries again what failed."""
_MOST_OWED = 20
"""A registry that fails at more models than these is taken for one that is away."""
_CHANGED = Counter("mercato_registry_changes_total", "Changes that the model registry confirmed")
_FAILED = Counter("mercato_registry_failures_total", "Attempts to feed the model registry that ended; they come again")
_SKIPPED = Counter("mercato_registry_skipped_total", "Times that the model registry did not take a model at all")
_AWAY = MeasuredGauge("mercato_registry_away", "1 while the model registry takes nothing, in the leading worker")

Change = ServiceReleased | ServiceChanged | ServiceWithdrawn | VisibilityChanged
_KINDS = (ServiceReleased, ServiceChanged, ServiceWithdrawn, VisibilityChanged)
_TERMS: LeadTerms[Change] = LeadTerms(
    name=READER, kinds=_KINDS, lock=7_245_110_392, batch=_BATCH, unavailable=RegistryUnavailable,
    refused=RegistryRefused, longest_pause_seconds=30.0, failures=_FAILED, away=_AWAY,
)  # fmt: skip


class RegistryFeeder:
    """To be run by every worker."""

    def __init__(self, database: Database, registry: Registry, models: ModelReader) -> None:
        self._database = database
        self._registry = registry
        self._models = models
        self._reader = LeadReader(database, _TERMS)
        self._read_to = Place(0, 0)
        self._owed: set[str] = set()

    async def run(self) -> None:
        """Lead, or wait to lead, until cancelled. A registry or a database that is away is waited for."""
        try:
            await self._reader.run(self._lead)
        finally:
            await self._registry.close()

    async def _lead(self, still_leads: StillLeads) -> None:
        """Fill a registry that was never fed, then follow the outbox from the stored place."""
        self._read_to, self._owed = Place(0, 0), set()
        await self._registry.examine()
        await self._fill_first(still_leads)
        self._reader.note_success()
        looks = 0
        while True:
            if await self._hear(still_leads):
                continue
            looks += 1
            if looks % _LOOKS_PER_CHECK == 0:
                await self._registry.examine()
                await self._bring(sorted(self._owed), still_leads)
                await self._store_place()
                self._reader.note_success()
            await asyncio.sleep(_LOOKS_SECONDS)

    async def _fill_first(self, still_leads: StillLeads) -> None:
        """The log keeps news for a time only: a registry that is new gets every service."""
        async with self._database.transaction() as session:
            if await self._reader.find_place(session) != Place(0, 0):
                return
            end = await read_end(session)
        found = await reconcile(self._models, self._registry, repair=True, before_each=still_leads)
        log.info("the model registry was filled", models=found.models, taken=found.taken, rejected=found.rejected)
        self._read_to = end
        self._owe(found.owed)
        await self._store_place()

    async def _hear(self, still_leads: StillLeads) -> int:
        """Bring what changed; how many pieces of news there were."""
        _, events = await self._reader.read(self._read_to)
        if events:
            await self._bring(sorted({event.news.service_id for event in events}), still_leads)
            self._read_to = events[-1].place
            await self._store_place()
            self._reader.note_success()
        return len(events)

    async def _store_place(self) -> None:
        """Unless something is owed, whose news is then read again after a restart."""
        if self._owed:
            return
        async with self._database.transaction() as session:
            stored = await self._reader.find_place(session)
            if stored < self._read_to and not await self._reader.pass_place(session, stored, self._read_to):
                raise LeadLost("another process feeds it")

    async def _bring(self, service_ids: Sequence[str], still_leads: StillLeads) -> None:
        for service in await self._models.read(service_ids):
            await still_leads()
            try:
                await self._bring_one(service)
            except RegistryFailed as error:
                _FAILED.inc()
                log.warning(
                    "the model registry fails at a model; it is tried again", model=service.name, why=str(error)
                )
                self._owe({service.key})
            except RegistryRejected as error:
                _SKIPPED.inc()
                log.error("the model registry does not take a model", model=service.name, why=str(error))
                self._owed.discard(service.key)
            else:
                self._owed.discard(service.key)

    def _owe(self, service_ids: set[str]) -> None:
        self._owed |= service_ids
        if len(self._owed) > _MOST_OWED:
            raise RegistryUnavailable("The model registry (MERCATO_MLFLOW_URL) fails at many models; see its log.")

    async def _bring_one(self, service: Read) -> None:
        if service.model is not None:
            _CHANGED.inc(len(await self._registry.bring(service.model)))
        elif await self._registry.remove(self._registry.registered_name(service.name)):
            _CHANGED.inc()


async def count_waiting_news(database: Database) -> int:
    """How many pieces of news the registry has not been brought up to, counted up to 10,000."""
    async with database.transaction() as session:
        lag = await OutboxLag({READER: [kind.topic for kind in _KINDS]}).read(session)
    return lag[READER].waiting if READER in lag else 0


async def forget_registry_feeder(database: Database) -> None:
    """A marketplace without a registry keeps no news for it; one that gets it again is filled anew."""
    await forget_lead_reader(database, READER)
