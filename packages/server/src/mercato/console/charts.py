"""Charts made here: SVG that needs no script and no style of its own, a sentence, and a table of the same figures.

A builder takes figures and gives a frozen value with all geometry; `templates/charts.html` draws it. Values are
integers (nano-dollars, calls, microseconds) or floats (a loss); None, NaN and infinities are gaps. Lengths across are
per cent of the width, so that a chart fits a phone without its text becoming small; lengths down are pixels. Colours
come from the classes in `static/charts.css`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mercato.console.chart_figures import Line, Places, Unit, moments, numbers, periods
from mercato.console.chart_scale import Number, Scale, finite, scale_of, thin
from mercato.console.chart_words import Table, sentence_of, table_of, written

__all__ = ["Chart", "Line", "Places", "Unit", "area", "bars", "line", "moments", "numbers", "periods"]

HEIGHT = 180
WIDTH = 1000
"""Units of the drawing across, whatever its width on the screen is."""
_MOST_POINTS = 250
_MOST_HINTS = 120
_PIXELS_OF_A_LETTER = 7
_COLOURS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across or a label below. `at` in pixels from the top, or in per cent of the width."""

    at: str
    label: str
    anchor: Literal["start", "middle", "end"] = "middle"
    is_minor: bool = False
    is_zero: bool = False


@dataclass(frozen=True, slots=True)
class Stroke:
    """A path in drawing units. `fill` closes it down to zero; `dots` are values that stand alone."""

    shade: str
    path: str
    fill: str
    dots: str


@dataclass(frozen=True, slots=True)
class Block:
    """A bar, in drawing units across and pixels down. `hint` is what a pointer shows over it."""

    shade: str
    x: str
    y: str
    width: str
    height: str
    hint: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws."""

    id: str
    title: str
    description: str
    sentence: str
    has_values: bool
    gutter: int
    height: int
    across: Sequence[Tick]
    below: Sequence[Tick]
    strokes: Sequence[Stroke]
    blocks: Sequence[Block]
    hints: Sequence[Block]
    legend: Sequence[tuple[str, str]]
    table: Table


def line(
    title: str, places: Places, lines: Sequence[Line], unit: Unit, *, from_zero: bool = True, about: str = ""
) -> Chart:
    """A line for each series. `from_zero=False` only where zero means nothing, as for a loss."""
    return _drawn(title, places, lines, unit, about, from_zero=from_zero, filled=False)


def area(title: str, places: Places, lines: Sequence[Line], unit: Unit, *, about: str = "") -> Chart:
    """A line for each series, filled down to zero."""
    return _drawn(title, places, lines, unit, about, from_zero=True, filled=True)


def _drawn(
    title: str, places: Places, lines: Sequence[Line], unit: Unit, about: str, *, from_zero: bool, filled: bool
) -> Chart:
    clean = [_clean(each) for each in lines]
    scale = scale_of(_known(clean), from_zero=from_zero)
    strokes = [_stroke(each, shade, places, scale, filled) for each, shade in zip(clean, _shades(clean), strict=True)]
    return _chart(title, places, clean, unit, about, scale, strokes=strokes, hints=_hints(places, clean, unit))


def bars(title: str, places: Places, lines: Sequence[Line], unit: Unit, *, about: str = "") -> Chart:
    """A bar for each place, in which the series stand upon each other; negative values hang below zero."""
    clean = [_clean(each) for each in lines]
    stacks = [_stack([each.values[place] for each in clean]) for place in range(len(places.shares))]
    ends = [end for stack in stacks for pair in stack if pair for end in pair]
    scale = scale_of(ends, from_zero=True)
    shades = _shades(clean)
    thinner = WIDTH / max(len(stacks), 1)
    blocks = [
        _block(shades[which], place, thinner, pair, scale, _hint(places, clean, which, place, unit))
        for place, stack in enumerate(stacks)
        for which, pair in enumerate(stack)
        if pair
    ]
    return _chart(title, places, clean, unit, about, scale, blocks=blocks)


def _clean(given: Line) -> Line:
    return Line(given.name, [finite(value) for value in given.values], given.faint)


def _known(lines: Sequence[Line]) -> list[Number]:
    return [value for each in lines for value in each.values if value is not None]


def _shades(lines: Sequence[Line]) -> list[str]:
    shades, count = [], 0
    for each in lines:
        shades.append("series-faint" if each.faint else f"series-{count % _COLOURS}")
        count += not each.faint
    return shades


def _stack(values: Sequence[Number | None]) -> list[tuple[Number, Number] | None]:
    """Where each value begins and ends, those above zero upwards and the others downwards."""
    up: Number = 0
    down: Number = 0
    found: list[tuple[Number, Number] | None] = []
    for value in values:
        if value is None:
            found.append(None)
        elif value >= 0:
            found.append((up, up + value))
            up += value
        else:
            found.append((down + value, down))
            down += value
    return found


def _short(value: float) -> str:
    """At most two decimals: a hundredth of a pixel is not seen."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _top(value: Number, scale: Scale) -> float:
    return HEIGHT * (1 - scale.share(value))


