"""The hold of a stream that no bound limits: it grows ahead of the text, and where it cannot, the stream ends."""

from typing import Protocol

from mercato_gateway.admit import Hold
from mercato_gateway.leases import Lacking, Leases
from mercato_gateway.refusals import Refused
from mercato_gateway.tokens import Tokens
from mercato_gateway.topup import AskingCall, TopUp

_BYTES_PER_TOKEN = 4
_LEAST_STEP = 1024
_LARGEST_STEP = 16_384


class StreamCall(AskingCall, Protocol):
    """The call whose answer streams."""

    def wait_for_more(self) -> None:
        """Read no more of the answer until `go_on`."""

    def go_on(self) -> None:
        """More is held: read on."""

    def run_out(self, refused: Refused) -> None:
        """Nothing more can be had: the answer ends here."""


class StreamHold:
    """Grows the hold of one stream. `mark`: the bytes of text at which `flowed` is to be called; `waits` while the
    text has used up what is held, and more is asked for.
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
        """`text` bytes have come: take more; at the edge of what is held wait for more, or end the stream."""
        self._text = text
        if self._top_up is None and not self._grow(now):
            self._run_out(now)
        elif self._top_up is not None and text >= self._edge() and not self.waits:
            self.waits = True
            self._call.wait_for_more()

    def more_came(self, now: float) -> None:
        """The control plane answered, or did not."""
        top_up = self._top_up
        if top_up is None:
            return
        self._take(now)
        if self._lacking and top_up.ask(self._lacking, now):
            return
        self.stop()
        self.mark = self._edge() if self._lacking else self._ahead()
        if self._text >= self.mark and (self._lacking or not self._grow(now)):
            self._run_out(now)
        elif self.waits and not (self._top_up is not None and self._text >= self._edge()):
            self.waits = False
            self._call.go_on()

    def stop(self) -> None:
        """Nothing more is asked for."""
        if self._top_up is not None:
            self._top_up.done = True
            self._top_up = None

    def _grow(self, now: float) -> bool:
        """Takes for the next stretch, or asks for it; false where the text has used up what can be had."""
        while self._text >= self.mark:
            estimate = self._hold.estimate
            step = min(max(estimate.out, _LEAST_STEP), _LARGEST_STEP)
            self._target = Tokens(estimate.into, estimate.out + step, 0)
            self._take(now)
            if self._lacking:
                self.mark = self._edge()
                top_up = TopUp(self._leases, self._call, now)
                if top_up.ask(self._lacking, now):
                    self._top_up = top_up
                    return True
                return self._text < self.mark
            self.mark = self._ahead()
        return True

    def _take(self, now: float) -> None:
        self._lacking = self._hold.grow(self._target, now)
        self._hold.widen(self._target)

    def _run_out(self, now: float) -> None:
        piece, need = self._lacking[0]
        self._call.run_out(piece.refusal(need, now))

    def _edge(self) -> int:
        """Bytes of text that are paid for."""
        return _BYTES_PER_TOKEN * self._hold.estimate.out + 1

    def _ahead(self) -> int:
        """Bytes of text at which it is time to take more."""
        return (_BYTES_PER_TOKEN - 1) * self._hold.estimate.out + 1
