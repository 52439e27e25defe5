"""Tables that fit the terminal: columns give way, cells wrap between words, and what cannot fit becomes a list.

Without a width (output that goes to a file or another program) every cell is whole and on one line.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from mercato_cli.text import clean, cut, width_of

_GAP = "  "
_LEAST_CELLS = 6
"""A column is not made narrower than this, unless it needs less."""

_BREAKS = re.compile(r"(?<=[/_.,:;@=-])")
_ID = re.compile(r"([a-z]{2,5}_)[0-9a-f]{24}([0-9a-f]{8})")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_NUMBER = re.compile(r"-?[\d.,]+( [A-Z]{3}| %)?|")


def table_lines(headers: Sequence[str], rows: Sequence[Sequence[object]], width: int | None) -> list[str]:
    """The lines of a table, its header first; `width` is in cells of a terminal. Ids are whole where there is room."""
    texts = [[cell_text(cell, is_short=width is not None) for cell in row] for row in rows]
    if width is None or _total(_widths(headers, texts)) <= width:
        return _in_columns(headers, texts)
    texts = [[shorten_ids(text) for text in row] for row in texts]
    widths = _widths(headers, texts)
    if _total(widths) <= width:
        return _in_columns(headers, texts)
    fitted = _fit(widths, [[header, *(row[at] for row in texts)] for at, header in enumerate(headers)], width)
    if fitted is None:
        return _as_list(headers, texts, width)
    return [line for row in (list(headers), *texts) for line in _wrapped(row, fitted)]


def _widths(headers: Sequence[str], texts: list[list[str]]) -> list[int]:
    return [max(width_of(text) for text in (header, *(row[at] for row in texts))) for at, header in enumerate(headers)]


def _in_columns(headers: Sequence[str], texts: list[list[str]]) -> list[str]:
    widths = _widths(headers, texts)
    return [_line(row, widths) for row in (list(headers), *texts)]


def cell_text(cell: object, *, is_short: bool) -> str:
    """A cell as text on one line; `is_short` for people, who read times without seconds."""
    if cell is None:
        return ""
    text = f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) and is_short else str(cell)
    text = clean(text).replace("\n", " ").replace("\t", " ")
    return _TIME.sub(r"\1 \2", text) if is_short and _TIME.fullmatch(text) else text


def shorten_ids(text: str) -> str:
    """Ids by their last eight digits, such as `key_…1f2e3d4c`; commands that take an id take this too."""
    return _ID.sub(r"\1…\2", text)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken between words; only a word that is longer is broken itself."""
    lines, line = [], ""
    for word in text.split():
        for number, part in enumerate(_parts(word, width)):
            joined = f"{line} {part}" if line and number == 0 else line + part
            if line and width_of(joined) > width:
                lines.append(line)
                line = part
            else:
                line = joined
    return [*lines, line] if line or not lines else lines


def _parts(word: str, width: int) -> list[str]:
    """The word, or where it is too long its parts: after `/`, `-` and the like, else wherever the line ends."""
    if width_of(word) <= width:
        return [word]
    parts: list[str] = []
    for part in _BREAKS.split(word):
        while width_of(part) > width:
            head = _as_much_as_fits(part, width)
            parts.append(head)
            part = part[len(head) :]
        parts += [part] if part else []
    return parts


def _as_much_as_fits(text: str, width: int) -> str:
    """At least one character."""
    end, used = 0, 0
    for each in text:
        used += width_of(each)
        if used > width and end:
            break
        end += 1
    return text[:end]


def _fit(widths: list[int], columns: list[list[str]], width: int) -> list[int] | None:
    """The widest columns give way until the table fits; nothing where they would become unreadable."""
    least = [min(natural, _least(column)) for natural, column in zip(widths, columns, strict=True)]
    if _total(least) > width:
        return None
    fitted = list(widths)
    while _total(fitted) > width:
        at = max(range(len(fitted)), key=lambda each: (fitted[each] > least[each], fitted[each]))
        fitted[at] -= 1
    return fitted


def _least(column: list[str]) -> int:
    """A number is never broken; a word only where it is long."""
    header, *texts = column
    words = [word for text in column for word in text.split()]
    if all(_NUMBER.fullmatch(text) for text in texts):
        return max(width_of(text) for text in column)
    longest = max((width_of(word) for word in words), default=0)
    return max(width_of(header), min(longest, 14), min(longest, _LEAST_CELLS))


def _as_list(headers: Sequence[str], texts: list[list[str]], width: int) -> list[str]:
    """Each row as a block of names and values."""
    name_width = min(max(width_of(header) for header in headers), width // 2)
    lines: list[str] = []
    for row in texts:
        lines += [""] if lines else []
        for header, text in zip(headers, row, strict=True):
            if text:
                lines += field_lines(header, text, name_width, width)
    return lines


def field_lines(name: str, value: str, name_width: int, width: int | None) -> list[str]:
    """A name and its value, the value's further lines below its first."""
    indent = " " * (name_width + len(_GAP))
    short = cut(name, name_width)
    head = short + " " * (name_width - width_of(short)) + _GAP
    if width is None:
        return [(head + value).rstrip()]
    wrapped = [line for part in value.split("\n") for line in wrap(part, max(8, width - len(indent)))]
    return [(head + wrapped[0]).rstrip(), *((indent + line).rstrip() for line in wrapped[1:])]


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrap(text, width) for text, width in zip(row, widths, strict=True)]
    height = max(len(cell) for cell in cells)
    return [_line([cell[at] if at < len(cell) else "" for cell in cells], widths) for at in range(height)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(cells, widths, strict=True)]
    return _GAP.join(padded).rstrip()
