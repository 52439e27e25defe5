"""Holds what a call may use, all or nothing, and settles what it did use."""

from typing import Final

from mercato_contracts.pricing import Charge, affordable, charge, largest
from mercato_gateway.catalog import Deployment
from mercato_gateway.lane import Lane
from mercato_gateway.leases import Leases
from mercato_gateway.slices import Lacking, Slice, Taken
from mercato_gateway.tokens import NO_TOKENS, Tokens

_NOTHING_DUE = Charge(0, 0)
_PRICES_KEPT = 4096
# How far a call under a plan with overage has come with its included units: it asks for them, asks again, asks a last
# time once what this worker gave back is free again, and then takes fewer. Constants and no enum: compiled, an enum's
# member is looked up at every call.
_NOT_ASKED: Final = 0
_ASKED: Final = 1
_AWAITS_RETURNS: Final = 2
_TAKES_FEWER: Final = 3
# Shared by all calls to deployments without limits of their own: nothing may be added to it.
NO_SLICES: Final[list[Slice]] = []


class Hold:
    """What one call has taken from its slices. `estimate` bounds the tokens that it pays for.

    `release` gives back all that is not settled. A call that used more takes more (`grow`). `settle` keeps what was
    used and never charges more than is held.
    """

    __slots__ = ("_included_state", "_leases", "deployment_slices", "estimate", "included", "lane", "taken")

    def __init__(self, lane: Lane, leases: Leases, estimate: Tokens) -> None:
        self.lane = lane
        self.estimate = estimate
        self.taken: list[Taken] = []
        self.included = 0
        self.deployment_slices = NO_SLICES
        self._leases = leases
        self._included_state = _NOT_ASKED

    def take(self, deployment_slices: list[Slice], now: float) -> tuple[Lacking, bool] | None:
        """Takes everything; or takes nothing, and returns what is lacking and whether the call accepts a part of it."""
        lane = self.lane
        lacking: Lacking = []
        self.deployment_slices = deployment_slices
        if lane.included is not None and self._take_included(lane.included, now, lacking):
            self.release()
            return lacking, lane.plan.overage
        for slice_ in lane.by_request:
            if not slice_.take(1, now, self.taken):
                lacking.append((slice_, 1))
        if lane.in_tokens or lane.in_nanos:
            self._take_counted(now, lacking)
        for slice_ in deployment_slices:
            need = max(1, self.estimate.into + self.estimate.out) if slice_.unit == "tokens" else 1
            if not slice_.take(need, now, self.taken):
                lacking.append((slice_, need))
        if lacking:
            self.release()
            return lacking, False
        return None

    def _take_included(self, slice_: Slice, now: float, lacking: Lacking) -> bool:
        """Takes the included units; true where they must be borrowed first."""
        need = 1 if self.lane.plan.included_unit == "requests" else max(1, self.estimate.into + self.estimate.out)
        if slice_.take(need, now, self.taken):
            self.included = need
            return False
        state = self._included_state
        known_gone = now < slice_.denied_until and state == _NOT_ASKED
        if not self.lane.plan.overage or not (known_gone or state == _TAKES_FEWER):
            self._included_state = min(state + 1, _TAKES_FEWER)
            lacking.append((slice_, need))
            return True
        part = min(need, max(0, slice_.available(now)))
        self.included = part if part and slice_.take(part, now, self.taken) else 0
        return False

    def _take_counted(self, now: float, lacking: Lacking) -> None:
        lane, tokens = self.lane, self.estimate
        for slice_ in lane.in_tokens:
            need = max(1, tokens.into + tokens.out)
            if not slice_.take(need, now, self.taken):
                lacking.append((slice_, need))
        if lane.in_nanos:
            need = self._charge(tokens, self.included).nanos
            for slice_ in lane.in_nanos:
                if need and not slice_.take(need, now, self.taken):
                    lacking.append((slice_, need))

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

    @property
    def included_may_return(self) -> bool:
        """Whether included units were asked for in vain, and some that this worker gave back may be free again soon."""
        return self._included_state == _AWAITS_RETURNS

    def release(self) -> None:
        """Gives back all that is held."""
        for slice_, lease, units in self.taken:
            self._leases.settle(slice_, lease, units, 0)
        self.taken.clear()
        self.included = 0

    def count(self, deployment_slices: list[Slice], now: float) -> None:
        """Takes a request, as far as one is at hand, for a failed call whose hold was released before: it counts all
        the same.
        """
        if not self.taken:
            for slice_ in (*self.lane.by_request, *deployment_slices):
                if slice_.unit == "requests":
                    slice_.take(1, now, self.taken)

    def covers(self, tokens: Tokens) -> bool:
        """Whether these tokens are within the estimate, and so covered by what is held."""
        estimate = self.estimate
        return (tokens.into <= estimate.into and tokens.out <= estimate.out) or not self.lane.needs_tokens

    def grow(self, tokens: Tokens, now: float) -> Lacking:
        """Takes what these tokens need beyond the hold, as far as it is at hand. Returns what is still lacking."""
        lane, lacking = self.lane, Lacking()
        total = tokens.into + tokens.out
        included = lane.included
        if included is not None and lane.plan.included_unit == "tokens":
            self._take_more_included(included, total, now)
            if self.included < total and not lane.plan.overage:
                lacking.append((included, total - self.included))
        needs = [(slice_, total) for slice_ in self._token_slices()]
        if lane.in_nanos:
            nanos = self._charge(tokens, self.included).nanos
            needs += [(slice_, nanos) for slice_ in lane.in_nanos]
        for slice_, need in needs:
            short = need - self._held(slice_)
            if short > 0:
                short -= self._take_part(slice_, short, now)
            if short > 0:
                lacking.append((slice_, short))
        return lacking

    def payable(self, tokens: Tokens) -> Tokens:
        """The part of these tokens that the hold pays for."""
        lane, plan = self.lane, self.lane.plan
        rooms = [self._held(slice_) for slice_ in self._token_slices()]
        if lane.included is not None and plan.included_unit == "tokens" and not plan.overage:
            rooms.append(self.included)
        budgets = [self._held(slice_) for slice_ in lane.in_nanos]
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
        """Raises the estimate to the part of these tokens that the hold pays for now."""
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
            self._included_state = _TAKES_FEWER  # the bound counts on exactly what is at hand
        return each

    def is_near_end(self, tokens: Tokens, now: float) -> bool:
        """Whether a call of these tokens may need more than a daily or monthly limit has left."""
        lane = self.lane
        if not any(slice_.scarce for slice_ in lane.slices) and not any(
            slice_.scarce for slice_ in self.deployment_slices
        ):
            return False
        return any(
            slice_.window in ("day", "month") and need > self._held(slice_) + slice_.available(now) + slice_.elsewhere
            for slice_, need in self.needs(tokens)
        )

    def needs(self, tokens: Tokens) -> Lacking:
        """What a call of these tokens takes from each slice of tokens or money, except included units with overage."""
        lane, plan = self.lane, self.lane.plan
        total = max(1, tokens.into + tokens.out)
        needs = [(slice_, total) for slice_ in self._token_slices()]
        if lane.included is not None and plan.included_unit == "tokens" and not plan.overage:
            needs.append((lane.included, total))
        if lane.in_nanos:
            nanos = self._charge(tokens, self.included).nanos
            needs += [(slice_, nanos) for slice_ in lane.in_nanos if nanos]
        return needs

    def _is_at_hand(self, tokens: Tokens, now: float) -> bool:
        """Whether the slices have enough for a call of these tokens."""
        lane, plan = self.lane, self.lane.plan
        total = max(1, tokens.into + tokens.out)
        included = 0
        if lane.included is not None:
            free, need = lane.included.available(now), 1 if plan.included_unit == "requests" else total
            if free < need and not plan.overage:
                return False
            included = min(free, need)
        nanos = self._charge(tokens, included).nanos
        return all(slice_.available(now) >= total for slice_ in self._token_slices()) and all(
            slice_.available(now) >= nanos for slice_ in lane.in_nanos
        )

    def settle(self, tokens: Tokens, *, failed: bool, now: float) -> tuple[Tokens, Charge, bytes]:
        """Returns what is charged: tokens, price, and the units spent from each lease, as JSON; never more than is
        held.

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
        for slice_, lease, units in self.taken:
            if slice_ is not last:
                rest, last = _used(slice_, tokens, due), slice_
            used = min(units, rest)
            rest -= used
            if used:
                spends.append(b"[%b,%d]" % (lease.quoted, used))
            self._leases.settle(slice_, lease, units, used)
        self.taken.clear()
        return tokens, due, b",".join(spends)

    def unpaid(self, tokens: Tokens, due: Charge) -> int:
        """Nano-units by which the price of these tokens exceeds the charge."""
        return self._charge(tokens, self.included).nanos - due.nanos

    def _token_slices(self) -> list[Slice]:
        return self.lane.in_tokens + [slice_ for slice_ in self.deployment_slices if slice_.unit == "tokens"]

    def _held(self, slice_: Slice) -> int:
        return sum(units for other, _, units in self.taken if other is slice_)

    def _take_part(self, slice_: Slice, most: int, now: float) -> int:
        """Takes up to `most` units at hand, in addition to what was taken before. Returns how many."""
        part = min(most, slice_.available(now))
        more: list[Taken] = []
        if part <= 0 or not slice_.take(part, now, more):
            return 0
        held = [entry for entry in self.taken if entry[0] is slice_]
        self.taken = held + more + [entry for entry in self.taken if entry[0] is not slice_]
        return part

    def _take_more_included(self, slice_: Slice, total: int, now: float) -> None:
        if self.lane.plan.included_unit == "tokens" and total > self.included:
            self.included += self._take_part(slice_, total - self.included, now)


def _used(slice_: Slice, tokens: Tokens, due: Charge) -> int:
    if slice_.included:
        return due.included
    if slice_.unit == "requests":
        return 1
    if slice_.unit == "tokens":
        return tokens.into + tokens.out
    return due.nanos if slice_.unit == "nanos" else 0


def slices_of(deployment: Deployment, leases: Leases) -> list[Slice]:
    """The slices of the deployment's own limits."""
    return [leases.slice_of(limit) for limit in deployment.wire.limits]
