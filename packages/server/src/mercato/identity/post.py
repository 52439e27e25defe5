"""Letters to people: invitations, links for a new password, and what rooms above have for them (`letter_box.py`).

News puts a letter's row into the transaction that reads it, so none is lost and none is written twice; the post sends
it outside any transaction. A letter whose sending was cut off is sent again, under the same `Message-ID`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from mercato.identity.invitations import LIFETIME
from mercato.identity.letter_box import Composer
from mercato.identity.links import LinkTokens
from mercato.identity.models import PendingLetter
from mercato.identity.news import InvitationMade, PasswordResetAsked
from mercato.identity.passwords import RESET_LIFETIME
from mercato.identity.people_rows import PeopleRows
from mercato.platform import (
    Clock,
    Database,
    DurableSubscriber,
    Event,
    Ids,
    Letter,
    Mail,
    MailRefused,
    Session,
    one_line,
)
from mercato_contracts import ids as id_prefix

log = structlog.get_logger(__name__)

_LEASE = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=4)
_MOST_ATTEMPTS = 30
_LONGEST_NAME = 100
_LOOK_AGAIN_SECONDS = 30.0
"""The bell rings in the process that read the news; another worker finds a letter that was left after this long."""
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LetterLinks:
    """Where links in letters lead: `client_url` of the control plane, and the tokens of each kind."""

    client_url: str
    invitations: LinkTokens
    resets: LinkTokens


class Post:
    """Writes letters for what people should hear of, and sends them. `composers` write others' letters, by kind."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        mail: Mail,
        links: LetterLinks,
        composers: Mapping[str, Composer] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._mail = mail
        self._links = links
        self._composers = composers or {}
        self._bell = asyncio.Event()

    def subscriber(self) -> DurableSubscriber[InvitationMade | PasswordResetAsked]:
        """Runs in the worker."""

        async def handle(session: Session, events: Sequence[Event[InvitationMade | PasswordResetAsked]]) -> None:
            rows = PeopleRows(session)
            for event in events:
                rows.add(self._write(event.news))
            self._bell.set()

        return DurableSubscriber("letters", (InvitationMade, PasswordResetAsked), handle)

    async def run(self) -> None:
        """Send letters until cancelled."""
        while True:
            self._bell.clear()
            try:
                while await self.send_next():
                    pass
            except Exception as error:  # the database is away for a moment
                log.warning("letters wait", error=str(error))
            try:
                async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                    await self._bell.wait()
            except TimeoutError:
                continue

    async def send_next(self) -> bool:
        """Send the letter that is due first; whether there was one."""
        async with self._database.transaction() as session:
            rows = PeopleRows(session)
            pending = await rows.take_letter(self._clock.now(), _LEASE)
            if pending is None:
                return False
            letter = await self._compose(session, pending)
        error, is_final = None, letter is None
        if letter is not None:
            try:
                await self._mail.send(letter)
            except MailRefused as refused:
                error, is_final = str(refused), True
            except OSError as away:
                error = str(away)
        await self._note(pending.id, error, is_final=is_final)
        return True

    async def forget(self, session: Session) -> int:
        """Delete rows older than 30 days; how many."""
        return await PeopleRows(session).forget_letters(self._clock.now() - _KEPT)

    def _write(self, news: InvitationMade | PasswordResetAsked) -> PendingLetter:
        now = self._clock.now()
        is_invitation = isinstance(news, InvitationMade)
        return PendingLetter(
            id=self._ids.new(id_prefix.LETTER),
            kind="invitation" if is_invitation else "password_reset",
            subject_id=news.invitation_id if isinstance(news, InvitationMade) else news.reset_id,
            created_at=now,
            due_at=now,
        )

    async def _compose(self, session: Session, pending: PendingLetter) -> Letter | None:
        """The letter; `None` where what it is about ended meanwhile."""
        compose = self._composers.get(pending.kind)
        if compose is not None:
            return await compose(session, pending.id, pending.subject_id)
        rows = PeopleRows(session)
        if pending.kind == "invitation":
            return await self._invitation(rows, pending)
        return await self._reset(rows, pending)

    async def _invitation(self, rows: PeopleRows, pending: PendingLetter) -> Letter | None:
        found = await rows.find_invitation(pending.subject_id)
        if found is None or found[0].withdrawn_at is not None or found[0].accepted_at is not None:
            return None
        invitation, organisation = found
        if "@" not in invitation.email:
            return None  # whoever it was for was erased meanwhile
        link = f"{self._links.client_url}/join/{self._links.invitations.of(invitation.id)}"
        return Letter(
            id=pending.id,
            to=invitation.email,
            subject=f"Join {one_line(organisation.name, _LONGEST_NAME)} on Mercato",
            text=f"{one_line(organisation.name, _LONGEST_NAME)} ({organisation.slug}) invites you to Mercato "
            f"with the role {invitation.role}.\n\n{link}\n\n"
            f"The link works once, for {LIFETIME.days} days. If you do not expect it, do nothing.\n",
        )

    async def _reset(self, rows: PeopleRows, pending: PendingLetter) -> Letter | None:
        found = await rows.find_reset(pending.subject_id)
        if found is None or found[0].used_at is not None or found[0].expires_at <= self._clock.now():
            return None
        reset, user = found
        return Letter(
            id=pending.id,
            to=user.email,
            subject="Set a new password for Mercato",
            text=f"Somebody asked for a new password for {user.email}.\n\n"
            f"{self._links.client_url}/new-password/{self._links.resets.of(reset.id)}\n\n"
            f"The link works once, for {RESET_LIFETIME.seconds // 60} minutes. "
            "If it was not you, do nothing: your password stays as it is.\n",
        )

    async def _note(self, letter_id: str, error: str | None, *, is_final: bool) -> None:
        async with self._database.transaction() as session:
            letter = await PeopleRows(session).find_letter(letter_id)
            assert letter is not None
            now = self._clock.now()
            if error is None and not is_final:
                letter.sent_at = now
            elif is_final or letter.attempts >= _MOST_ATTEMPTS:
                letter.failed_at, letter.error = now, error or "No longer wanted when it was to be sent."
            else:
                letter.due_at = now + min(_FIRST_PAUSE * 2 ** (letter.attempts - 1), _LONGEST_PAUSE)
                letter.error = error
        if error is not None:
            log.warning("a letter was not sent", letter=letter_id, error=error, final=is_final)
