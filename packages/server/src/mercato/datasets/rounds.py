"""Rounds go from open to closed, scored and resolved, and never back. Callers check permissions first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mercato.datasets.drafts import RoundDraft, next_number
from mercato.datasets.models import Round, RoundFile, RoundTransition
from mercato.datasets.news import RoundClosed, RoundOpened, RoundResolved, RoundScored
from mercato.datasets.refusals import (
    EmbargoNotOver,
    RoundInWrongState,
    RoundNotFound,
    RoundOpenAlready,
    ScoresDiffer,
)
from mercato.datasets.repository import DatasetRepository
from mercato.platform import Clock, News, Outbox, Session

_BEFORE = {"closed": "open", "scored": "closed", "resolved": "scored"}
_BY_THE_CLOCK = "the clock"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a round accepts signals after it opens, and how long targets stay under embargo after it closes."""

    open_for: timedelta
    embargo: timedelta


class Rounds:
    """The state machine.

    Every transition locks the round, records who made it and why, and writes the news. `by` is an actor's id (`usr_…`,
    `key_…`), or words for the marketplace itself.
    """

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = DatasetRepository(session)
        self._clock = clock
        self._outbox = outbox

    async def get(self, round_id: str) -> Round:
        """Raises `RoundNotFound`."""
        return _found(await self._rows.find_round(round_id), round_id)

    async def lock(self, round_id: str) -> Round:
        """The round, locked until this transaction ends. Raises `RoundNotFound`."""
        # Lock before reading the state: of two concurrent transitions, the second sees what the first did.
        return _found(await self._rows.find_round(round_id, lock=True), round_id)

    async def open(self, draft: RoundDraft, schedule: Schedule, *, by: str, reason: str) -> Round:
        """Open the drafted round (`RoundOpening.draft`).

        Raises `RoundOpenAlready`, also if another round was opened since the draft was made.
        """
        dataset = await self._rows.lock_dataset(draft.dataset_id)
        before = await self._rows.newest_round(dataset.id)
        # A draft is valid only for the state it was made from. Rounds resolved since then do no harm: training data
        # could end later, and ends early enough as it is.
        if await self._rows.find_open(dataset.id) is not None or draft.number != next_number(before):
            raise RoundOpenAlready(f"A round of {dataset.name} is open.")
        return await self._begin(draft, schedule, by, reason)

    async def close(self, round_id: str, *, by: str, reason: str) -> Round:
        """Close it: no more signals are accepted. Raises `RoundNotFound`, `RoundInWrongState`."""
        return await self._move(await self.lock(round_id), "closed", by, reason)

    async def mark_scored(self, round_id: str, scores_sha256: str, *, by: str) -> Round:
        """Record the checksum of the scores that the desk published for a closed round; repeating it changes nothing.

        Raises `RoundNotFound`, `RoundInWrongState`, `ScoresDiffer`.
        """
        found = await self.lock(round_id)
        if found.scores_sha256 is not None:
            if found.scores_sha256 != scores_sha256:
                raise ScoresDiffer(f"Round {found.number} was scored before, with another result.")
            return found
        moved = await self._move(found, "scored", by, "scores were published")
        moved.scores_sha256 = scores_sha256
        return moved

    async def resolve(self, round_id: str, *, by: str, reason: str) -> Round:
        """Resolve it: targets may be downloaded from now on.

        Raises `RoundNotFound`, `RoundInWrongState`, `EmbargoNotOver`.
        """
        found = await self.lock(round_id)
        _expect(found, "resolved")
        if self._clock.now() < found.embargo_until:
            raise EmbargoNotOver(
                f"Round {found.number} is under embargo until {found.embargo_until:%Y-%m-%d %H:%M:%S} UTC.",
                embargo_until=found.embargo_until.isoformat(),
            )
        return await self._move(found, "resolved", by, reason)

    async def close_due(self) -> int:
        """Close every open round that is due; returns how many. For the worker."""
        due = await self._rows.due("open", self._clock.now())
        return sum([await self._move_if_still(round_id, "closed", "its time is over") for round_id in due])

    async def resolve_due(self) -> int:
        """Resolve every scored round whose embargo is over; returns how many. For the worker."""
        due = await self._rows.due("scored", self._clock.now())
        return sum([await self._move_if_still(round_id, "resolved", "its embargo is over") for round_id in due])

    async def _move_if_still(self, round_id: str, state: str, reason: str) -> bool:
        found = await self.lock(round_id)
        if found.state != _BEFORE[state]:
            return False  # another worker was faster
        await self._move(found, state, _BY_THE_CLOCK, reason)
        return True

    async def _move(self, found: Round, state: str, by: str, reason: str) -> Round:
        _expect(found, state)
        found.state = state
        if state == "closed":
            # If it was closed early or late, the embargo still counts from when signals really ended.
            found.embargo_until += self._clock.now() - found.closes_at
            found.closes_at = self._clock.now()
        await self._note(found, by, reason)
        return found

    async def _note(self, found: Round, by: str, reason: str) -> None:
        now = self._clock.now()
        self._rows.add(RoundTransition(round_id=found.id, state=found.state, by=by, reason=reason, at=now))
        await self._outbox.add(self._session, _news_of(found, by))

    async def _begin(self, draft: RoundDraft, schedule: Schedule, by: str, reason: str) -> Round:
        now: datetime = self._clock.now()
        made = Round(
            id=draft.id,
            dataset_id=draft.dataset_id,
            panel_id=draft.panel_id,
            number=draft.number,
            state="open",
            first_era=draft.eras.first,
            last_era=draft.eras.last,
            train_last_era=draft.eras.train_last,
            horizon_days=draft.horizon.days,
            lag_days=draft.horizon.lag,
            opened_at=now,
            closes_at=now + schedule.open_for,
            embargo_until=now + schedule.open_for + schedule.embargo,
            scores_sha256=None,
        )
        self._rows.add(made)
        await self._rows.flush()
        for file in draft.files:
            self._rows.add(
                RoundFile(
                    round_id=made.id, name=file.name, object_key=file.object_key, bytes=file.size,
                    sha256=file.sha256, rows=file.rows,
                )
            )  # fmt: skip
        await self._note(made, by, reason)
        return made


def _news_of(found: Round, by: str) -> News:
    facts: dict[str, Any] = {"round_id": found.id, "dataset_id": found.dataset_id, "number": found.number, "by": by}
    match found.state:
        case "open":
            return RoundOpened(**facts)
        case "closed":
            return RoundClosed(**facts)
        case "scored":
            return RoundScored(**facts)
    return RoundResolved(**facts)


def _found(row: Round | None, round_id: str) -> Round:
    if row is None:
        raise RoundNotFound(f"There is no round {round_id}.")
    return row


def _expect(found: Round, state: str) -> None:
    if found.state != _BEFORE[state]:
        raise RoundInWrongState(
            f"Round {found.number} is {found.state}; only a round that is {_BEFORE[state]} can be {state}.",
            state=found.state,
            wanted=state,
        )
