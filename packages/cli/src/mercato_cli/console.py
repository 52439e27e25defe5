"""What people and machines see: tables and sentences, or one JSON object."""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import click

from mercato_cli.errors import MpError


class Live(Protocol):
    """A line that is redrawn in place."""

    def make_room(self) -> None:
        """Take the line away for now."""


class Console:
    """Results go to standard output; progress, warnings and errors to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.live: Live | None = None
        """The line that stands at the bottom of the terminal, which makes room for what is printed."""

    def show(self, result: Any, people: Callable[[], None]) -> None:
        """One JSON object for machines, or what `people` prints."""
        self._make_room()
        if self.as_json:
            click.echo(json.dumps(result, ensure_ascii=False, default=str))
        else:
            people()

    def say(self, text: str) -> None:
        """A line of the result, for people."""
        self._make_room()
        click.echo(clean(text))

    def note(self, text: str) -> None:
        """Progress or advice, for people only."""
        if not self.as_json:
            self._make_room()
            click.echo(clean(text), err=True)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
        """Columns as wide as they need; `empty` says what to do when there are no rows."""
        if not rows:
            self.note(empty)
            return
        texts = [[clean("" if cell is None else str(cell)).replace("\n", " ") for cell in row] for row in rows]
        widths = [max(width_of(row[at]) for row in [list(headers), *texts]) for at in range(len(headers))]
        click.echo(click.style(_line(headers, widths), bold=True))
        for row in texts:
            click.echo(_line(row, widths))

    def fields(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Names and values, one a line; what is empty is left out."""
        shown = [(name, str(value)) for name, value in pairs if value not in (None, "", [])]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.say(f"{name:<{width}}  {value}")

    def fail(self, error: MpError) -> None:
        """The error, on standard error."""
        self._make_room()
        if self.as_json:
            click.echo(json.dumps(error.to_json(), ensure_ascii=False, default=str), err=True)
            return
        for line in error.lines():
            click.echo(clean(line), err=True)

    def interrupted(self) -> None:
        """Somebody pressed Ctrl-C: the prompt of the shell begins on a line of its own."""
        self._make_room()
        if sys.stderr.isatty():
            click.echo("", err=True)

    def _make_room(self) -> None:
        if self.live is not None:
            self.live.make_room()


def clean(text: str) -> str:
    """`text` without what could move a terminal's cursor or rewrite its lines: it may come from a stranger."""
    return "".join(each if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf") else "�" for each in text)


def cut(text: str, cells: int) -> str:
    """`text`, or as much of it as `cells` hold, the last one then an ellipsis."""
    if width_of(text) <= cells:
        return text
    kept, used = "", 0
    for each in text:
        used += width_of(each)
        if used >= cells:
            break
        kept += each
    return kept + "…"


def leave_quietly() -> None:
    """The reader of our output has gone (`mp … | head`): nothing more to say, and no complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def width_of(text: str) -> int:
    """Cells of a terminal that `text` takes."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each) for each in text)
