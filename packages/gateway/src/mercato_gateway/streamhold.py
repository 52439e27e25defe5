"""The hold of a stream without a bound: it grows ahead of the text, and where it cannot, the stream ends."""

from typing import Protocol

from mercato_gateway.admit import Hold
from mercato_gateway.leases import Leases
from mercato_gateway.refusals import Refused
from mercato_gateway.slices import Lacking
from mercato_gateway.tokens import Tokens
from mercato_gateway.topup import TopUp, TopUpCall

_BYTES_PER_TOKEN = 4
_LEAST_STEP = 1024
_LARGEST_STEP = 16_384


class StreamCall(TopUpCall, Protocol):
    """The call whose answer streams."""

    def wait_for_more(self) -> None:
        """Read no more of the answer until `go_on`."""

    def go_on(self) -> None:
        """More is held: read on."""

    def run_out(self, refused: Refused) -> None:
        """No more can be had: the answer ends here."""


class StreamHold:
    """Grows the hold of one stream. Call `flowed` at `mark` bytes of text. `waits` while the text has used up what is
    held and more was requested.
    """

    __slots__ = ("_call", "_hold", "_lacking", "_leases", "_target", "_text", "_top_up", "mark", "waits")

    def __init__(self, call: StreamCall, hold: Hold, leases: Leases) -> None:
        self._call = call
        self._hold = hold
        self._leases = leases
        self._lacking: Lacking = []
        self._target = hold.estimate
        self._top_up: TopUp | None = None
        self._text = 0
        self.waits = False
        self.mark = self._ahead()

    def flowed(self, text: int, now: float) -> None:
        """`text` bytes have arrived: takes more; at the edge of what is held waits for more, or ends the stream."""
        self._text = text
        if self._top_up is None and not self._grow(now):
            self._run_out(now)
        elif self._top_up is not None and text >= self._edge() and not self.waits:
            self.waits = True
            self._call.wait_for_more()

    def more_arrived(self, now: float) -> None:
        """The control plane answered, or failed to."""
        top_up = self._top_up
        if top_up is None:
            return
        self._take(now)
        if self._lacking and top_up.request(self._lacking, now):
            return
        self.stop()
        self.mark = self._edge() if self._lacking else self._ahead()
        if self._text >= self.mark and (self._lacking or not self._grow(now)):
            self._run_out(now)
        elif self.waits and not (self._top_up is not None and self._text >= self._edge()):
            self.waits = False
            self._call.go_on()

    def stop(self) -> None:
        """Requests nothing more."""
        if self._top_up is not None:
            self._top_up.done = True
            self._top_up = None

    def _grow(self, now: float) -> bool:
        """Takes units for the next stretch of text, or requests them; false where the text has used up all that can be
        had.
        """
        while self._text >= self.mark:
            estimate = self._hold.estimate
            step = min(max(estimate.out, _LEAST_STEP), _LARGEST_STEP)
            self._target = Tokens(estimate.into, estimate.out + step, 0)
            self._take(now)
            if self._lacking:
                self.mark = self._edge()
                top_up = TopUp(self._leases, self._call, now)
                if top_up.request(self._lacking, now):
                    self._top_up = top_up
                    return True
                return self._text < self.mark
            self.mark = self._ahead()
        return True

    def _take(self, now: float) -> None:
        self._lacking = self._hold.grow(self._target, now)
        self._hold.widen(self._target)

    def _run_out(self, now: float) -> None:
        slice_, need = self._lacking[0]
        self._call.run_out(slice_.refusal(need, now))

    def _edge(self) -> int:
        """Bytes of text that the hold pays for."""
        return _BYTES_PER_TOKEN * self._hold.estimate.out + 1

    def _ahead(self) -> int:
        """Bytes of text at which it is time to take more."""
        return (_BYTES_PER_TOKEN - 1) * self._hold.estimate.out + 1
