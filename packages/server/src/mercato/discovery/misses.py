"""Notes searches that found nothing that fits, with their words but not who asked.

An asker is a digest by a key that changes each month: nobody is followed for longer, and one person, who is two at most
in four weeks, is never enough. Words that look like an address, a number or a secret are not kept. What fewer than
`FEWEST` askers looked for is shown to nobody.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mercato.discovery.miss_rows import MissRows
from mercato.platform import Clock, Database, Purpose, Session, derive_key

log = structlog.get_logger(__name__)

FEWEST = 3
"""So many askers must have looked for the same words before anybody reads them."""
_LONGEST = 80
_MOST_OF_A_DAY = 20_000
_ASKER_DIGITS = 16
_PRIVATE = re.compile(r"@|://|\d{5,}|\d[\d .()-]{6,}\d|_[0-9a-z]{12,}|[0-9a-f]{16,}")


@dataclass(frozen=True, slots=True)
class Missed:
    """What was looked for in vain: `words` are empty for all that nobody may read."""

    words: str
    searches: int
    askers: int
    last_at: datetime


class SearchMisses:
    """One for a process."""

    def __init__(self, database: Database, clock: Clock, secret: bytes, *, most_of_a_day: int = _MOST_OF_A_DAY) -> None:
        self._most_of_a_day = most_of_a_day
        self._database = database
        self._clock = clock
        self._secret = secret
        self._day: datetime | None = None
        self._of_the_day = 0

    async def note(self, words: str, asker: str) -> None:
        """One search in vain. A database that does not answer is no reason for the search to fail."""
        day = self._clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if day != self._day:
            self._day, self._of_the_day = day, 0
        self._of_the_day += 1
        # A flood of invented words fills no table.
        kept = readable(words) if self._of_the_day <= self._most_of_a_day else ""
        key = derive_key(self._secret, Purpose.SEARCH_ASKER, f"{day:%Y-%m}")
        row = {
            "at": day,
            "words": kept,
            "words_digest": hashlib.sha256(kept.encode()).hexdigest(),
            "asker": hmac.digest(key, asker.encode(), "sha256").hex()[:_ASKER_DIGITS],
        }
        try:
            async with self._database.transaction() as session:
                await MissRows(session).count_one(row)
        except SQLAlchemyError as error:
            log.warning("a search without results was not counted", error=type(error).__name__)


def readable(words: str) -> str:
    """The words as they are kept; empty where they look like something of a person or a secret."""
    plain = " ".join(words.casefold().split())
    return "" if len(plain) > _LONGEST or _PRIVATE.search(plain) else plain


async def find_misses(session: Session, since: datetime, until: datetime) -> list[Missed]:
    """What enough askers looked for in vain, the most wanted first; all the rest together comes last, without words."""
    shown: list[Missed] = []
    rest: list[Missed] = []
    for words, searches, askers, last_at in await MissRows(session).sums(since, until):
        (shown if words and askers >= FEWEST else rest).append(Missed(words, searches, askers, last_at))
    shown.sort(key=lambda one: (-one.askers, -one.searches, one.words))
    if not rest:
        return shown
    others = Missed(
        "", sum(one.searches for one in rest), sum(one.askers for one in rest), max(one.last_at for one in rest)
    )
    return [*shown, others]
