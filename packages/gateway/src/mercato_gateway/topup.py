"""Requests more units for a call that turns out to use more than it holds, with bounded patience."""

from typing import Protocol

from mercato_gateway.leases import Leases
from mercato_gateway.refusals import Refused
from mercato_gateway.slices import Lacking

# The longest wait of an answer's end.
PATIENCE_SECONDS = 3.0
# Part of the time that a call may wait for units that others hold: unused slices come back within half a second.
_SPENT_PATIENCE_SECONDS = 1.4


class TopUpCall(Protocol):
    """A call that requested more units."""

    def more_arrived(self) -> None:
        """Units were lent, or will not be: take what there is."""


class TopUp:
    """The requests of one call, as a waiter of `Leases`: first for all that is lacking, then for any part of it.

    `until` (loop time) is when the call stops waiting.
    """

    __slots__ = ("_call", "_last", "_leases", "done", "started", "until")
    traceparent = ""  # the end of an answer is seldom worth a span of its own

    def __init__(self, leases: Leases, call: TopUpCall, now: float) -> None:
        self._leases = leases
        self._call = call
        self._last = False
        self.done = False
        self.started = now - _SPENT_PATIENCE_SECONDS
        self.until = now + PATIENCE_SECONDS

    def request(self, lacking: Lacking, now: float) -> bool:
        """False where a request cannot help; else `more_arrived` of the call is called later."""
        for part in (False, True):
            if self._last or now >= self.until:
                break
            self._last = part
            try:
                self._leases.wait(self, lacking, now, part=part)
            except Refused:
                continue
            return True
        return False

    def leases_arrived(self) -> None:
        """The control plane answered, or failed to."""
        if not self.done:
            self._call.more_arrived()

    def refuse(self, refused: Refused) -> None:
        """Nothing is left to wait for."""
        self.leases_arrived()
