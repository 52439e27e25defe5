"""Legal holds: while one is in force, what is known of a person is not erased."""

from mercato.admin.erasure_rows import ErasureRows
from mercato.admin.models import LegalHold
from mercato.admin.news import LegalHoldChanged
from mercato.admin.refusals import ErasureBegun
from mercato.identity import Caller, Permission, Subjects
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix


class LegalHolds:
    """What operators hold, within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ErasureRows(session)
        self._subjects = Subjects(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def place(self, caller: Caller, person_id: str, reason: str) -> LegalHold:
        """A person has one hold at most; placing it again changes nothing. Raises `NotFound`, `ErasureBegun`."""
        caller.require(Permission.ORGANISATIONS_WRITE)
        person = await self._subjects.lock(person_id)
        if person is None:
            raise NotFound(f"There is no person {person_id}.", user=person_id)
        found = await self._rows.find_hold(person_id, lock=True)
        if found is not None:
            return found
        erasure = await self._rows.find_of(person_id)
        if erasure is not None:
            raise ErasureBegun("The erasure of this person was asked for before.", erasure=erasure.id)
        hold = LegalHold(
            id=self._ids.new(id_prefix.LEGAL_HOLD),
            person_id=person.id,
            organisation_id=person.organisation_id,
            reason=reason,
            placed_by=caller.actor,
            placed_at=self._clock.now(),
        )
        self._rows.add(hold)
        await self._tell(caller, hold, "placed", reason)
        return hold

    async def lift(self, caller: Caller, person_id: str) -> LegalHold:
        """Raises `NotFound` where none is in force."""
        caller.require(Permission.ORGANISATIONS_WRITE)
        hold = await self._rows.find_hold(person_id, lock=True)
        if hold is None:
            raise NotFound(f"There is no legal hold on {person_id}.", user=person_id)
        hold.lifted_by, hold.lifted_at = caller.actor, self._clock.now()
        await self._tell(caller, hold, "lifted", hold.reason)
        return hold

    async def page(self, caller: Caller, *, before: str | None, limit: int) -> list[LegalHold]:
        """The newest first, lifted ones too."""
        caller.require(Permission.ORGANISATIONS_WRITE)
        return await self._rows.holds(before, limit)

    async def _tell(self, caller: Caller, hold: LegalHold, change: str, reason: str) -> None:
        news = LegalHoldChanged(
            by=caller.actor,
            user_id=hold.person_id,
            organisation_id=hold.organisation_id,
            hold_id=hold.id,
            change=change,
            reason=reason,
        )
        await self._outbox.add(self._session, news)
