"""Asking for more for a call that turns out to use more than it holds, with bounded patience."""

from typing import Protocol

from mercato_gateway.leases import Lacking, Leases
from mercato_gateway.refusals import Refused

# How long the answer's end waits at most.
PATIENCE_SECONDS = 3.0
# Of the time for which a call waits for units that others hold: slices that nobody uses come back within half a second.
_SPENT_PATIENCE_SECONDS = 1.4


class AskingCall(Protocol):
    """A call that asked for more."""

    def more_came(self) -> None:
        """Slices came, or will not come: take what there is."""


class TopUp:
    """One call's asking, as a waiter of `Leases`: first for all that is lacking, then for whatever part of it is left.

    `until` (loop time) is when the call stops waiting.
    """

    __slots__ = ("_call", "_last", "_leases", "done", "started", "until")

    def __init__(self, leases: Leases, call: AskingCall, now: float) -> None:
        self._leases = leases
        self._call = call
        self._last = False
        self.done = False
        self.started = now - _SPENT_PATIENCE_SECONDS
        self.until = now + PATIENCE_SECONDS

    def ask(self, lacking: Lacking, now: float) -> bool:
        """False where asking is in vain; else the call hears `more_came`."""
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

    def leases_came(self) -> None:
        """The control plane answered, or did not."""
        if not self.done:
            self._call.more_came()

    def refuse(self, refused: Refused) -> None:
        """Nothing is left to wait for."""
        self.leases_came()
