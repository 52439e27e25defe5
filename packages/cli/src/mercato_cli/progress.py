"""Progress of work that takes longer than a second: one line on standard error, redrawn in place and cleared at the
end. Nothing is drawn without a terminal, with `TERM=dumb` or with `--json`. Printing through the `Console` is safe: it
clears the line and draws it again.
"""

import os
import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Literal, Self

from mercato_cli.console import Console
from mercato_cli.text import clean, cut

_PATIENCE_SECONDS = 1.0
_FRAME_SECONDS = 0.1
_BAR_CELLS = 24
_TURNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_TURNS = "|/-\\"
_ERASE = "\r\x1b[K"

Unit = Literal["", "bytes"]


class Progress:
    """A bar where `total` is known, else a turning sign; both with what is going on. Use it as a context manager.

        with Progress(mp.console, "train.parquet", total=size, unit="bytes") as progress:
            progress.advance(len(piece))
        with Progress(mp.console, "waiting for a worker") as progress:
            progress.say("no capacity yet")

    Safe to call from several threads. Without a terminal every method is cheap and silent.
    """

    def __init__(
        self, console: Console, text: str, *, total: int | None = None, unit: Unit = "", done: int = 0
    ) -> None:
        self._console = console
        self._text = text
        self._total = total
        self._unit = unit
        self._done = self._begun_with = done
        self._shown = not console.as_json and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._drawn = False
        self._frame = 0
        self._began = 0.0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self._shown:
            self._console.live = self
            self._thread = threading.Thread(target=self._turn, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._console.live = None
        self.make_room()

    def advance(self, amount: int = 1) -> None:
        """Add `amount` to what is done."""
        self._done += amount

    def reach(self, done: int) -> None:
        """Set what is done to `done`."""
        self._done = done

    def say(self, text: str) -> None:
        """What is going on now, in place of the text before."""
        self._text = text

    def make_room(self) -> None:
        """Takes the line away; the next frame brings it back. `Console` calls it before it prints."""
        with self._lock:
            if self._drawn:
                sys.stderr.write(_ERASE)
                sys.stderr.flush()
                self._drawn = False

    def _turn(self) -> None:
        wait = _PATIENCE_SECONDS
        while not self._ended.wait(wait):
            wait = _FRAME_SECONDS
            with self._lock:
                self._frame += 1
                # One cell stays free: a full line would wrap, and then it cannot be erased.
                cells = max(8, shutil.get_terminal_size().columns - 1)
                line = cut(" ".join(clean(self._line()).splitlines()).replace("\t", " "), cells)
                sys.stderr.write(_ERASE + line)
                sys.stderr.flush()
                self._drawn = True

    def _line(self) -> str:
        seconds = time.monotonic() - self._began
        fancy = "utf" in (sys.stderr.encoding or "").lower()
        if not self._total:
            turns = _TURNS if fancy else _PLAIN_TURNS
            amount = f"  {_amount(self._done, self._unit)}" if self._done else ""
            return f"{turns[self._frame % len(turns)]} {self._text}{amount}  {_time(seconds)}"
        part = min(1.0, self._done / self._total)
        full = int(part * _BAR_CELLS)
        bar = ("█" if fancy else "#") * full + ("░" if fancy else ".") * (_BAR_CELLS - full)
        of = f"{_amount(self._done, self._unit)} of {_amount(self._total, self._unit)}"
        speed = (self._done - self._begun_with) / seconds if seconds else 0.0
        left = f", {_time((self._total - self._done) / speed)} left" if speed > 0 and part < 1 else ""
        return f"{bar} {part:4.0%}  {of}{left}  {self._text}"


def _amount(count: float, unit: Unit) -> str:
    if unit != "bytes":
        return f"{count:,.0f}"
    for name in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {name}" if name == "B" else f"{count:.1f} {name}"
        count /= 1024
    return f"{count:.2f} GiB"


def _time(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
