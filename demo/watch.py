"""A thread that calls one after the other, and when its answers changed from "answered" to "refused" and back."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from demo.control import WAIT_SECONDS
from demo.load import NotAnswered

_PAUSE_SECONDS = 0.02


@dataclass
class Watch:
    """Calls for as long as the block lasts. `ask` makes one call and gives its status and its code."""

    what: str
    ask: Callable[[], tuple[int, str]]
    seen: list[tuple[float, int, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            status, code = self.ask()
            self.seen.append((time.time(), status, "" if status == 200 else code))
            self._ended.wait(_PAUSE_SECONDS)

    def until_answered(self, *, since: float = 0.0) -> float:
        """When the first call after `since` was answered, in seconds since the epoch."""
        return self._until("answered", lambda at, status: status == 200 and at > since)

    def until_refused(self) -> float:
        """When the first call was refused, in seconds since the epoch; a few more are made before it returns."""
        refused_at = self._until("refused", lambda _, status: status not in (0, 200))
        enough = len(self.seen) + 10
        while len(self.seen) < enough and self._thread.is_alive():
            time.sleep(_PAUSE_SECONDS)
        return refused_at

    def _until(self, wanted: str, fits: Callable[[float, int], bool]) -> float:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = next((at for at, status, _ in list(self.seen) if fits(at, status)), None)
            if found is not None:
                return found
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise NotAnswered(f"{self.what} was not {wanted}; the last: {self.seen[-3:]}")
            time.sleep(0.005)

    def codes(self) -> set[str]:
        """Of all refusals."""
        return {code for _, status, code in self.seen if status != 200}

    def answered_later(self) -> list[float]:
        """When calls were answered after the first refusal."""
        first = next(at for at, status, _ in self.seen if status != 200)
        return [at for at, status, _ in self.seen if status == 200 and at > first]
