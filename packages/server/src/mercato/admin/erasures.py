"""Asking for the erasure of a person (GDPR, Article 17): who may, what prevents it, and what ends at once."""

from mercato.admin.erasure_rows import ErasureRows
from mercato.admin.models import Erasure
from mercato.admin.news import ErasureAsked
from mercato.admin.refusals import ErasureNotFound, InvoicesOpen, UnderLegalHold
from mercato.billing import find_open_amounts
from mercato.identity import Caller, KnownPerson, LastAdministrator, Permission, Subjects
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing import Catalogue
from mercato_contracts import ids as id_prefix


class Erasures:
    """Erasures of one transaction. The work itself is a workflow (`erase.py`)."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ErasureRows(session)
        self._subjects = Subjects(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def ask(self, caller: Caller, person_id: str) -> Erasure:
        """Begin; the person has no access from now on. Asking again for the same person gives the same erasure.

        Raises `StepUpNeeded`, `NotFound`, `NotAllowed`, `UnderLegalHold`, `InvoicesOpen`, `LastAdministrator`.
        """
        person = await self._subjects.take(caller, person_id)
        found = await self._rows.find_of(person.id)
        if found is not None:
            return found
        await self._check(person)
        erasure = Erasure(
            id=self._ids.new(id_prefix.ERASURE),
            person_id=person.id,
            organisation_id=person.organisation_id,
            asked_by=caller.actor,
            asked_at=self._clock.now(),
            counts={},
        )
        self._rows.add(erasure)
        await self._subjects.end_access(person, by=caller.actor)
        news = ErasureAsked(
            by=caller.actor, user_id=person.id, organisation_id=person.organisation_id, erasure_id=erasure.id
        )
        await self._outbox.add(self._session, news)
        return erasure

    async def get(self, caller: Caller, erasure_id: str) -> Erasure:
        """Raises `ErasureNotFound`."""
        caller.require(Permission.PRIVACY_WRITE)
        found = await self._rows.find(erasure_id)
        if found is None or self._scope(caller) not in {None, found.organisation_id}:
            raise ErasureNotFound(f"There is no erasure {erasure_id}.")
        return found

    async def page(self, caller: Caller, *, before: str | None, limit: int) -> list[Erasure]:
        """The newest first: those of one's own organisation, all for operators."""
        caller.require(Permission.PRIVACY_WRITE)
        return await self._rows.page(self._scope(caller), before, limit)

    async def _check(self, person: KnownPerson) -> None:
        if await self._rows.find_hold(person.id) is not None:
            raise UnderLegalHold("What is known of this person is under a legal hold.")
        missed = await self._subjects.missed(person)
        if not missed.last_administrator and not missed.last_person:
            return
        amounts = await find_open_amounts(self._session, self._clock, person.organisation_id)
        if amounts:
            raise InvoicesOpen(
                "The organisation has open amounts, and nobody else answers for them.",
                invoices=amounts.invoices,
                unbilled=amounts.unbilled,
            )
        if missed.suspended:
            return  # whom an operator has closed needs nobody
        sells = await Catalogue(self._session).deployments_of_vendor(person.organisation_id)
        if sells or missed.is_operator or not missed.last_person:
            raise LastAdministrator("This is the last administrator of the organisation.")

    def _scope(self, caller: Caller) -> str | None:
        sees_all = caller.is_operator and caller.may(Permission.ORGANISATIONS_WRITE)
        return None if sees_all else caller.organisation_id
