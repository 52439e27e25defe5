"""Reads services as a registry shall hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mercato.platform import Database
from mercato.publishing import ServiceRecord, ServiceRecords
from mercato.registry.describing import describe, lineage_of
from mercato.registry.ports import RegisteredModel
from mercato.training import SucceededRun, find_succeeded


@dataclass(frozen=True, slots=True)
class Read:
    """A service: `name` is `vendor/name`; `model` is `None` where the registry shall not hold it."""

    key: str
    name: str
    model: RegisteredModel | None


class ModelReader:
    """Reads in transactions of its own, which are over before the registry is asked. `client_url` is where clients
    reach the control API."""

    def __init__(self, database: Database, client_url: str) -> None:
        self._database = database
        self._client_url = client_url

    async def list_ids(self, after: str, limit: int) -> list[str]:
        """The ids of services after this one, in order."""
        async with self._database.transaction() as session:
            return await ServiceRecords(session).list_ids(after, limit)

    async def read(self, service_ids: Sequence[str]) -> list[Read]:
        """These services, by id; unknown ones are left out. Six questions to the database, however many there are."""
        async with self._database.transaction() as session:
            records = await ServiceRecords(session).find_many(service_ids)
            runs = await find_succeeded(session, {pair for record in records for pair in _runs_of(record)})
        return [self._read_one(record, runs) for record in records]

    def _read_one(self, record: ServiceRecord, runs: Mapping[tuple[str, str], SucceededRun]) -> Read:
        own = {run_id: runs[vendor, run_id] for vendor, run_id in _runs_of(record) if (vendor, run_id) in runs}
        name = f"{record.vendor.slug}/{record.service.name}"
        return Read(record.service.id, name, describe(record, own, self._client_url))


def _runs_of(record: ServiceRecord) -> set[tuple[str, str]]:
    """Its vendor and each run that its releases name; the run may be another's."""
    named = (lineage_of(release).training_run for release in record.releases)
    return {(record.vendor.id, run_id) for run_id in named if run_id}
