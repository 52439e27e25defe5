"""Charts as text: the figures they show, the geometry they have, and that what is drawn is well-formed."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, PackageLoader, StrictUndefined

from mercato.console import charts
from mercato.console.chart_scale import Number, scale_of, thin, time_ticks
from mercato.console.charts import HEIGHT, Chart, Line, Unit
from mercato.console.small_charts import Sparkline, Strip, availability, sparkline

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
CALLS = Unit("calls", summed=True)
HOSTILE = '"><img src=x onerror=alert(1)> \u202e' + "n" * 2000
PAGE = Environment(
    loader=PackageLoader("mercato.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def draw(macro: str, value: Chart | Sparkline | Strip) -> ElementTree.Element:
    """What the template makes of it, read as XML: a page that is not well-formed raises."""
    text = PAGE.from_string(
        "{% from 'charts.html' import figure, spark, strip %}<div>{{ " + macro + "(value) }}</div>"
    ).render(value=value)
    assert "style=" not in text
    drawn = ElementTree.fromstring(text)
    for each in drawn.iter():
        geometry = " ".join(each.get(name, "") for name in ("d", "x", "y", "width", "height", "viewBox"))
        assert not re.search(r"nan|inf|none|e[+-]", geometry, re.IGNORECASE)
    return drawn


def by_class(drawn: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in drawn.iter() if name in each.get("class", "").split()]


def days(count: int) -> charts.Places:
    return charts.moments([FIRST + DAY * n for n in range(count)], "UTC", DAY)


def line(values: Sequence[Number | None], unit: Unit = CALLS, *, from_zero: bool = True) -> Chart:
    return charts.line("Calls", days(len(values)), [Line("now", values)], unit, from_zero=from_zero)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", path)]


def test_a_chart_says_in_words_and_in_a_table_what_it_draws() -> None:
    drawn = draw("figure", line([3, 10, 0]))
    text = "".join(drawn.itertext())
    assert "Calls: 13 in total; highest 10 (2 Nov 2026), lowest 0 (3 Nov 2026)." in text
    cells = [[cell.text for cell in row] for row in drawn.iter("tr")]
    assert cells == [["Time", "now"], ["1 Nov 2026", "3"], ["2 Nov 2026", "10"], ["3 Nov 2026", "0"]]
    (plot,) = by_class(drawn, "chart-plot")
    named = {each.get("id") for each in drawn.iter()}
    assert plot.get("role") == "img"
    assert set(plot.get("aria-labelledby", "").split()) <= named


def test_a_higher_value_stands_higher_and_the_axis_begins_at_zero() -> None:
    (stroke,) = line([0, 5, 10]).strokes
    assert points(stroke.path) == [(0, HEIGHT), (500, HEIGHT / 2), (1000, 0)]


def test_one_value_is_a_dot_and_none_is_a_sentence() -> None:
    (stroke,) = line([7]).strokes
    assert (stroke.path, stroke.dots[:5]) == ("", "M500 ")
    assert "the only value" in line([7]).sentence
    empty = line([])
    assert empty.sentence == "There are no values in this period."
    assert list(draw("figure", empty).iter("svg")) == []


def test_gaps_break_the_line_and_a_value_between_gaps_is_a_dot() -> None:
    (stroke,) = line([1, 2, None, 4, math.nan, 6, math.inf, 8, 9]).strokes
    assert stroke.path.count("M") == 2
    assert stroke.dots.count("M") == 2
    assert line([1, None, 3]).table.rows[1] == ["2 Nov 2026", "—"]


def test_what_is_below_zero_hangs_below_the_zero_line() -> None:
    chart = charts.bars("Net", days(2), [Line("in", [4, 0]), Line("out", [-4, -2])], Unit("net"))
    zero = next(float(tick.at) for tick in chart.across if tick.is_zero)
    up, down = chart.blocks[0], chart.blocks[1]
    assert float(up.y) + float(up.height) == pytest.approx(zero)
    assert float(down.y) == pytest.approx(zero)
    assert [tick.label for tick in chart.across] == ["4", "2", "0", "−2", "−4"][::-1]


def test_series_of_bars_stand_upon_each_other() -> None:
    chart = charts.bars("Calls", days(1), [Line("a", [2]), Line("b", [3])], CALLS)
    below, above = chart.blocks
    assert float(above.y) + float(above.height) == pytest.approx(float(below.y))
    assert float(below.height) / float(above.height) == pytest.approx(2 / 3, abs=0.01)
    assert (below.hint, above.hint) == ("1 Nov 2026: a 2", "1 Nov 2026: b 3")


def test_money_stays_exact_until_it_is_drawn() -> None:
    # The difference of one nano-dollar is lost by any float of this size.
    big = 10**30
    money = Unit("earnings", write=str, write_tick=str, summed=True)
    chart = line([big, big + 1, big + 2], money, from_zero=False)
    assert points(chart.strokes[0].path) == [(0, HEIGHT), (500, HEIGHT / 2), (1000, 0)]
    assert str(3 * big + 3) in chart.sentence
    assert all(isinstance(tick, int) for tick in scale_of([big, big + 2], from_zero=False).ticks)


def test_labels_of_a_narrow_range_differ_from_each_other() -> None:
    labels = [tick.label for tick in line([1_000_000, 1_000_003], from_zero=False).across]
    assert len(set(labels)) == len(labels)


def test_five_thousand_values_keep_their_extremes_and_the_table_says_so() -> None:
    values: list[Number | None] = [100 + n % 7 for n in range(5000)]
    values[1234], values[4321] = 9_999, 1
    chart = line(values)
    drawn = points(chart.strokes[0].path)
    assert len(drawn) <= 1000
    assert min(y for _, y in drawn) == pytest.approx(0, abs=0.1)
    assert (drawn[0][0], drawn[-1][0]) == (0, 1000)
    assert chart.table.note.startswith("5,000 values in 120 rows")
    assert any("9,999" in row[1] for row in chart.table.rows)
    assert any(row[1].startswith("1 to") for row in chart.table.rows)
    assert chart.hints == []


def test_strangers_names_are_text() -> None:
    chart = charts.bars(HOSTILE, days(2), [Line(HOSTILE, [1, 2]), Line("b", [1, 2])], CALLS, about=HOSTILE)
    drawn = draw("figure", chart)
    assert list(drawn.iter("img")) == []
    assert re.fullmatch(r"[a-z0-9-]{1,60}", chart.id)


def test_ticks_stand_at_round_times_of_the_readers_zone() -> None:
    berlin = time_ticks(FIRST, FIRST + DAY, "Europe/Berlin")
    assert [tick.label for tick in berlin] == ["06:00", "12:00", "18:00", "2 Nov"]
    tokyo = time_ticks(FIRST, FIRST + DAY * 6, "Asia/Tokyo")
    assert {tick.at.astimezone(ZoneInfo("Asia/Tokyo")).hour for tick in tokyo} == {0}
    kathmandu = time_ticks(FIRST, FIRST + HOUR * 5, "Asia/Kathmandu")
    assert {tick.label[-2:] for tick in kathmandu} == {"00"}


def test_days_of_23_and_25_hours_begin_at_midnight() -> None:
    for first in (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)):
        ticks = time_ticks(first, first + DAY * 5, "Europe/Berlin")
        local = [tick.at.astimezone(ZoneInfo("Europe/Berlin")) for tick in ticks]
        assert {at.hour for at in local} == {0}
        assert len({at.date() for at in local}) == len(local) == 5


@pytest.mark.parametrize("span", [timedelta(0), timedelta(seconds=3), HOUR, DAY, DAY * 40, DAY * 800, DAY * 20_000])
def test_any_span_has_a_tick_and_seven_at_most(span: timedelta) -> None:
    ticks = time_ticks(FIRST - span, FIRST, "America/St_Johns")
    assert 1 <= len(ticks) <= 7
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert all(FIRST - span <= tick.at <= FIRST for tick in ticks)


numbers = st.lists(
    st.none() | st.integers(-(10**40), 10**40) | st.floats(width=64, allow_nan=True, allow_infinity=True), max_size=40
)


@given(numbers, st.booleans())
def test_any_figures_can_be_drawn(values: list[Number | None], from_zero: bool) -> None:
    for chart in (line(values, from_zero=from_zero), charts.bars("B", days(len(values)), [Line("a", values)], CALLS)):
        draw("figure", chart)
        for stroke in chart.strokes:
            assert all(-0.01 <= y <= HEIGHT + 0.01 for _, y in points(stroke.path))
    draw("spark", sparkline("calls", values))


@given(st.lists(st.integers(-(10**30), 10**30) | st.floats(-1e300, 1e300), min_size=1), st.booleans())
def test_a_scale_holds_its_values_between_few_ticks(values: list[Number], from_zero: bool) -> None:
    scale = scale_of(values, from_zero=from_zero)
    assert scale.low <= min(values)
    assert max(values) <= scale.high
    assert 2 <= len(scale.ticks) <= 7
    assert list(scale.ticks) == sorted(scale.ticks)


@given(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=400), st.integers(1, 20))
def test_thinning_keeps_order_ends_and_extremes(values: list[int | None], buckets: int) -> None:
    kept = thin(values, buckets)
    assert kept == sorted(set(kept))
    known = [value for value in values if value is not None]
    if known:
        shown = [value for place in kept if (value := values[place]) is not None]
        assert (min(shown), max(shown)) == (min(known), max(known))


def test_a_sparkline_has_a_label_and_fits_its_height() -> None:
    spark = sparkline("Calls of 90 days, 12 today", [*range(89), 500])
    assert all(0 <= y <= spark.height for _, y in points(spark.path))
    drawn = draw("spark", spark)
    (svg,) = drawn.iter("svg")
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "Calls of 90 days, 12 today")
    assert sparkline("Calls", []).label == "Calls: no values"


def test_a_strip_tells_bad_days_by_height_and_in_words() -> None:
    shares = [10_000, 9_995, 9_950, 5_000, None]
    strip = availability("Availability", [(date(2026, 11, n + 1), share) for n, share in enumerate(shares)])
    assert [day.state for day in strip.days] == ["good", "good", "fair", "bad", "none"]
    heights = [day.height for day in strip.days]
    assert heights[0] == heights[1] > heights[2] > heights[3] > heights[4]
    assert strip.sentence == "2 days of 4 below 99.90 %; the worst was 4 Nov 2026 with 50.00 %."
    assert strip.days[4].hint == "5 Nov 2026: no calls"
    draw("strip", strip)
    draw("strip", availability("Availability", []))


def test_every_class_of_a_chart_has_a_rule() -> None:
    folder = files("mercato.console")
    rules = folder.joinpath("static/charts.css").read_text()
    template = folder.joinpath("templates/charts.html").read_text()
    named = " ".join(re.findall(r'class="([^"{]*)', template)).split()
    states = [f"strip-{state}" for state in ("good", "fair", "bad", "none")]
    used = {*named, *states, "series-faint", *(f"series-{n}" for n in range(6))} - {"strip-"}
    assert {name for name in used if f".{name}" not in rules} == set()
