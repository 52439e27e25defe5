"""What a usage event spends of the leases that it names, never more than they have."""

from collections.abc import Mapping, Sequence

from mercato.metering import Lent
from mercato_contracts.dataplane import UsageEvent


class Spending:
    """One event's leases by scope. `left` is what each lease has, and changes as events spend."""

    def __init__(self, spends: Sequence[tuple[str, int]], lent: Mapping[str, Lent], left: dict[str, int]) -> None:
        self._left = left
        self._scopes: dict[str, dict[str, int]] = {}
        for lease, units in spends:
            if lease in lent:
                claimed = self._scopes.setdefault(lent[lease].scope, {})
                claimed[lease] = claimed.get(lease, 0) + units

    def claimed(self, scope: str) -> int:
        """Units that the event claims to have spent of this scope, limited to what its leases have."""
        return sum(min(units, self._left[lease]) for lease, units in self._scopes.get(scope, {}).items())

    def room(self, unit: str) -> int | None:
        """The most units that every scope counted in this unit has for the event; `None` where it spends of none."""
        rooms = [
            sum(self._left[lease] for lease in leases)
            for scope, leases in self._scopes.items()
            if _unit_of(scope) == unit
        ]
        return min(rooms) if rooms else None

    def spend(self, event: UsageEvent) -> tuple[tuple[str, int], ...]:
        """Takes what the event uses by its own figures. Returns the units of each lease.

        From each lease first what the event claims of it: the rest of a lease is other calls' whose events are still to
        come. Only what the claims do not cover is taken from that rest.
        """
        spent: dict[str, int] = {}
        for scope, leases in self._scopes.items():
            rest = self._units(event, _unit_of(scope), sum(leases.values()))
            for most in (leases, self._left):
                for lease in leases:
                    units = min(rest, most[lease], self._left[lease])
                    if units > 0:
                        self._left[lease] -= units
                        rest -= units
                        spent[lease] = spent.get(lease, 0) + units
        return tuple(spent.items())

    @staticmethod
    def _units(event: UsageEvent, unit: str, claimed: int) -> int:
        units = {"nanos": event.price_nanos, "tokens": event.tokens_in + event.tokens_out, "included": event.included}
        return units.get(unit, claimed)


def _unit_of(scope: str) -> str:
    """`nanos`, `tokens`, `requests`, `concurrent` or `included`: the third part of a scope's name."""
    parts = scope.split(":")
    return parts[2] if len(parts) > 2 else ""
