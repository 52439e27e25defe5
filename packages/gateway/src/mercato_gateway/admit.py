"""Holding what a call may use, all or nothing, and settling what it did use."""

from mercato_contracts.pricing import Charge, charge
from mercato_gateway.catalog import Deployment
from mercato_gateway.lane import Lane
from mercato_gateway.leases import Lacking, Leases, Slice, Taken
from mercato_gateway.tokens import NO_TOKENS, Tokens

_NOTHING_DUE = Charge(0, 0)
_PRICES_KEPT = 4096


class Hold:
    """What one call has taken from its slices. `estimate` bounds the tokens it may use.

    Left unsettled, `release` gives all of it back. `settle` keeps what was used; what was used beyond the hold
    is debt of
    the last lease.
    """

    __slots__ = ("_asked_included", "_leases", "estimate", "included", "lane", "taken")

    def __init__(self, lane: Lane, leases: Leases, estimate: Tokens) -> None:
        self.lane = lane
        self.estimate = estimate
        self.taken: list[Taken] = []
        self.included = 0
        self._leases = leases
        self._asked_included = False

    def take(self, deployment_slices: list[Slice], now: float) -> tuple[Lacking, bool] | None:
        """Takes everything, or nothing and says what is lacking (and whether a part of it is welcome)."""
        lane = self.lane
        lacking: Lacking = []
        if lane.included is not None and self._take_included(lane.included, now, lacking):
            self.release()
            return lacking, lane.plan.overage
        for piece in lane.by_request:
            if not piece.take(1, now, self.taken):
                lacking.append((piece, 1))
        if lane.in_tokens or lane.in_nanos:
            self._take_counted(now, lacking)
        for piece in deployment_slices:
            need = max(1, self.estimate.into + self.estimate.out) if piece.unit == "tokens" else 1
            if not piece.take(need, now, self.taken):
                lacking.append((piece, need))
        if lacking:
            self.release()
            return lacking, False
        return None

    def _take_included(self, piece: Slice, now: float, lacking: Lacking) -> bool:
        """Takes the included part; true when it must be asked for first."""
        need = 1 if self.lane.plan.included_unit == "requests" else max(1, self.estimate.into + self.estimate.out)
        if piece.take(need, now, self.taken):
            self.included = need
            return False
        known_gone = now < piece.denied_until
        if not self.lane.plan.overage or not (known_gone or self._asked_included):
            self._asked_included = True
            lacking.append((piece, need))
            return True
        part = min(need, max(0, piece.available(now)))
        self.included = part if part and piece.take(part, now, self.taken) else 0
        return False

    def _take_counted(self, now: float, lacking: Lacking) -> None:
        lane, tokens = self.lane, self.estimate
        for piece in lane.in_tokens:
            need = max(1, tokens.into + tokens.out)
            if not piece.take(need, now, self.taken):
                lacking.append((piece, need))
        if lane.in_nanos:
            need = self._charge(tokens, self.included).nanos
            if lane.per_tokens:
                need = max(1, need)  # what the call uses beyond its estimate needs a lease to be a debt of
            for piece in lane.in_nanos:
                if need and not piece.take(need, now, self.taken):
                    lacking.append((piece, need))

    def _charge(self, tokens: Tokens, included: int) -> Charge:
        prices = self.lane.prices
        use = (tokens.into, tokens.out, included)
        found = prices.get(use)
        if found is None:
            plan = self.lane.plan
            found = charge(
                per_call_nanos=plan.per_call_nanos,
                per_1k_input_nanos=plan.per_1k_input_nanos,
                per_1k_output_nanos=plan.per_1k_output_nanos,
                included_unit=plan.included_unit,
                included=included,
                tokens_in=tokens.into,
                tokens_out=tokens.out,
            )
            if len(prices) >= _PRICES_KEPT:
                prices.clear()
            prices[use] = found
        return found

    def release(self) -> None:
        """Gives all of it back."""
        for piece, lease, units in self.taken:
            self._leases.settle(piece, lease, units, 0)
        self.taken.clear()
        self.included = 0

    def count(self, deployment_slices: list[Slice], now: float) -> None:
        """A call that failed counts as a request also where what it held was given back before: what is at hand."""
        if not self.taken:
            for piece in (*self.lane.by_request, *deployment_slices):
                if piece.unit == "requests":
                    piece.take(1, now, self.taken)

    def settle(self, tokens: Tokens, *, failed: bool, now: float) -> tuple[Charge, bytes]:
        """The price, and what was spent of each lease, as JSON. A failed call costs nothing but counts as a request."""
        if failed:
            due, tokens = _NOTHING_DUE, NO_TOKENS
        else:
            due = self._charge(tokens, self._covered(tokens, now))
        spends: list[bytes] = []
        last: Slice | None = None
        rest = 0
        for place, (piece, lease, units) in enumerate(self.taken):
            if piece is not last:
                rest, last = _used(piece, tokens, due), piece
            more = place + 1 < len(self.taken) and self.taken[place + 1][0] is piece
            used = min(units, rest) if more else rest
            rest -= used
            if used:
                spends.append(b"[%b,%d]" % (lease.quoted, used))
            self._leases.settle(piece, lease, units, used)
        self.taken.clear()
        return due, b",".join(spends)

    def _covered(self, tokens: Tokens, now: float) -> int:
        """Included units for this call: those held, more where they are at hand, all where the plan has no overage."""
        piece, plan = self.lane.included, self.lane.plan
        if piece is None or plan.included_unit == "requests":
            return self.included
        beyond = tokens.into + tokens.out - self.included
        if beyond > 0 and not plan.overage:
            return tokens.into + tokens.out
        part = min(beyond, max(0, piece.available(now)))
        more: list[Taken] = []
        if part > 0 and piece.take(part, now, more):
            held = [entry for entry in self.taken if entry[0] is piece]
            self.taken = held + more + [entry for entry in self.taken if entry[0] is not piece]
            self.included += part
        return self.included


def _used(piece: Slice, tokens: Tokens, due: Charge) -> int:
    if piece.included:
        return due.included
    if piece.unit == "requests":
        return 1
    if piece.unit == "tokens":
        return tokens.into + tokens.out
    return due.nanos if piece.unit == "nanos" else 0


def slices_of(deployment: Deployment, leases: Leases) -> list[Slice]:
    """The slices of the deployment's own limits."""
    return [leases.slice_of(limit) for limit in deployment.wire.limits]
