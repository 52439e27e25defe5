"""The open rounds: which ids each of their eras asks for."""

from collections import OrderedDict
from collections.abc import Mapping

from sqlalchemy import select

from mercato.datasets import Panels, Round
from mercato.platform import ObjectStore, Session
from mercato.signals.refusals import SignalLate, SignalRoundUnknown

_ROUNDS_MAX = 16


class LiveRounds:
    """What this process knows of rounds. Eras and ids of a round never change, so they are read once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: OrderedDict[str, Mapping[int, frozenset[str]]] = OrderedDict()

    async def open_eras(self, session: Session, round_id: str) -> Mapping[int, frozenset[str]]:
        """By era, the ids to be scored. The round stays open until this transaction ends.

        Raises `SignalRoundUnknown`, `SignalLate`.
        """
        # Shared: writes do not wait for each other, and who closes the round waits for them.
        found = await session.scalar(select(Round).where(Round.id == round_id).with_for_update(read=True))
        if found is None:
            raise SignalRoundUnknown(f"There is no round {round_id}.", round=round_id)
        if found.state != "open":
            raise SignalLate(
                f"Round {found.number} was closed at {found.closes_at:%Y-%m-%d %H:%M:%S} UTC.",
                round=round_id,
                closed_at=found.closes_at.isoformat(),
            )
        if round_id not in self._known:
            panel = await Panels(session, self._store).load(found.panel_id)
            eras = range(found.first_era, found.last_era + 1)
            self._known[round_id] = {era: frozenset(panel.names(era)) for era in eras}
            if len(self._known) > _ROUNDS_MAX:
                self._known.popitem(last=False)
        return self._known[round_id]
