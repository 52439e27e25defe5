"""Limits: slices of counted scopes, borrowed from the control plane and spent here, in integers.

A call takes what it may need from each scope, all or nothing, and gives back what it did not use; what turns out to
be missing it takes later (see `topup`), and no lease is ever spent beyond what it holds. Ordinary calls find enough in
the slices; a call that does not waits for one round trip, which it shares with the others that wait.
"""

import asyncio
from collections import deque
from typing import Protocol

import msgspec

from mercato_gateway.control import (
    ConnectionBroke,
    ControlClient,
    ControlRefused,
    ControlUnavailable,
    ControlUnreachable,
)
from mercato_gateway.log import log
from mercato_gateway.refusals import Refused
from mercato_gateway.spool import SegmentName, Spool
from mercato_gateway.wire import LeaseAnswer, LeaseBatch, LeaseBatchAnswer, LeaseGrant, LeaseRequest, LeaseWant, Limit

WINDOW_SECONDS = {"second": 1, "minute": 60, "day": 86_400, "month": 2_592_000, "ever": 0}
_AHEAD_SECONDS = 1.5
# Long: what an answer that is not waited for had lent must be given back before it can be lent again.
_ASK_TIMEOUT = 8.0
_DOWN_SECONDS = 0.5
_REFUSED_SECONDS = 2.0
_MAX_ROUNDS = 6
_REQUESTS_PER_GROUP = 16
# Longer than what was compiled for a key may live without being compiled anew (see `authenticate`): a slice that such a
# lane still takes from, but nobody here knows, would keep its leases for ever.
_IDLE_SLICES_SECONDS = 400.0
# So long may an asking that was given up still be under way in the control plane.
_UNDER_WAY_SECONDS = 60.0
# How long a call waits for units that others may give back (a slot of a concurrent call: only so long as a given one
# is on its way), and how often it asks for them.
_PATIENCE_SECONDS = 2.0
_SLOT_PATIENCE_SECONDS = 0.4
_ASK_AGAIN_SECONDS = 0.1
_MOST_LOOKS = 10
_MOST_UNANSWERED = 1_000


class Lease:
    """A slice borrowed until `expires` (loop time). `held` counts the calls in flight that took from it."""

    __slots__ = ("closed", "expires", "held", "id", "left", "quoted")

    def __init__(self, lease_id: str, left: int, expires: float) -> None:
        self.id = lease_id
        self.quoted = msgspec.json.encode(lease_id)
        self.left = left
        self.expires = expires
        self.held = 0
        self.closed = False


Lacking = list[tuple["Slice", int]]
Taken = tuple["Slice", Lease, int]


