"""A chart in words: its sentence, and the table under it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mercato.console.chart_figures import Line, Places, Unit
from mercato.console.chart_scale import Number, slices

_MOST_ROWS = 120
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Table:
    """The same figures in words."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


def sentence_of(places: Places, lines: Sequence[Line], unit: Unit) -> str:
    """Total or latest value, and the extremes where there is one series alone."""
    known = [each for each in lines if any(value is not None for value in each.values)]
    if not known:
        return "There are no values in this period."
    if len(known) == 1:
        return _of_one(places, known[0], unit)
    shown = [f"{each.name} {unit.write(_main_value(each, unit))}" for each in known[:_MOST_NAMED]]
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return f"{'In total' if unit.summed else 'Latest'}: {', '.join(shown)}{more}."


def _main_value(given: Line, unit: Unit) -> Number:
    values = [value for value in given.values if value is not None]
    return sum(values) if unit.summed else values[-1]


def _of_one(places: Places, given: Line, unit: Unit) -> str:
    known = [(value, place) for place, value in enumerate(given.values) if value is not None]
    high, low, latest = max(known, key=lambda each: each[0]), min(known), known[-1]
    at = {place: places.labels[place] for _, place in (high, low, latest)}
    subject = f"{unit.name[:1].upper()}{unit.name[1:]}"
    if len(known) == 1:
        return f"{subject}: {unit.write(latest[0])} at {at[latest[1]]}, the only value."
    main = unit.write(_main_value(given, unit))
    first = f"{main} in total" if unit.summed else f"{main} at {at[latest[1]]}"
    return (
        f"{subject}: {first}; highest {unit.write(high[0])} ({at[high[1]]}), "
        f"lowest {unit.write(low[0])} ({at[low[1]]})."
    )


def table_of(places: Places, lines: Sequence[Line], unit: Unit) -> Table:
    """A row for each place; of very many places, a row for each stretch of them, which says so."""
    head = [places.name, *(each.name for each in lines)]
    count = len(places.labels)
    if count <= _MOST_ROWS:
        rows = [
            [places.labels[place], *(written(each.values[place], unit) for each in lines)] for place in range(count)
        ]
        return Table(head, rows, "")
    rows = [_row_of(chosen, places, lines, unit) for chosen in slices(count, _MOST_ROWS)]
    return Table(
        head, rows, f"{count:,} values in {len(rows)} rows: each row has the lowest and the highest of its values."
    )


def _row_of(chosen: range, places: Places, lines: Sequence[Line], unit: Unit) -> list[str]:
    row = [f"{places.labels[chosen[0]]} to {places.labels[chosen[-1]]}"]
    for each in lines:
        known = [value for place in chosen if (value := each.values[place]) is not None]
        row.append(f"{unit.write(min(known))} to {unit.write(max(known))}" if known else "—")
    return row


def written(value: Number | None, unit: Unit) -> str:
    return "—" if value is None else unit.write(value)
