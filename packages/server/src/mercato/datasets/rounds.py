"""Rounds: open, closed, scored, resolved, never back. The marketplace's own side; who may do it is asked before."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mercato.datasets.build import Panels
from mercato.datasets.eras import RoundEras, choose_eras
from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition
from mercato.datasets.news import RoundClosed, RoundOpened, RoundResolved, RoundScored
from mercato.datasets.panel import Panel
from mercato.datasets.refusals import (
    DatasetNotFound,
    EmbargoNotOver,
    PanelMissing,
    RoundInWrongState,
    RoundNotFound,
    RoundOpenAlready,
    ScoresDiffer,
)
from mercato.datasets.repository import DatasetRepository
from mercato.platform import Clock, Ids, News, ObjectStore, Outbox, Session, desk_libraries
from mercato_contracts import ids as id_prefix

TRAIN, LIVE, TARGETS = "train.parquet", "live.parquet", "targets.parquet"
_BEFORE = {"closed": "open", "scored": "closed", "resolved": "scored"}
_BY_THE_CLOCK = "the clock"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long signals are taken after a round opens, and how long targets stay under embargo after it has closed."""

    open_for: timedelta
    embargo: timedelta


class Rounds:
    """The state machine. Every step locks the round, writes who did it and why, and tells the news of it.

    `by` is an actor's id (`usr_…`, `key_…`) or words for the marketplace itself.
    """

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, store: ObjectStore) -> None:
        self._session = session
        self._rows = DatasetRepository(session)
        self._panels = Panels(session, store)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._store = store

    async def get(self, round_id: str) -> Round:
        """Raises `RoundNotFound`."""
        return _found(await self._rows.find_round(round_id), round_id)

    async def lock(self, round_id: str) -> Round:
        """Until this transaction ends nobody else moves the round. Raises `RoundNotFound`."""
        # The lock comes before the state is read: of two who move a round at once, the second sees what the first did.
        return _found(await self._rows.find_round(round_id, lock=True), round_id)

    async def open(
        self,
        dataset_name: str,
        schedule: Schedule,
        *,
        by: str,
        reason: str,
        first_era: int | None = None,
        eras: int = 5,
    ) -> Round:
        """A new round over `eras` eras from `first_era` on (by default those after the last round), with its files.

        Training data is purged: it ends so early that no target in it looks into the round, or into an earlier round
        that is not resolved. Raises `DatasetNotFound`, `PanelMissing`, `RoundOpenAlready`, `ErasNotOffered`.
        """
        dataset = await self._rows.find_dataset(dataset_name, None, lock=True)
        if dataset is None:
            raise DatasetNotFound(f"There is no dataset {dataset_name}.")
        if dataset.panel_id is None:
            raise PanelMissing(f"{dataset_name} has no panel yet.")
        if await self._rows.find_open(dataset.id) is not None:
            raise RoundOpenAlready(f"A round of {dataset_name} is open.")
        panel = await self._panels.load(dataset.panel_id)
        before = await self._rows.newest_round(dataset.id)
        unresolved = await self._rows.first_unresolved_era(dataset.id)
        chosen = choose_eras(panel, first_era, eras, before.last_era if before else None, unresolved)
        return await self._begin(dataset, dataset.panel_id, panel, chosen, before, schedule, by, reason)

    async def close(self, round_id: str, *, by: str, reason: str) -> Round:
        """No signal is taken any more. Raises `RoundNotFound`, `RoundInWrongState`."""
        return await self._move(await self.lock(round_id), "closed", by, reason)

    async def mark_scored(self, round_id: str, scores_sha256: str, *, by: str) -> Round:
        """The desk has published the scores of a closed round, whose checksum this is; the same again changes nothing.

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
        """Targets may be had from now on. Raises `RoundNotFound`, `RoundInWrongState`, `EmbargoNotOver`."""
        found = await self.lock(round_id)
        _expect(found, "resolved")
        if self._clock.now() < found.embargo_until:
            raise EmbargoNotOver(
                f"Round {found.number} is under embargo until {found.embargo_until:%Y-%m-%d %H:%M:%S} UTC.",
                embargo_until=found.embargo_until.isoformat(),
            )
        return await self._move(found, "resolved", by, reason)

    async def close_due(self) -> int:
        """Close every open round whose time is over; returns how many. For the worker."""
        due = await self._rows.due("open", self._clock.now())
        return sum([await self._move_if_still(round_id, "closed", "its time is over") for round_id in due])

    async def resolve_due(self) -> int:
        """Resolve every scored round whose embargo is over; returns how many. For the worker."""
        due = await self._rows.due("scored", self._clock.now())
        return sum([await self._move_if_still(round_id, "resolved", "its embargo is over") for round_id in due])

    async def _move_if_still(self, round_id: str, state: str, reason: str) -> bool:
        found = await self.lock(round_id)
        if found.state != _BEFORE[state]:
            return False  # somebody was quicker
        await self._move(found, state, _BY_THE_CLOCK, reason)
        return True

    async def _move(self, found: Round, state: str, by: str, reason: str) -> Round:
        _expect(found, state)
        found.state = state
        if state == "closed":
            # Closed early or late, the embargo counts from when signals really ended.
            found.embargo_until += self._clock.now() - found.closes_at
            found.closes_at = self._clock.now()
        await self._note(found, by, reason)
        return found

    async def _note(self, found: Round, by: str, reason: str) -> None:
        now = self._clock.now()
        self._rows.add(RoundTransition(round_id=found.id, state=found.state, by=by, reason=reason, at=now))
        await self._outbox.add(self._session, _news_of(found, by))

    async def _begin(
        self, dataset: Dataset, panel_id: str, panel: Panel, eras: RoundEras, before: Round | None,
        schedule: Schedule, by: str, reason: str,
    ) -> Round:  # fmt: skip
        now: datetime = self._clock.now()
        made = Round(
            id=self._ids.new(id_prefix.ROUND),
            dataset_id=dataset.id,
            panel_id=panel_id,
            number=before.number + 1 if before else 1,
            state="open",
            first_era=eras.first,
            last_era=eras.last,
            train_last_era=eras.train_last,
            horizon_days=panel.horizon.days,
            lag_days=panel.horizon.lag,
            opened_at=now,
            closes_at=now + schedule.open_for,
            embargo_until=now + schedule.open_for + schedule.embargo,
            scores_sha256=None,
        )
        self._rows.add(made)
        await self._rows.flush()
        for name, (content, rows) in (await asyncio.to_thread(_write_files, panel, eras)).items():
            key = f"rounds/{made.id}/{name}"
            await self._store.put(key, content)
            sha256 = hashlib.sha256(content).hexdigest()
            self._rows.add(
                RoundFile(round_id=made.id, name=name, object_key=key, bytes=len(content), sha256=sha256, rows=rows)
            )
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


def _write_files(panel: Panel, eras: RoundEras) -> dict[str, tuple[bytes, int]]:
    with desk_libraries():
        from mercato.datasets.parquet import write_rows
    return {
        TRAIN: write_rows(panel, 1, eras.train_last, features=True, target=True),
        LIVE: write_rows(panel, eras.first, eras.last, features=True, target=False),
        TARGETS: write_rows(panel, eras.first, eras.last, features=False, target=True),
    }
