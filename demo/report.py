"""What a person reads: steps, facts, figures, and every disagreement by name."""

import sys
import time
from collections.abc import Sequence

QUIET_SECONDS = 4


class Report:
    """Prints as it goes, so that silence never lasts, and remembers what did not agree."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._progressed = self._started
        self._live = sys.stdout.isatty()
        self.disagreements: list[str] = []

    def step(self, number: int, title: str) -> None:
        """A chapter of the story."""
        print(f"\n[{self._clock()}] {number}. {title}", flush=True)

    def say(self, fact: str) -> None:
        """One fact."""
        print(f"  {fact}", flush=True)

    def progress(self, text: str) -> None:
        """Where a long step stands: on a terminal written over itself, elsewhere a line every few seconds."""
        if self._live:
            print(f"\r  … {text}\033[K", end="", flush=True)
        elif time.monotonic() - self._progressed >= QUIET_SECONDS:
            self._progressed = time.monotonic()
            print(f"  … {text}", flush=True)

    def progress_done(self) -> None:
        """The long step is over."""
        if self._live:
            print("\r\033[K", end="", flush=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as they need to be, the first to the left and the others to the right."""
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
        for row in [head, *rows]:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            print("  " + "  ".join(cells).rstrip(), flush=True)

    def agree(self, what: str, expected: object, found: object) -> None:
        """Says that two counts agree, or remembers that they do not."""
        if expected == found:
            self.say(f"ok   {what}: {_brief(found)}")
        else:
            self.disagree(f"{what}: expected {_brief(expected)}, found {_brief(found)}")

    def disagree(self, what: str) -> None:
        """Remembers a disagreement; the demonstration goes on and fails at its end."""
        self.disagreements.append(what)
        self.say(f"NOT  {what}")

    def close(self) -> int:
        """The last line, and the exit code."""
        if self.disagreements:
            print(f"\n[{self._clock()}] demo: FAILED, {len(self.disagreements)} disagree:", flush=True)
            for what in self.disagreements:
                self.say(what)
            return 1
        print(f"\n[{self._clock()}] demo: ok", flush=True)
        return 0

    def _clock(self) -> str:
        return f"{time.monotonic() - self._started:5.1f} s"


def _brief(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 200 else text[:200] + " …"
