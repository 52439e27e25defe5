"""Leases: the control plane lends this process a part of each limit, to be spent without asking (see `slices`).

A call takes what it may need from each limit, all or nothing, and gives back what it did not use. What turns out to be
missing is taken later (see `topup`); no lease is ever spent beyond what it holds. Ordinary calls find enough in the
slices. A call that does not waits for one round trip, shared with all others that wait.
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
from mercato_gateway.slices import Lacking, Lease, Slice
from mercato_gateway.spool import SegmentName, Spool
from mercato_gateway.wall import Wall
from mercato_gateway.wire import LeaseAnswer, LeaseBatch, LeaseBatchAnswer, LeaseRequest, LeaseWant, Limit

# Long, because what was lent by an answer that came too late must be given back before it can be lent again.
_ANSWER_TIMEOUT = 8.0
_DOWN_SECONDS = 0.5
_REFUSED_SECONDS = 2.0
_REQUESTS_PER_GROUP = 16
# Longer than a compiled lane may live (see `authenticate`): a slice that was forgotten here while a lane still takes
# from it would keep its leases for ever.
_IDLE_SLICES_SECONDS = 400.0
# The control plane may still be working on an abandoned request for this long.
_UNDER_WAY_SECONDS = 60.0
# How often a call asks for units that others may give back.
_RETRY_SECONDS = 0.1
_MOST_WAITS = 40
_MOST_UNANSWERED = 1_000


class Unanswered:
    """Batches whose answers never arrived: the control plane may have lent, or may yet lend, units that nobody here
    knows of.

    Each is named in later batches, until one that was sent long enough after it was answered. The control plane then
    takes those units back. Of too many the oldest are dropped; their units come back at the next start.
    """

    def __init__(self) -> None:
        self._lost: deque[tuple[str, float]] = deque(maxlen=_MOST_UNANSWERED)

    def __bool__(self) -> bool:
        return bool(self._lost)

    def add(self, batch: str, now: float) -> None:
        """No answer to this batch will be accepted any longer."""
        self._lost.append((batch, now))

    def names(self) -> list[str]:
        """What to name in the next batch."""
        return [batch for batch, _ in self._lost]

    def acknowledged(self, sent: float) -> None:
        """A batch with all these names, sent at `sent`, was answered."""
        while self._lost and self._lost[0][1] + _UNDER_WAY_SECONDS <= sent:
            self._lost.popleft()


class Waiter(Protocol):
    """A call that waits for slices; `started` (loop time) is when it arrived."""

    done: bool
    started: float

    @property
    def traceparent(self) -> str:
        """What the control plane gets with the request; empty where the call is not traced."""
        ...

    def leases_arrived(self) -> None:
        """Try again: units were lent or denied."""

    def refuse(self, refused: Refused) -> None:
        """End with this refusal."""


Waiting = dict[tuple[object, ...], list[tuple[Waiter, Lacking]]]


class Leases:
    """All slices of this process; borrows more and gives back."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, control: ControlClient, spool: Spool, gateway: str, wall: Wall
    ) -> None:
        self._loop = loop
        self._control = control
        self._spool = spool
        self._gateway = gateway
        self._wall = wall
        self._slices: dict[str, Slice] = {}
        self._waiting: Waiting = {}
        self._ahead: set[Slice] = set()
        self._parked: list[tuple[Waiter, Slice]] = []
        self._denied: set[Slice] = set()
        self._trace = ""
        self._unanswered = Unanswered()
        self._flight: asyncio.Task[None] | None = None
        self._scheduled = False
        self._down_until = 0.0
        self.batches_sent = 0

    def slice_of(self, limit: Limit) -> Slice:
        """The slice of this limit, shared by all calls that the limit counts."""
        found = self._slices.get(limit.scope)
        if found is None:
            found = self._slices[limit.scope] = Slice(limit)
        elif found.cap != limit.cap:
            self._cap_changed(found, limit.cap)
        found.last_used = self._loop.time()
        return found

    def _cap_changed(self, slice_: Slice, cap: int) -> None:
        """The cap was raised or lowered: what was denied may be free now, and what is held here may be too much."""
        slice_.cap, slice_.denied_until = cap, 0.0
        for lease in list(slice_.leases):
            self.close(slice_, lease)

    # Borrowing.

    def wait(self, waiter: Waiter, lacking: Lacking, now: float, *, part: bool = False) -> None:
        """Calls `leases_arrived` of the waiter after the next answer. Raises `Refused` where that answer is already
        known.

        With `part` the call also accepts less than it needs (of an included quota with overage).
        """
        for slice_, need in lacking:
            slice_.typical = need
            short = need - slice_.available(now)
            # As much as was denied would be denied again; less may be available since others gave back.
            if (
                not part
                and now < slice_.denied_until
                and short > slice_.denied_left
                and (slice_.may_return or short >= slice_.denied_least)
            ):
                if slice_.may_return and now < waiter.started + slice_.patience:
                    self._park(waiter, slice_)
                    return
                raise slice_.refusal(need, now)
            if now < slice_.refused_until:
                raise Refused("limits_unavailable", f"The control plane does not lend `{slice_.name}`.", retry_after=2)
        if now < self._down_until:
            raise Refused("limits_unavailable", "The control plane does not answer.", retry_after=1)
        key = (part, *(slice_.scope for slice_, _ in lacking))
        self._waiting.setdefault(key, []).append((waiter, lacking))
        self._schedule()

    def _park(self, waiter: Waiter, slice_: Slice) -> None:
        """Lets a call wait for units that others hold and may give back: it tries again in a moment."""
        self._parked.append((waiter, slice_))
        if len(self._parked) == 1:
            self._loop.call_later(_RETRY_SECONDS, self._retry_parked)

    def _retry_parked(self) -> None:
        parked, self._parked = self._parked, []
        for _, slice_ in parked:
            if slice_.may_return:
                slice_.denied_until = 0.0
        for waiter, _ in parked:
            if not waiter.done:
                waiter.leases_arrived()

    def wait_for_returns(self, waiter: Waiter) -> None:
        """Calls `leases_arrived` of the waiter once what this process gives back in this turn is free again, or soon
        after.
        """
        self._loop.call_soon(self._await_returns, waiter, None, _MOST_WAITS)

    def _await_returns(self, waiter: Waiter, given_back: tuple[SegmentName, int] | None, waits: int) -> None:
        if given_back is None:
            self._spool.flush()
            given_back = self._spool.position
        if waits and self._spool.shipped < given_back:
            self._loop.call_later(_RETRY_SECONDS / 2, self._await_returns, waiter, given_back, waits - 1)
        elif not waiter.done:
            waiter.leases_arrived()

    def borrow_ahead(self, slice_: Slice) -> None:
        """Borrows more for a slice that is low, before calls have to wait."""
        if (
            not slice_.requested
            and self._loop.time() >= max(slice_.denied_until, self._down_until)
            and slice_.cap // 64
        ):
            slice_.requested = True
            self._ahead.add(slice_)
            self._schedule()

    def _schedule(self) -> None:
        if self._flight is None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        self._flight = self._loop.create_task(self._borrow())

    async def _borrow(self) -> None:
        waiting, self._waiting = self._waiting, {}
        ahead, self._ahead = self._ahead, set()
        requests, groups = self._requests(waiting, ahead)
        # A batch is of many calls, and belongs to the trace of the first that has one.
        self._trace = next((one.traceparent for calls in waiting.values() for one, _ in calls if one.traceparent), "")
        try:
            if requests or self._unanswered:
                await self._post(requests, groups)
        except (ControlUnavailable, msgspec.MsgspecError) as error:
            if self._loop.time() >= self._down_until:
                log("leases_unavailable", reason=str(error))
            self._down_until = self._loop.time() + _DOWN_SECONDS
        finally:
            for slice_ in ahead:
                slice_.requested = False
            self._flight = None
            self._resume(waiting)
            denied, self._denied = self._denied, set()
            for slice_ in denied:
                # Too little for a call here, but perhaps enough for one at another gateway.
                self._give_back_idle(slice_)
            if self._waiting or self._ahead:
                self._schedule()

    async def _post(self, requests: list[LeaseRequest], groups: list[list[Slice]]) -> None:
        """Sends all requests at once. A refused batch is halved until the request at fault stands alone: the others
        must not suffer.
        """
        try:
            answers = await self._send_twice(requests)
        except ControlRefused as error:
            if len(requests) > 1:
                half = len(requests) // 2
                await self._post(requests[:half], groups[:half])
                await self._post(requests[half:], groups[half:])
                return
            log("lease_refused", reason=str(error), scopes=[slice_.scope for group in groups for slice_ in group])
            for slice_ in (slice_ for group in groups for slice_ in group):
                slice_.refused_until = self._loop.time() + _REFUSED_SECONDS
        else:
            self._take_answers(requests, groups, answers)

    async def _send_twice(self, requests: list[LeaseRequest]) -> list[LeaseAnswer]:
        """An idle connection may break at any time. The second batch has a name of its own, and names the first."""
        try:
            return await self._send(requests, fresh=False)
        except ConnectionBroke:
            return await self._send(requests, fresh=True)

    async def _send(self, requests: list[LeaseRequest], *, fresh: bool) -> list[LeaseAnswer]:
        """Sends one batch with a name of its own. Without an answer later batches name it: see `Unanswered`."""
        self.batches_sent += 1
        name, sent = str(self.batches_sent), self._loop.time()
        batch = LeaseBatch(self._gateway, self._spool.life, requests, name, self._unanswered.names())
        try:
            body = await self._control.post_once(
                "/internal/leases", msgspec.json.encode(batch), _ANSWER_TIMEOUT, fresh=fresh, trace=self._trace
            )
            answers = msgspec.json.decode(body, type=LeaseBatchAnswer).answers
        except ControlUnreachable:
            raise
        except (ControlUnavailable, msgspec.MsgspecError):
            if requests:
                self._unanswered.add(name, self._loop.time())
            raise
        self._unanswered.acknowledged(sent)
        return answers

    def _requests(self, waiting: "Waiting", ahead: set[Slice]) -> tuple[list[LeaseRequest], list[list[Slice]]]:
        """One request for each call where few wait; one for a group of calls where many do."""
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
                for place, (slice_, need) in enumerate(chunk[0][1]):
                    free = slice_.available(now) if start == 0 else 0
                    least = 0 if part else max(1, need - free)
                    most = sum(lacking[place][1] for _, lacking in chunk) + (slice_.ahead() if last else 0)
                    wants.append(LeaseWant(slice_.scope, least, max(least, min(most, max(slice_.cap, need)))))
                requests.append(LeaseRequest(wants))
                groups.append([slice_ for slice_, _ in chunk[0][1]])
        for slice_ in ahead:
            most = slice_.ahead()
            if most > 0:
                requests.append(LeaseRequest([LeaseWant(slice_.scope, 1, most)]))
                groups.append([slice_])
        return requests[:512], groups[:512]

    def _take_answers(
        self, requests: list[LeaseRequest], groups: list[list[Slice]], answers: list[LeaseAnswer]
    ) -> None:
        now, wall = self._loop.time(), self._wall.ms()
        for request, slices, answer in zip(requests, groups, answers, strict=False):
            denied = answer.denied
            if denied is not None:
                for want, slice_ in zip(request.wants, slices, strict=False):
                    if slice_.scope != denied.scope:
                        continue
                    slice_.denied_least = want.least
                    slice_.cap, slice_.elsewhere, slice_.denied_left = denied.cap, denied.left, denied.left
                    slice_.denied_until = slice_.reset_at = now + max(1, denied.reset_ms) / 1000
                    slice_.may_return = denied.may_return
                    self._denied.add(slice_)
                continue
            for slice_, grant in zip(slices, answer.grants, strict=False):
                slice_.grant(grant, now, wall)

    def _resume(self, waiting: "Waiting") -> None:
        for calls in waiting.values():
            for waiter, _ in calls:
                if not waiter.done:
                    waiter.leases_arrived()

    # Giving back.

    def settle(self, slice_: Slice, lease: Lease, taken: int, used: int) -> None:
        """The call used `used` of the `taken` units, never more: the rest is free again."""
        lease.left += taken - used
        lease.held -= 1
        slice_.spent += used
        if not lease.left or lease.closed or (slice_.unit == "concurrent" and slice_.scarce):
            self._close_if_spent(slice_, lease)
        if lease.left < slice_.low and not slice_.requested and len(slice_.leases) < 2:
            self.borrow_ahead(slice_)

    def _close_if_spent(self, slice_: Slice, lease: Lease) -> None:
        if lease.held:
            return
        if slice_.leases and lease in slice_.leases:
            slice_.leases.remove(lease)
        self._give_back(slice_, lease)

    def _give_back(self, slice_: Slice, lease: Lease) -> None:
        slice_.elsewhere += lease.left
        if slice_.included and lease.left:
            slice_.denied_until = 0.0  # what was denied may be had again
        self._spool.append_closed(lease.id)

    def sweep(self, now: float, seconds: float) -> None:
        """Measures use, closes leases that expired or were spent, forgets slices that have been idle for long."""
        if self._unanswered and now >= self._down_until:
            self._schedule()  # others may wait for units that this process cannot use
        for slice_ in list(self._slices.values()):
            recent = slice_.spent / seconds
            slice_.rate = max(recent, slice_.rate * 0.8)
            slice_.spent = 0
            for lease in [
                lease for lease in slice_.leases if lease.expires <= now or (lease.left == 0 and not lease.held)
            ]:
                self.close(slice_, lease)
            if slice_.scarce and not recent:
                self._give_back_idle(slice_)
            if not slice_.leases and now - slice_.last_used > _IDLE_SLICES_SECONDS and not slice_.requested:
                del self._slices[slice_.scope]

    def _give_back_idle(self, slice_: Slice) -> None:
        for lease in [lease for lease in slice_.leases if not lease.held]:
            self.close(slice_, lease)

    def close(self, slice_: Slice, lease: Lease) -> None:
        """No new call takes from this lease; it is closed when the last call in flight settles."""
        slice_.leases.remove(lease)
        if lease.held:
            lease.closed = True
        else:
            self._give_back(slice_, lease)

    def close_all(self) -> None:
        """Gives all leases back, for a clean stop."""
        for slice_ in self._slices.values():
            for lease in list(slice_.leases):
                self.close(slice_, lease)
