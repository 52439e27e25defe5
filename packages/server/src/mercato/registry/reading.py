"""Reads services as a registry shall hold them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mercato.platform import Database
from mercato.publishing import ServiceRecords
from mercato.registry.describing import describe, lineage_of
from mercato.registry.ports import RegisteredModel
from mercato.training import find_succeeded


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
        """These services; unknown ones are left out."""
        found: list[Read] = []
        async with self._database.transaction() as session:
            records = ServiceRecords(session)
            for service_id in service_ids:
                record = await records.find(service_id)
                if record is None:
                    continue
                named = {lineage_of(release).training_run for release in record.releases}
                runs = await find_succeeded(session, record.vendor.id, [run for run in named if run])
                name = f"{record.vendor.slug}/{record.service.name}"
                found.append(Read(service_id, name, describe(record, runs, self._client_url)))
        return found
