"""Output for people and machines: tables and sentences, or one JSON object."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TextIO

from mercato_cli.errors import MpError
from mercato_cli.tables import field_lines, table_lines, wrap
from mercato_cli.text import clean as clean
from mercato_cli.text import width_of

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_NARROWEST = 20


class Live(Protocol):
    """A line that is redrawn in place."""

    def make_room(self) -> None:
        """Clear the line for now."""


class Console:
    """Results go to standard output; progress, warnings and errors to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.live: Live | None = None
        """The line at the bottom of the terminal, which is cleared while other output is printed."""

    @property
    def width(self) -> int | None:
        """The width of the terminal in columns; `None` if output goes to a file or another program."""
        if not sys.stdout.isatty():
            return None
        return max(_NARROWEST, shutil.get_terminal_size().columns)

    def show(self, result: Any, people: Callable[[], None]) -> None:
        """One JSON object for machines, or what `people` prints."""
        if self.as_json:
            self.print(to_json(result, sys.stdout))
        else:
            self._make_room()
            people()

    def print(self, text: str, *, end: str = "\n") -> None:
        """Print exactly this text as a result."""
        self._make_room()
        sys.stdout.write(text + end)
        # Flush at once: a reader that follows a log reads through a pipe.
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """A sentence of the result, for people; wrapped between words on a terminal."""
        self.print(_folded(clean(text), sys.stdout))

    def note(self, text: str) -> None:
        """Progress or advice, for people only."""
        if not self.as_json:
            self.tell(text)

    def say_once(self, secret: str, about: str) -> None:
        """Print a new secret to standard output, with a note on what it is and that it is not shown again."""
        self.say(secret)
        self.note(f"{about} It is shown only once.")

    def tell(self, text: str) -> None:
        """Progress that a person must see even where a program reads the result."""
        self._make_room()
        sys.stderr.write(_folded(clean(text), sys.stderr) + "\n")
        sys.stderr.flush()

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
        """Print a table that fits the terminal; `empty` is the advice when there are no rows."""
        if not rows:
            self.note(empty)
            return
        first, *rest = table_lines(headers, rows, self.width)
        self.print(f"{_BOLD}{first}{_PLAIN}" if _is_bold() and any(headers) else first)
        for line in rest:
            self.print(line)

    def fields(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Print names and values, one per line, with whole ids; empty values are left out."""
        shown = [(name, clean(str(value))) for name, value in pairs if value not in (None, "", [])]
        name_width = max((width_of(name) for name, _ in shown), default=0)
        for name, value in shown:
            for line in field_lines(name, value, name_width, self.width):
                self.print(line)

    def fail(self, error: MpError) -> None:
        """The error, on standard error."""
        self._make_room()
        if self.as_json:
            sys.stderr.write(to_json(error.to_json(), sys.stderr) + "\n")
            return
        for line in error.lines():
            sys.stderr.write(clean(line) + "\n")

    def interrupted(self) -> None:
        """Somebody pressed Ctrl-C: the prompt of the shell begins on a line of its own."""
        self._make_room()
        if sys.stderr.isatty():
            sys.stderr.write("\n")

    def _make_room(self) -> None:
        if self.live is not None:
            self.live.make_room()


def _folded(text: str, stream: TextIO) -> str:
    """Wrap lines that are too long for the terminal between words; a line with a command stays whole, for copying."""
    if not stream.isatty():
        return text
    columns = max(_NARROWEST, shutil.get_terminal_size().columns)
    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        is_whole = width_of(line) <= columns or "`" in line or len(indent) > columns // 2
        lines += [line] if is_whole else [indent + part for part in wrap(line, columns - len(indent))]
    return "\n".join(lines)


def to_json(value: Any, stream: TextIO, *, indent: int | None = None) -> str:
    """JSON that loses nothing on this stream: other alphabets are escaped where its encoding lacks them."""
    is_unicode = (stream.encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(value, ensure_ascii=not is_unicode, default=str, indent=indent)
    # Half of a surrogate pair is valid JSON and no text.
    return text if text.isascii() or not _has_surrogate(text) else json.dumps(value, default=str, indent=indent)


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def _is_bold() -> bool:
    """Whether to use bold text: on a terminal that supports it, unless disabled (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def leave_quietly() -> None:
    """The reader of our output has gone (`mp … | head`): print nothing more, and no error at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
