"""Erasing a person, in steps that may run twice. What names them is read anew in each step and stands in no record of
the engine; the last step but one takes it away.
"""

import json
from collections.abc import Sequence

import structlog

from mercato.admin.audit_rows import AuditRows
from mercato.admin.details import open_all
from mercato.admin.erasure_rows import ErasureRows
from mercato.admin.export_rows import ExportRows
from mercato.admin.models import AuditRow, Erasure
from mercato.admin.news import AuditPruned, ErasureAsked, SubjectErased
from mercato.admin.personal_rows import PersonalRows
from mercato.admin.words import Words, says
from mercato.discovery import tell_rewritten
from mercato.identity import KnownPerson, PersonKeys, Subjects
from mercato.platform import (
    Clock,
    Database,
    Erased,
    Ids,
    Json,
    Mail,
    ObjectStore,
    Outbox,
    OutsideSubscriber,
    Session,
    StepFunction,
    Steps,
    Workflow,
    Workflows,
    described_tables,
    start_on,
)

log = structlog.get_logger(__name__)

WORKFLOW = "erase-person"
ERASURES = "privacy/erasures"
"""Where the list of erasures is kept in the object store: a restored database does not know the newest ones."""

_BY = "erasure"
_ENTRIES_AT_ONCE = 1_000
_INDEXED = "listing_documents"


