"""Making a copy of what is known of a person: one workflow, whose step may run twice."""

import hashlib

from mercato.admin.copy import Part, write_copy
from mercato.admin.erasure_rows import ErasureRows
from mercato.admin.export_rows import ExportRows
from mercato.admin.news import PersonExportAsked
from mercato.admin.personal_rows import PersonalRows
from mercato.identity import Keyring, KnownPerson, PersonKeys, Subjects
from mercato.platform import (
    Clock,
    Database,
    Ids,
    Json,
    ObjectStore,
    Outbox,
    OutsideSubscriber,
    Session,
    Steps,
    Workflow,
    Workflows,
    described_tables,
    start_on,
)

EXPORT_WORKFLOW = "export-person"


class ExportWork:
    """The workflow, over the id of a copy."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, outbox: Outbox, objects: ObjectStore) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._objects = objects

    def workflow(self) -> Workflow:
        """Durable; its subject is the id of a copy."""
        return Workflow(EXPORT_WORKFLOW, self._run, {"write": self.write})

    async def _run(self, steps: Steps, export_id: str) -> None:
        await steps.run("write")

    async def write(self, export_id: str) -> Json:
        """Put the file into the object store, and say that it is ready."""
        async with self._database.transaction() as session:
            export = await ExportRows(session).find(export_id)
            person = None if export is None else await self._find(session, export.person_id)
            if export is None or person is None or await self._is_erased(session, person.id):
                return 0  # expired, or an erasure began, which takes what an earlier try wrote
            parts, ring = await self._read(session, person)
        content = write_copy(person, export.asked_at, parts, ring)
        await self._objects.put(export.object_key, content)
        async with self._database.transaction() as session:
            # An erasure is asked for under the same lock: it finds this copy, or is found here.
            await Subjects(session, self._clock, self._outbox).lock(person.id)
            row = await ExportRows(session).find(export_id, lock=True)
            if row is None or await self._is_erased(session, person.id):
                await self._objects.delete(export.object_key)
                return 0
            row.ready_at, row.bytes = row.ready_at or self._clock.now(), len(content)
            row.sha256 = hashlib.sha256(content).hexdigest()
            row.counts = {part.table: len(part.rows) for part in parts}
        return len(content)

    async def _is_erased(self, session: Session, person_id: str) -> bool:
        return await ErasureRows(session).find_of(person_id) is not None

    async def _find(self, session: Session, person_id: str) -> KnownPerson | None:
        return await Subjects(session, self._clock, self._outbox).find(person_id)

    async def _read(self, session: Session, person: KnownPerson) -> tuple[list[Part], Keyring]:
        rows, parts = PersonalRows(session), []
        for table, note in described_tables():
            found = await rows.of_person(table, note, person.id, person.addresses)
            if found:
                parts.append(Part(table.name, note, found))
        return parts, await PersonKeys(session, self._clock, self._ids).ring([person.id])


def export_starter(workflows: Workflows) -> OutsideSubscriber[PersonExportAsked]:
    """Starts the workflow of each requested copy."""
    return start_on("exports.starter", PersonExportAsked, workflows, EXPORT_WORKFLOW, lambda news: news.export_id)
