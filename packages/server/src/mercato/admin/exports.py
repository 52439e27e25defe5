"""A copy of what is known of a person (GDPR, Articles 15 and 20): who may ask, and the link to it."""

from datetime import timedelta

from mercato.admin.erasure_rows import ErasureRows
from mercato.admin.export_rows import ExportRows
from mercato.admin.models import PersonExport
from mercato.admin.news import PersonExportAsked
from mercato.admin.refusals import ErasureBegun, ExportNotFound
from mercato.identity import Caller, Permission, Subjects
from mercato.platform import LONGEST_LINK, Clock, Ids, ObjectStore, Outbox, Session
from mercato_contracts import ids as id_prefix

EXPORTS = "privacy/exports"
LIFETIME = timedelta(days=7)
assert LIFETIME <= LONGEST_LINK
_AT_ONCE = 100


class PersonExports:
    """Copies of one transaction. The work itself is a workflow (`export.py`)."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, objects: ObjectStore) -> None:
        self._session = session
        self._rows = ExportRows(session)
        self._subjects = Subjects(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._objects = objects

    async def ask(self, caller: Caller, person_id: str) -> PersonExport:
        """Begin. While one is under way, asking again gives the same.

        Raises `StepUpNeeded`, `NotFound`, `NotAllowed`, `ErasureBegun`.
        """
        person = await self._subjects.take(caller, person_id)
        erasure = await ErasureRows(self._session).find_of(person.id)
        if erasure is not None:
            raise ErasureBegun("This person is being erased.", erasure=erasure.id)
        found = await self._rows.under_way(person.id)
        if found is not None:
            return found
        now, export_id = self._clock.now(), self._ids.new(id_prefix.PERSON_EXPORT)
        # The name of the object is no id that anybody sees: a key can be guessed at a public bucket.
        export = PersonExport(
            id=export_id,
            person_id=person.id,
            organisation_id=person.organisation_id,
            asked_by=caller.actor,
            asked_at=now,
            expires_at=now + LIFETIME,
            object_key=f"{EXPORTS}/{export_id}-{self._ids.secret(16).hex()}.zip",
            bytes=0,
            sha256="",
            counts={},
        )
        self._rows.add(export)
        news = PersonExportAsked(
            by=caller.actor, user_id=person.id, organisation_id=person.organisation_id, export_id=export_id
        )
        await self._outbox.add(self._session, news)
        return export

    async def get(self, caller: Caller, export_id: str) -> PersonExport:
        """Raises `ExportNotFound`, for one that expired too."""
        found = await self._rows.find(export_id)
        if found is None or found.expires_at <= self._clock.now() or not self._may_read(caller, found):
            raise ExportNotFound(f"There is no copy {export_id}.")
        return found

    async def page(self, caller: Caller, person_id: str) -> list[PersonExport]:
        """The newest first."""
        now = self._clock.now()
        found = await self._rows.of_person(person_id)
        return [each for each in found if each.expires_at > now and self._may_read(caller, each)]

    async def link(self, export: PersonExport) -> str | None:
        """An address that gives the file to whoever has it, until it expires; `None` while it is being made."""
        if export.ready_at is None:
            return None
        left = export.expires_at - self._clock.now()
        return await self._objects.presign(export.object_key, max(left, timedelta(seconds=1)))

    async def forget(self) -> int:
        """Remove files and rows of those that expired; how many."""
        expired = await self._rows.take_expired(self._clock.now(), _AT_ONCE)
        for export in expired:
            await self._objects.delete(export.object_key)
            await self._rows.delete(export)
        return len(expired)

    def _may_read(self, caller: Caller, export: PersonExport) -> bool:
        """The person, and whoever may ask for it."""
        if caller.actor == export.person_id:
            return caller.session_id is not None
        if not caller.may(Permission.PRIVACY_WRITE):
            return False
        sees_all = caller.is_operator and caller.may(Permission.ORGANISATIONS_WRITE)
        return sees_all or caller.organisation_id == export.organisation_id