class Slice:
    """What this process holds of one scope."""

    __slots__ = (
        "asking", "cap", "denied_least", "denied_left", "denied_until", "elsewhere", "included", "label", "last_used",
        "leases", "low", "may_return", "name", "patience",
        "rate", "refused_until", "reset_at", "scope", "spent", "typical",
        "unit", "window",
    )  # fmt: skip

    def __init__(self, limit: Limit) -> None:
        self.scope = limit.scope
        self.unit = limit.unit
        self.window = limit.window
        self.cap = limit.cap
        self.included = ":included:" in limit.scope
        kind = limit.scope.partition(":")[0]
        self.name = f"{kind}-{'included' if self.included else limit.unit}-{limit.window}"
        self.label = self.name.encode()
        self.leases: deque[Lease] = deque()
        self.low = 0
        self.elsewhere = limit.cap
        self.reset_at = 0.0
        self.denied_until = 0.0
        self.denied_left = 0
        self.denied_least = 0
        self.may_return = False
        self.patience = _SLOT_PATIENCE_SECONDS if limit.unit == "concurrent" else _PATIENCE_SECONDS
        self.refused_until = 0.0
        self.rate = 0.0
        self.spent = 0
        self.typical = 1
        self.asking = False
        self.last_used = 0.0

    def available(self, now: float) -> int:
        """Units that a call may still take here."""
        return sum(lease.left for lease in self.leases if lease.expires > now)

    def take(self, units: int, now: float, taken: list[Taken]) -> bool:
        """Takes all of `units`, noting from where, or nothing."""
        self.last_used = now
        leases = self.leases
        if leases:
            lease = leases[0]
            if lease.left >= units and lease.expires > now:
                lease.left -= units
                lease.held += 1
                taken.append((self, lease, units))
                return True
        return len(leases) > 1 and self._take_from_several(units, now, taken)

    def _take_from_several(self, units: int, now: float, taken: list[Taken]) -> bool:
        if self.available(now) < units:
            return False
        for lease in self.leases:
            part = min(units, lease.left) if lease.expires > now else 0
            if part > 0:
                lease.left -= part
                lease.held += 1
                taken.append((self, lease, part))
                units -= part
        return units == 0

    def grant(self, grant: LeaseGrant, now: float, wall_ms: int) -> None:
        """Adds a slice; one of nothing says that there is nothing to lend at present."""
        self.cap, self.elsewhere = grant.cap, grant.left
        self.reset_at = now + grant.reset_ms / 1000
        if grant.granted <= 0:
            self.denied_until, self.denied_left, self.may_return = self.reset_at, grant.left, False
            return
        self.denied_until = 0.0
        expires = now + max(0.0, (grant.expires_at_ms - wall_ms) / 1000)
        self.leases.append(Lease(grant.lease, grant.granted, expires))
        self.low = grant.granted // 4

    @property
    def scarce(self) -> bool:
        """Whether others may soon lack what lies unused here."""
        return 2 * self.elsewhere < self.cap

    def ahead(self) -> int:
        """Units worth holding beyond what waits: recent use, a modest share of the cap, nothing near its end."""
        if self.scarce:
            return 0
        share = self.cap // (8 if self.window in ("second", "minute") else 64)
        return min(int(max(self.rate * _AHEAD_SECONDS, 16 * self.typical)), share)

    def refusal(self, need: int, now: float) -> Refused:
        """Why a call that needs `need` units cannot go on."""
        if self.included:
            code = "quota_exhausted"
        elif self.unit == "nanos":
            code = "budget_exceeded"
        elif self.unit == "concurrent":
            code = "too_many_concurrent"
        else:
            code = "rate_limit_exceeded" if self.window in ("second", "minute") else "quota_exceeded"
        wait = max(1, int(self.denied_until - now + 0.999))
        left = max(0, self.denied_left + self.available(now))
        detail = f"This call may use {need} {self.unit} of `{self.name}` and {left} of {self.cap} are left."
        return Refused(
            code, detail, retry_after=wait, facts={"limit": self.name, "cap": self.cap, "left": left, "needed": need}
        )


class Unanswered:
    """Batches whose answers never came: the control plane may have lent, or may yet lend, what nobody here learns of.

    Each is named again and again until an asking that was sent long enough after it was answered. Of very many the
    oldest are let go; their slices come back at the next start.
    """

    def __init__(self) -> None:
        self._lost: deque[tuple[str, float]] = deque(maxlen=_MOST_UNANSWERED)

    def __bool__(self) -> bool:
        return bool(self._lost)

    def add(self, batch: str, now: float) -> None:
        """No answer to this batch will be taken any more."""
        self._lost.append((batch, now))

    def names(self) -> list[str]:
        """What to name in the next batch."""
        return [batch for batch, _ in self._lost]

    def were_told(self, sent: float) -> None:
        """All names were in a batch that was sent at `sent` and answered."""
        while self._lost and self._lost[0][1] + _UNDER_WAY_SECONDS <= sent:
            self._lost.popleft()


class Waiter(Protocol):
    """A call that waits for slices; `started` (loop time) is when it came."""

    done: bool
    started: float

    def leases_came(self) -> None:
        """Try again to take."""

    def refuse(self, refused: Refused) -> None:
        """End with this refusal."""