class ErasureWork:
    """The workflow, over an erasure's id."""

    def __init__(
        self, database: Database, clock: Clock, ids: Ids, outbox: Outbox, objects: ObjectStore, mail: Mail
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._objects = objects
        self._mail = mail

    def workflow(self) -> Workflow:
        """Durable; its subject is the id of an erasure."""
        steps: dict[str, StepFunction] = {
            "begin": self.begin,
            "files": self.forget_files,
            "mask": self.mask,
            "entries": self.erase_entries,
            "shred": self.shred,
            "end": self.end,
        }
        return Workflow(WORKFLOW, self._run, steps)

    async def _run(self, steps: Steps, erasure_id: str) -> None:
        tables = await steps.run("begin")
        await steps.run("files")
        for table in tables:
            await steps.run("mask", table)
        await steps.run("entries")
        await steps.run("shred")
        await steps.run("end")

    async def do_all(self, erasure_id: str) -> None:
        """Every step, one after the other, in this process."""
        tables = await self.begin(erasure_id)
        await self.forget_files(erasure_id)
        for table in tables:
            await self.mask(erasure_id, table)
        await self.erase_entries(erasure_id)
        await self.shred(erasure_id)
        await self.end(erasure_id)

    async def begin(self, erasure_id: str) -> Json:
        """Put it on the list that outlives the database, and end the person's access; the tables with words."""
        async with self._database.transaction() as session:
            erasure, person = await self._read(session, erasure_id)
            await Subjects(session, self._clock, self._outbox).end_access(person, by=erasure.asked_by)
        kept = {name: getattr(erasure, name) for name in ("id", "person_id", "organisation_id", "asked_by")}
        kept["asked_at"] = erasure.asked_at.isoformat()
        await self._objects.put(f"{ERASURES}/{erasure_id}.json", json.dumps(kept).encode())
        return [table.name for table, note in described_tables() if note.columns_that(Erased.MASKED)]

    async def forget_files(self, erasure_id: str) -> Json:
        """Letters that a folder of this machine keeps, and copies that were made for the person."""
        async with self._database.transaction() as session:
            _, person = await self._read(session, erasure_id)
        await self._forget_copies(person)
        letters = sum([await self._mail.forget(email) for email in person.addresses])
        return await self._note(erasure_id, "letters in files", letters)

    async def mask(self, erasure_id: str, name: str) -> Json:
        """The person's name and address in words of one table."""
        async with self._database.transaction() as session:
            erasure, person = await self._read(session, erasure_id)
            rows = PersonalRows(session)
            await rows.begin_erasing()
            table, note = next(each for each in described_tables() if each[0].name == name)
            changed = await rows.mask(table, note, person, await self._words(session, erasure, person))
            for key in changed if name == _INDEXED else ():
                await tell_rewritten(session, self._outbox, str(key[0]), by=_BY)
        return await self._note(erasure_id, name, len(changed))

    async def erase_entries(self, erasure_id: str) -> Json:
        """Details of audit entries that name the person, as far as `Words` says."""
        async with self._database.transaction() as session:
            erasure, person = await self._read(session, erasure_id)
            words = await self._words(session, erasure, person)
        erased, after = 0, -1
        while True:
            async with self._database.transaction() as session:
                page = await AuditRows(session).details_after(after, _ENTRIES_AT_ONCE)
                erased += await _erase_named(session, page, person, words)
            if len(page) < _ENTRIES_AT_ONCE:
                break
            after = page[-1].place
        return await self._note(erasure_id, "audit entries that named them", erased)

    async def shred(self, erasure_id: str) -> Json:
        """Destroy the key, delete what is theirs alone, and empty the account. Afterwards nobody knows who it was."""
        counts: dict[str, int] = {}
        async with self._database.transaction() as session:
            _, person = await self._read(session, erasure_id)
        await self._forget_copies(person)  # again: their names go with the rows
        async with self._database.transaction() as session:
            rows = PersonalRows(session)
            await rows.begin_erasing()
            counts["audit entries of theirs"] = await AuditRows(session).count_details_of(person.id)
            counts["audit entries unsealed"] = await AuditRows(session).erase_details(person.id)
            await PersonKeys(session, self._clock, self._ids).destroy(person.id)
            for table, note in described_tables():
                if note.columns_that(Erased.ROW):
                    counts[table.name] = await rows.delete(table, note, person.id)
                elif note.columns_that(Erased.BLANKED):
                    counts[table.name] = await rows.blank(table, note, person.id)
            await ErasureRows(session).note(erasure_id, counts)
        return sum(counts.values())

    async def end(self, erasure_id: str) -> Json:
        """Say that it was done."""
        async with self._database.transaction() as session:
            erasure = await ErasureRows(session).note(erasure_id, {})
            if erasure.ended_at is None:
                erasure.ended_at = self._clock.now()
                news = SubjectErased(
                    by=erasure.asked_by,
                    user_id=erasure.person_id,
                    organisation_id=erasure.organisation_id,
                    erasure_id=erasure.id,
                )
                await self._outbox.add(session, news)
        log.info("a person was erased", erasure=erasure_id)
        return None

    async def _read(self, session: Session, erasure_id: str) -> tuple[Erasure, KnownPerson]:
        erasure = await ErasureRows(session).find(erasure_id)
        assert erasure is not None
        person = await Subjects(session, self._clock, self._outbox).find(erasure.person_id)
        assert person is not None
        return erasure, person

    async def _forget_copies(self, person: KnownPerson) -> None:
        async with self._database.transaction() as session:
            copies = [export.object_key for export in await ExportRows(session).of_person(person.id)]
        for key in copies:
            await self._objects.delete(key)

    async def _words(self, session: Session, erasure: Erasure, person: KnownPerson) -> Words:
        """An operator who asks about somebody else answers for what is rewritten in all organisations."""
        asker = await Subjects(session, self._clock, self._outbox).find(erasure.asked_by)
        by_operator = asker is not None and asker.is_operator and asker.id != person.id
        return Words.of(person, everywhere=by_operator)

    async def _note(self, erasure_id: str, what: str, count: int) -> int:
        if count:
            async with self._database.transaction() as session:
                await ErasureRows(session).note(erasure_id, {what: count})
        return count


async def _erase_named(session: Session, page: Sequence[AuditRow], person: KnownPerson, words: Words) -> int:
    """Of these entries, drop the details with the person's words; how many."""

    def pattern(row: AuditRow) -> str:
        if person.id in (row.actor_id, row.target_id):
            return words.in_own
        return words.in_organisation if row.organisation_id in person.organisations else words.elsewhere

    opened = await open_all(session, [row.details for row in page])
    named = [
        row.place
        for row, details in zip(page, opened, strict=True)
        # What says that entries were pruned is never lost; it names nobody in its words.
        if row.verb != AuditPruned.topic and details and pattern(row) and says(details, pattern(row))
    ]
    return await AuditRows(session).erase_details_at(named)


def erasure_starter(workflows: Workflows) -> OutsideSubscriber[ErasureAsked]:
    """Starts the workflow of each requested erasure."""
    return start_on("erasures.starter", ErasureAsked, workflows, WORKFLOW, lambda news: news.erasure_id)
