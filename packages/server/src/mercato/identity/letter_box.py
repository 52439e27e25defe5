"""Letters that rooms above have for people: a row now, the text when it is sent.

A subject has at most one letter that waits, and what comes meanwhile goes into it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from mercato.identity.models import PendingLetter
from mercato.identity.people_rows import PeopleRows
from mercato.platform import Clock, Ids, Letter, Session
from mercato_contracts import ids as id_prefix

Composer = Callable[[Session, str, str], Awaitable[Letter | None]]
"""Writes the letter of this id about this subject; `None` where nobody wants it any longer."""


class LetterBox:
    """Within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids) -> None:
        self._rows = PeopleRows(session)
        self._clock = clock
        self._ids = ids

    async def post(self, kind: str, subject_id: str, pause: timedelta) -> str:
        """The id of the letter about this subject that will be sent next. A new one waits until `pause` after the last.

        It is not sent before this transaction ends, so that what is written with it is in its text.
        """
        waiting = await self._rows.lock_waiting_letter(kind, subject_id)
        if waiting is not None:
            return waiting.id
        now, last = self._clock.now(), await self._rows.last_letter_at(kind, subject_id)
        letter = PendingLetter(
            id=self._ids.new(id_prefix.LETTER), kind=kind, subject_id=subject_id, created_at=now,
            due_at=now if last is None else max(now, last + pause),
        )  # fmt: skip
        self._rows.add(letter)
        return letter.id


async def find_address(session: Session, user_id: str, organisation_id: str) -> str | None:
    """Where this person gets letters; `None` unless they are in this organisation and both may sign in."""
    return await PeopleRows(session).find_address(user_id, organisation_id)
