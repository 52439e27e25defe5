"""The open rounds and the ids that each of their eras expects."""

from collections import OrderedDict
from collections.abc import Collection, Mapping

from mercato.datasets import Panels, Round, RoundLookup
from mercato.platform import Database, ObjectStore, Session
from mercato.signals.refusals import SignalLate, SignalRoundUnknown

_ROUNDS_MAX = 16

RoundIds = Mapping[int, frozenset[str]]
"""By era of one round, the ids to be scored."""


class LiveRounds:
    """A cache of rounds per process. A round's eras and ids never change, so they are read once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: OrderedDict[str, RoundIds] = OrderedDict()

    async def read(self, database: Database, round_ids: Collection[str]) -> dict[str, RoundIds]:
        """The ids of those of these rounds that are open now, by round.

        Call it before the transaction that stores signals: unknown rounds are read from the object store. `check_open`
        tells whether a round is still open.
        """
        return {round_id: known for round_id in round_ids if (known := await self._read(database, round_id))}

    async def _read(self, database: Database, round_id: str) -> RoundIds | None:
        if round_id not in self._known:
            async with database.transaction() as session:
                found = await RoundLookup(session).find(round_id)
            if found is None or found.state != "open":
                return None
            panel = await Panels(database, self._store).load(found.panel_id)
            eras = range(found.first_era, found.last_era + 1)
            self._known[round_id] = {era: frozenset(panel.names(era)) for era in eras}
            if len(self._known) > _ROUNDS_MAX:
                self._known.popitem(last=False)
        return self._known.get(round_id)


async def check_open(session: Session, round_id: str) -> Round:
    """The round, which stays open until this transaction ends. Raises `SignalRoundUnknown`, `SignalLate`."""
    found = await RoundLookup(session).keep_from_closing(round_id)
    if found is None:
        raise unknown_round(round_id)
    if found.state != "open":
        raise SignalLate(
            f"Round {found.number} was closed at {found.closes_at:%Y-%m-%d %H:%M:%S} UTC.",
            round=round_id,
            closed_at=found.closes_at.isoformat(),
        )
    return found


def unknown_round(round_id: str) -> SignalRoundUnknown:
    """The refusal."""
    return SignalRoundUnknown(f"There is no round {round_id}.", round=round_id)
