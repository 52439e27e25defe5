"""Holding what a call may use, all or nothing, and settling what it did use."""

from mercato_contracts.pricing import Charge, affordable, charge, largest
from mercato_gateway.catalog import Deployment
from mercato_gateway.lane import Lane
from mercato_gateway.leases import Lacking, Leases, Slice, Taken
from mercato_gateway.tokens import NO_TOKENS, Tokens

_NOTHING_DUE = Charge(0, 0)
_PRICES_KEPT = 4096


class Hold:
    """What one call has taken from its slices. `estimate` bounds the tokens that it pays for.

    Left unsettled, `release` gives all of it back. A call that used more takes more (`grow`); `settle` keeps what was
    used and never charges more than is held.
    """

    __slots__ = ("_asked_included", "_leases", "deployment_slices", "estimate", "included", "lane", "taken")

    def __init__(self, lane: Lane, leases: Leases, estimate: Tokens) -> None:
        self.lane = lane
        self.estimate = estimate
        self.taken: list[Taken] = []
        self.included = 0
        self.deployment_slices: list[Slice] = []
        self._leases = leases
        self._asked_included = False

    def take(self, deployment_slices: list[Slice], now: float) -> tuple[Lacking, bool] | None:
        """Takes everything, or nothing and says what is lacking (and whether a part of it is welcome)."""
        lane = self.lane
        lacking: Lacking = []
        self.deployment_slices = deployment_slices
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

    def covers(self, tokens: Tokens) -> bool:
        """Whether these tokens are within the estimate, and so paid for by what was taken for it."""
        estimate = self.estimate
        return (tokens.into <= estimate.into and tokens.out <= estimate.out) or not self.lane.needs_tokens

    def grow(self, tokens: Tokens, now: float) -> Lacking:
        """Takes what these tokens need beyond what is held, as far as it is at hand. Returns what is still lacking."""
        lane, lacking = self.lane, Lacking()
        total = tokens.into + tokens.out
        included = lane.included
        if included is not None and lane.plan.included_unit == "tokens":
            self._take_more_included(included, total, now)
            if self.included < total and not lane.plan.overage:
                lacking.append((included, total - self.included))
        needs = [(piece, total) for piece in self._token_slices()]
        if lane.in_nanos:
            nanos = self._charge(tokens, self.included).nanos
            needs += [(piece, nanos) for piece in lane.in_nanos]
        for piece, need in needs:
            short = need - self._held(piece)
            if short > 0:
                short -= self._take_part(piece, short, now)
            if short > 0:
                lacking.append((piece, short))
        return lacking

    def payable(self, tokens: Tokens) -> Tokens:
        """The part of these tokens that is paid for by what is held."""
        lane, plan = self.lane, self.lane.plan
        rooms = [self._held(piece) for piece in self._token_slices()]
        if lane.included is not None and plan.included_unit == "tokens" and not plan.overage:
            rooms.append(self.included)
        budgets = [self._held(piece) for piece in lane.in_nanos]
        paid = affordable(
            per_call_nanos=plan.per_call_nanos,
            per_1k_input_nanos=plan.per_1k_input_nanos,
            per_1k_output_nanos=plan.per_1k_output_nanos,
            included_unit=plan.included_unit,
            included=self.included,
            tokens_in=tokens.into,
            tokens_out=tokens.out,
            most_nanos=min(budgets) if budgets else None,
            most_tokens=min(rooms) if rooms else None,
        )
        into, out = paid if paid is not None else (0, 0)
        return Tokens(into, out, min(tokens.cached, into))

    def widen(self, tokens: Tokens) -> None:
        """The estimate becomes what of these tokens is paid for by what is held now."""
        self.estimate = self.payable(tokens)

    def shrink(self, deployment_slices: list[Slice], choices: int, now: float) -> int:
        """Lowers the estimated output to what the units at hand pay for. Returns how many tokens that is for each of
        `choices`; 0, and the estimate stays as it is, where it is not one.
        """
        whole = self.estimate
        self.deployment_slices = deployment_slices

        def fits(each: int) -> bool:
            return self._is_at_hand(Tokens(whole.into, each * choices, 0), now)

        each = largest(fits, whole.out // choices) if whole.out >= choices and fits(1) else 0
        if each:
            self.estimate = Tokens(whole.into, each * choices, 0)
            self._asked_included = True  # what is at hand was counted on
        return each

    def is_near_end(self, tokens: Tokens, now: float) -> bool:
        """Whether a call of these tokens may be more than a limit of days or months has left."""
        lane = self.lane
        if not any(piece.scarce for piece in lane.slices) and not any(piece.scarce for piece in self.deployment_slices):
            return False
        return any(
            piece.window in ("day", "month") and need > self._held(piece) + piece.available(now) + piece.elsewhere
            for piece, need in self.needs(tokens)
        )

    def needs(self, tokens: Tokens) -> Lacking:
        """What a call of these tokens takes of each slice that counts them, where it is not priced instead."""
        lane, plan = self.lane, self.lane.plan
        total = max(1, tokens.into + tokens.out)
        needs = [(piece, total) for piece in self._token_slices()]
        if lane.included is not None and plan.included_unit == "tokens" and not plan.overage:
            needs.append((lane.included, total))
        if lane.in_nanos:
            nanos = self._charge(tokens, self.included).nanos
            needs += [(piece, nanos) for piece in lane.in_nanos if nanos]
        return needs

    def _is_at_hand(self, tokens: Tokens, now: float) -> bool:
        """Whether the slices hold enough for a call of these tokens."""
        lane, plan = self.lane, self.lane.plan
        total = max(1, tokens.into + tokens.out)
        included = 0
        if lane.included is not None:
            free, need = lane.included.available(now), 1 if plan.included_unit == "requests" else total
            if free < need and not plan.overage:
                return False
            included = min(free, need)
        nanos = self._charge(tokens, included).nanos
        return all(piece.available(now) >= total for piece in self._token_slices()) and all(
            piece.available(now) >= nanos for piece in lane.in_nanos
        )

    def settle(self, tokens: Tokens, *, failed: bool, now: float) -> tuple[Tokens, Charge, bytes]:
        """What is charged: tokens, price, and what was spent of each lease, as JSON; never more than is held.

        A failed call costs nothing but counts as a request.
        """
        if failed:
            due, tokens = _NOTHING_DUE, NO_TOKENS
        else:
            included = self.lane.included
            if included is not None and self.included < tokens.into + tokens.out:
                self._take_more_included(included, tokens.into + tokens.out, now)
            if not self.covers(tokens):
                self.grow(tokens, now)
                tokens = self.payable(tokens)
            due = self._charge(tokens, self.included)
        spends: list[bytes] = []
        last: Slice | None = None
        rest = 0
        for piece, lease, units in self.taken:
            if piece is not last:
                rest, last = _used(piece, tokens, due), piece
            used = min(units, rest)
            rest -= used
            if used:
                spends.append(b"[%b,%d]" % (lease.quoted, used))
            self._leases.settle(piece, lease, units, used)
        self.taken.clear()
        return tokens, due, b",".join(spends)

    def unpaid(self, tokens: Tokens, due: Charge) -> int:
        """Nano-units by which the price of these tokens passes what is charged."""
        return self._charge(tokens, self.included).nanos - due.nanos

    def _token_slices(self) -> list[Slice]:
        return self.lane.in_tokens + [piece for piece in self.deployment_slices if piece.unit == "tokens"]

    def _held(self, piece: Slice) -> int:
        return sum(units for other, _, units in self.taken if other is piece)

    def _take_part(self, piece: Slice, most: int, now: float) -> int:
        """Takes as much of it as is at hand, beside what was taken of it before. Returns how much."""
        part = min(most, piece.available(now))
        more: list[Taken] = []
        if part <= 0 or not piece.take(part, now, more):
            return 0
        held = [entry for entry in self.taken if entry[0] is piece]
        self.taken = held + more + [entry for entry in self.taken if entry[0] is not piece]
        return part

    def _take_more_included(self, piece: Slice, total: int, now: float) -> None:
        if self.lane.plan.included_unit == "tokens" and total > self.included:
            self.included += self._take_part(piece, total - self.included, now)


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