def _block(shade: str, place: int, wide: float, ends: tuple[Number, Number], scale: Scale, hint: str) -> Block:
    gap = wide / 5 if wide > 8 else 0
    top, bottom = _top(ends[1], scale), _top(ends[0], scale)
    # A value that is not zero is never invisible.
    height = max(bottom - top, 1) if ends[0] != ends[1] else 0
    return Block(
        shade, _short(place * wide + gap / 2), _short(bottom - height), _short(wide - gap), _short(height), hint
    )


def _stroke(given: Line, shade: str, places: Places, scale: Scale, filled: bool) -> Stroke:
    runs = _runs(given.values, places, scale)
    zero = _short(_top(min(max(0, scale.low), scale.high), scale))
    path = "".join(_path(run) for run in runs if len(run) > 1)
    fill = (
        "".join(f"{_path(run)}V{zero}H{run[0][0]}Z" for run in runs if len(run) > 1)
        if filled and not given.faint
        else ""
    )
    dots = "".join(f"M{x} {y}h.01" for run in runs if len(run) == 1 for x, y in run)
    return Stroke(shade, path, fill, dots)


def _runs(values: Sequence[Number | None], places: Places, scale: Scale) -> list[list[tuple[str, str]]]:
    """Points in drawing units; a gap begins a new run."""
    runs: list[list[tuple[str, str]]] = [[]]
    for place in thin(values, _MOST_POINTS):
        value = values[place]
        if value is not None:
            runs[-1].append((_short(places.shares[place] * WIDTH), _short(_top(value, scale))))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _path(run: Sequence[tuple[str, str]]) -> str:
    (x, y), rest = run[0], run[1:]
    return f"M{x} {y}L" + " ".join(f"{a} {b}" for a, b in rest)


def _hints(places: Places, lines: Sequence[Line], unit: Unit) -> list[Block]:
    """Columns that a pointer can stand on, where they are wide enough to hit."""
    count = len(places.shares)
    if count > _MOST_HINTS:
        return []
    edges = [0.0, *((a + b) / 2 for a, b in zip(places.shares, places.shares[1:], strict=False)), 1.0]
    found = []
    for place in range(count):
        values = "; ".join(f"{each.name} {written(each.values[place], unit)}" for each in lines)
        x, width = edges[place] * WIDTH, (edges[place + 1] - edges[place]) * WIDTH
        found.append(Block("", _short(x), "0", _short(width), str(HEIGHT), f"{places.labels[place]}: {values}"))
    return found


def _hint(places: Places, lines: Sequence[Line], which: int, place: int, unit: Unit) -> str:
    return f"{places.labels[place]}: {lines[which].name} {written(lines[which].values[place], unit)}"


def _chart(
    title: str,
    places: Places,
    lines: Sequence[Line],
    unit: Unit,
    about: str,
    scale: Scale,
    *,
    strokes: Sequence[Stroke] = (),
    blocks: Sequence[Block] = (),
    hints: Sequence[Block] = (),
) -> Chart:
    across = _across(scale, unit)
    return Chart(
        id=re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "chart",
        title=title,
        description=about or f"{unit.name[:1].upper()}{unit.name[1:]} by {places.name.lower()}.",
        sentence=sentence_of(places, lines, unit),
        has_values=bool(_known(lines)),
        gutter=_PIXELS_OF_A_LETTER * max(len(tick.label) for tick in across) + 8,
        height=HEIGHT,
        across=across,
        below=_below(places),
        strokes=strokes,
        blocks=blocks,
        hints=hints,
        legend=list(zip(_shades(lines), (each.name for each in lines), strict=True)),
        table=table_of(places, lines, unit),
    )


def _across(scale: Scale, unit: Unit) -> list[Tick]:
    labels = [unit.write_tick(value) for value in scale.ticks]
    if len(set(labels)) < len(labels):
        # Short forms of a narrow range look the same: 1.2M and 1.2M.
        labels = [unit.write(value) for value in scale.ticks]
    values = zip(scale.ticks, labels, strict=True)
    return [Tick(_short(_top(value, scale)), label, "end", is_zero=value == 0) for value, label in values]


def _below(places: Places) -> list[Tick]:
    found = []
    for number, (share, label) in enumerate(places.ticks):
        anchor: Literal["start", "middle", "end"] = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        found.append(Tick(f"{_short(share * 100)}%", label, anchor, is_minor=len(places.ticks) > 4 and number % 2 == 1))
    return found
