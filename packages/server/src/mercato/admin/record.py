"""The audit log is written from news: one more durable reader, in the order of commits.

A change only adds its news to the outbox, without a lock. This reader alone gives entries their places.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from mercato.admin.audit_rows import AuditRows
from mercato.admin.details import people_of, seal_details
from mercato.admin.news import AccessRefused
from mercato.admin.seal import log_chain
from mercato.admin.subjects import RECORDED_AT_ONCE, Subject, audited_news, subject_of, verb_of
from mercato.identity import Actor, Actors, InvitationAccepted, MembershipChanged, PersonKeys
from mercato.platform import Clock, DurableSubscriber, Event, Ids, News, RequestContext, Session, mask_fields
from mercato.publishing import Catalogue
from mercato_contracts import ids as id_prefix
from mercato_contracts.audit import AuditActor, AuditCore, AuditTarget, at_text, core_text, details_digest
from mercato_contracts.merkle import leaf_hash

_NO_CONTEXT = RequestContext()
_COMING_AND_GOING = (InvitationAccepted, MembershipChanged)


class AuditRecorder:
    """Turns news into entries. `came` is set whenever there is something to seal."""

    def __init__(self, clock: Clock, ids: Ids, came: asyncio.Event) -> None:
        self._clock = clock
        self._ids = ids
        self._came = came

    def subscriber(self) -> DurableSubscriber[News]:
        """To be run by the worker."""
        return DurableSubscriber("audit", audited_news(), self._hear)

    async def _hear(self, session: Session, events: Sequence[Event[News]]) -> None:
        new = [event for event in events if not isinstance(event.news, RECORDED_AT_ONCE)]
        if new:
            await self.record(session, new)
        self._came.set()

    async def record(self, session: Session, events: Sequence[Event[News]]) -> None:
        """Append an entry for each event, in their order."""
        chain, _ = log_chain(session, self._clock)
        subjects = [subject_of(event.news) for event in events]
        known = await _find_names(session, events, subjects)
        operators = await Actors(session).operator_ids()
        named = [people_of(event.news, subject) for event, subject in zip(events, subjects, strict=True)]
        ring = await PersonKeys(session, self._clock, self._ids).ring(set().union(*named))
        last = await chain.begin_append()
        place = 0 if last is None else last.place + 1
        rows = [
            self._row(place + number, event, subject, known, operators)
            for number, (event, subject) in enumerate(zip(events, subjects, strict=True))
        ]
        for row, people in zip(rows, named, strict=True):
            row["details"] = seal_details(row["details"], people, ring, self._ids)
        await AuditRows(session).add(rows)
        # The seal waits for this transaction: both take the chain's lock.
        self._came.set()

    def _row(
        self, place: int, event: Event[News], subject: Subject, known: Mapping[str, Actor], operators: set[str]
    ) -> dict[str, Any]:
        news, context = event.news, event.context or _NO_CONTEXT
        details = self._details(event, subject, known)
        actor = _actor(news, context, subject, known)
        core = AuditCore(
            place=place,
            id=self._ids.new(id_prefix.AUDIT_ENTRY),
            at=at_text(event.at.astimezone(UTC)),
            verb=verb_of(news),
            outcome="denied" if isinstance(news, AccessRefused) else "allowed",
            count=news.count if isinstance(news, AccessRefused) else 1,
            actor=actor,
            organisation=_whose(actor, subject, known, operators),
            target=AuditTarget(type=subject.type, id=subject.id),
            request=context.request_id,
            details_sha256=details_digest(details),
        )
        entry = core_text(core)
        return {
            "place": place,
            "id": core.id,
            "at": event.at,
            "verb": core.verb,
            "outcome": core.outcome,
            "actor_id": actor.id,
            "organisation_id": core.organisation,
            "target_type": core.target.type,
            "target_id": core.target.id,
            "entry": entry,
            "leaf": leaf_hash(entry.encode()),
            "details": details,
        }

    def _details(self, event: Event[News], subject: Subject, known: Mapping[str, Actor]) -> dict[str, Any]:
        context = event.context or _NO_CONTEXT
        actor, target = known.get(event.news.by), known.get(subject.id)
        facts = {
            "actor_name": "" if actor is None else actor.name,
            "target_name": "" if target is None else target.name,
            "on_behalf_of": context.on_behalf_of,
            "authenticated": context.authenticated,
            "credential": context.credential,
            "address": context.address,
        }
        changed = {"reason": subject.reason, "before": subject.before, "after": subject.after}
        return {"salt": self._ids.secret(16).hex(), **facts, **mask_fields(changed)}


async def _find_names(session: Session, events: Sequence[Event[News]], subjects: Sequence[Subject]) -> dict[str, Actor]:
    """Names as they are now, a moment after the change."""
    ids = {event.news.by for event in events} | {subject.id for subject in subjects}
    known = await Actors(session).find(ids)
    service_ids = [subject.id for subject in subjects if subject.type == "service"]
    for service in await Catalogue(session).find_services(service_ids) if service_ids else ():
        known[service.id] = Actor(service.id, "organisation", service.name, service.vendor_id)
    return known


def _actor(news: News, context: RequestContext, subject: Subject, known: Mapping[str, Actor]) -> AuditActor:
    by, found = news.by, known.get(news.by)
    if found is not None:
        organisation = _acted_in(news, context, subject) or found.organisation_id
        return AuditActor(id=by, kind="key" if found.kind == "key" else "user", organisation=organisation)
    if by == "" or by == context.address:
        return AuditActor(id=by, kind="nobody")
    return AuditActor(id=by, kind="process", organisation=context.organisation_id)


def _acted_in(news: News, context: RequestContext, subject: Subject) -> str:
    """The organisation that the session acted in, which may be another than the account's; empty where none is known.

    Who joins or leaves an organisation does so in that one. Who views as somebody acts in their own.
    """
    if isinstance(news, _COMING_AND_GOING):
        return subject.organisation_id
    return context.organisation_id if context.actor == news.by and not context.on_behalf_of else ""


def _whose(actor: AuditActor, subject: Subject, known: Mapping[str, Actor], operators: set[str]) -> str:
    """Whose entry it is: the actor's organisation; the one concerned, where an operator or a process acts."""
    if actor.organisation and actor.organisation not in operators:
        return actor.organisation
    concerned = known.get(subject.id)
    return subject.organisation_id or (concerned.organisation_id if concerned else "") or actor.organisation