Waiting = dict[tuple[object, ...], list[tuple[Waiter, Lacking]]]


class Leases:
    """All slices of this process, and the asking for more."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, control: ControlClient, spool: Spool, gateway: str, clock_ms: "ClockMs"
    ) -> None:
        self._loop = loop
        self._control = control
        self._spool = spool
        self._gateway = gateway
        self._clock_ms = clock_ms
        self._slices: dict[str, Slice] = {}
        self._waiting: Waiting = {}
        self._ahead: set[Slice] = set()
        self._parked: list[tuple[Waiter, Slice]] = []
        self._denied: set[Slice] = set()
        self._unanswered = Unanswered()
        self._flight: asyncio.Task[None] | None = None
        self._scheduled = False
        self._down_until = 0.0
        self.asks = 0

    def slice_of(self, limit: Limit) -> Slice:
        """The slice of a limit's scope, shared by all calls that it counts."""
        found = self._slices.get(limit.scope)
        if found is None:
            found = self._slices[limit.scope] = Slice(limit)
        elif found.cap != limit.cap:
            self._cap_changed(found, limit.cap)
        found.last_used = self._loop.time()
        return found

    def _cap_changed(self, piece: Slice, cap: int) -> None:
        """Somebody raised or lowered it: what was refused may be had now, and what is held here may be too much."""
        piece.cap, piece.denied_until = cap, 0.0
        for lease in list(piece.leases):
            self.close(piece, lease)

    # Asking.

    def wait(self, waiter: Waiter, lacking: Lacking, now: float, *, part: bool = False) -> None:
        """The call hears `leases_came` after the next answer; raises `Refused` where asking is known to be in vain.

        With `part` less than what is needed is welcome too (an included quota with overage).
        """
        for piece, need in lacking:
            piece.typical = need
            short = need - piece.available(now)
            # What was denied is known to be in vain for as much or more; less may be had since others gave back.
            if (
                not part
                and now < piece.denied_until
                and short > piece.denied_left
                and (piece.may_return or short >= piece.denied_least)
            ):
                if piece.may_return and now < waiter.started + piece.patience:
                    self._park(waiter, piece)
                    return
                raise piece.refusal(need, now)
            if now < piece.refused_until:
                raise Refused("limits_unavailable", f"The control plane does not lend `{piece.name}`.", retry_after=2)
        if now < self._down_until:
            raise Refused("limits_unavailable", "The control plane does not answer.", retry_after=1)
        key = (part, *(piece.scope for piece, _ in lacking))
        self._waiting.setdefault(key, []).append((waiter, lacking))
        self._schedule()

    def _park(self, waiter: Waiter, piece: Slice) -> None:
        """What the call lacks is lent to others, who give back what they do not use: it asks again in a moment."""
        self._parked.append((waiter, piece))
        if len(self._parked) == 1:
            self._loop.call_later(_ASK_AGAIN_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        parked, self._parked = self._parked, []
        for _, piece in parked:
            if piece.may_return:
                piece.denied_until = 0.0
        for waiter, _ in parked:
            if not waiter.done:
                waiter.leases_came()

    def wait_for_returns(self, waiter: Waiter) -> None:
        """The call hears `leases_came` once what this process gives back in this turn is free again, or soon after."""
        self._loop.call_soon(self._look_for_returns, waiter, None, _MOST_LOOKS)

    def _look_for_returns(self, waiter: Waiter, given_back: tuple[SegmentName, int] | None, looks: int) -> None:
        if given_back is None:
            self._spool.flush()
            given_back = self._spool.position
        if looks and self._spool.shipped < given_back:
            self._loop.call_later(_ASK_AGAIN_SECONDS / 2, self._look_for_returns, waiter, given_back, looks - 1)
        elif not waiter.done:
            waiter.leases_came()

    def ask_ahead(self, piece: Slice) -> None:
        """The slice is low: ask for more before calls have to wait."""
        if not piece.asking and self._loop.time() >= max(piece.denied_until, self._down_until) and piece.cap // 64:
            piece.asking = True
            self._ahead.add(piece)
            self._schedule()

    def _schedule(self) -> None:
        if self._flight is None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        self._flight = self._loop.create_task(self._ask())

    async def _ask(self) -> None:
        waiting, self._waiting = self._waiting, {}
        ahead, self._ahead = self._ahead, set()
        requests, groups = self._requests(waiting, ahead)
        try:
            if requests or self._unanswered:
                await self._post(requests, groups)
        except (ControlUnavailable, msgspec.MsgspecError) as error:
            if self._loop.time() >= self._down_until:
                log("leases_unavailable", reason=str(error))
            self._down_until = self._loop.time() + _DOWN_SECONDS
        finally:
            for piece in ahead:
                piece.asking = False
            self._flight = None
            self._resume(waiting)
            denied, self._denied = self._denied, set()
            for piece in denied:
                self._give_back_idle(piece)  # too little for a call here, perhaps enough with what another has
            if self._waiting or self._ahead:
                self._schedule()

    async def _post(self, requests: list[LeaseRequest], groups: list[list[Slice]]) -> None:
        """Asks for all at once; halves find a request that the control plane refuses, so that it harms no other."""
        try:
            answers = await self._send_twice(requests)
        except ControlRefused as error:
            if len(requests) > 1:
                half = len(requests) // 2
                await self._post(requests[:half], groups[:half])
                await self._post(requests[half:], groups[half:])
                return
            log("lease_refused", reason=str(error), scopes=[piece.scope for group in groups for piece in group])
            for piece in (piece for group in groups for piece in group):
                piece.refused_until = self._loop.time() + _REFUSED_SECONDS
        else:
            self._take_answers(requests, groups, answers)

    async def _send_twice(self, requests: list[LeaseRequest]) -> list[LeaseAnswer]:
        """A connection that rested may break at any time; the second asking is another, which names the first."""
        try:
            return await self._send(requests, fresh=False)
        except ConnectionBroke:
            return await self._send(requests, fresh=True)

    async def _send(self, requests: list[LeaseRequest], *, fresh: bool) -> list[LeaseAnswer]:
        """Asks once, under an id of its own. Without an answer the id is named from then on: see `Unanswered`."""
        self.asks += 1
        name, sent = str(self.asks), self._loop.time()
        batch = LeaseBatch(self._gateway, self._spool.life, requests, name, self._unanswered.names())
        try:
            body = await self._control.post_once(
                "/internal/leases", msgspec.json.encode(batch), _ASK_TIMEOUT, fresh=fresh
            )
            answers = msgspec.json.decode(body, type=LeaseBatchAnswer).answers
        except ControlUnreachable:
            raise
        except (ControlUnavailable, msgspec.MsgspecError):
            if requests:
                self._unanswered.add(name, self._loop.time())
            raise
        self._unanswered.were_told(sent)
        return answers

    def _requests(self, waiting: "Waiting", ahead: set[Slice]) -> tuple[list[LeaseRequest], list[list[Slice]]]:
        """One request for each call where few wait, for a handful of calls each where many do."""
        requests: list[LeaseRequest] = []
        groups: list[list[Slice]] = []
        now = self._loop.time()
        for (part, *_), calls in waiting.items():
            calls[:] = [entry for entry in calls if not entry[0].done]
            size = -(-len(calls) // _REQUESTS_PER_GROUP) or 1
            for start in range(0, len(calls), size):
                chunk = calls[start : start + size]
                last = start + size >= len(calls)
                wants = []
                for place, (piece, need) in enumerate(chunk[0][1]):
                    free = piece.available(now) if start == 0 else 0
                    least = 0 if part else max(1, need - free)
                    most = sum(lacking[place][1] for _, lacking in chunk) + (piece.ahead() if last else 0)
                    wants.append(LeaseWant(piece.scope, least, max(least, min(most, max(piece.cap, need)))))
                requests.append(LeaseRequest(wants))
                groups.append([piece for piece, _ in chunk[0][1]])
        for piece in ahead:
            most = piece.ahead()
            if most > 0:
                requests.append(LeaseRequest([LeaseWant(piece.scope, 1, most)]))
                groups.append([piece])
        return requests[:512], groups[:512]

    def _take_answers(
        self, requests: list[LeaseRequest], groups: list[list[Slice]], answers: list[LeaseAnswer]
    ) -> None:
        now, wall = self._loop.time(), self._clock_ms()
        for request, pieces, answer in zip(requests, groups, answers, strict=False):
            denied = answer.denied
            if denied is not None:
                for want, piece in zip(request.wants, pieces, strict=False):
                    if piece.scope != denied.scope:
                        continue
                    piece.denied_least = want.least
                    piece.cap, piece.elsewhere, piece.denied_left = denied.cap, denied.left, denied.left
                    piece.denied_until = piece.reset_at = now + max(1, denied.reset_ms) / 1000
                    piece.may_return = denied.may_return
                    self._denied.add(piece)
                continue
            for piece, grant in zip(pieces, answer.grants, strict=False):
                piece.grant(grant, now, wall)

    def _resume(self, waiting: "Waiting") -> None:
        for calls in waiting.values():
            for waiter, _ in calls:
                if not waiter.done:
                    waiter.leases_came()

    # Giving back.

    def settle(self, piece: Slice, lease: Lease, taken: int, used: int) -> None:
        """The call used `used` of the `taken` units, never more."""
        lease.left += taken - used
        lease.held -= 1
        piece.spent += used
        if not lease.left or lease.closed or (piece.unit == "concurrent" and piece.scarce):
            self._close_if_spent(piece, lease)
        if lease.left < piece.low and not piece.asking and len(piece.leases) < 2:
            self.ask_ahead(piece)

    def _close_if_spent(self, piece: Slice, lease: Lease) -> None:
        if lease.held:
            return
        if piece.leases and lease in piece.leases:
            piece.leases.remove(lease)
            piece.elsewhere += lease.left
        self._spool.append_closed(lease.id)

    def sweep(self, now: float, seconds: float) -> None:
        """Measures use, closes what expired or was spent, forgets slices that nobody used for long."""
        if self._unanswered and now >= self._down_until:
            self._schedule()  # others may wait for what this process cannot use
        for piece in list(self._slices.values()):
            recent = piece.spent / seconds
            piece.rate = max(recent, piece.rate * 0.8)
            piece.spent = 0
            for lease in [
                lease for lease in piece.leases if lease.expires <= now or (lease.left == 0 and not lease.held)
            ]:
                self.close(piece, lease)
            if piece.scarce and not recent:
                self._give_back_idle(piece)
            if not piece.leases and now - piece.last_used > _IDLE_SLICES_SECONDS and not piece.asking:
                del self._slices[piece.scope]

    def _give_back_idle(self, piece: Slice) -> None:
        for lease in [lease for lease in piece.leases if not lease.held]:
            self.close(piece, lease)

    def close(self, piece: Slice, lease: Lease) -> None:
        """No new call takes from this lease; it is closed when the last one in flight settles."""
        piece.leases.remove(lease)
        if lease.held:
            lease.closed = True
        else:
            piece.elsewhere += lease.left
            self._spool.append_closed(lease.id)

    def close_all(self) -> None:
        """Gives everything back, for a clean stop."""
        for piece in self._slices.values():
            for lease in list(piece.leases):
                self.close(piece, lease)


class ClockMs(Protocol):
    """Milliseconds since 1970."""

    def __call__(self) -> int: ...
