"""Tables fit the terminal, whatever is in them, and what goes to a program is whole."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato_cli.answers import shortened
from mercato_cli.errors import MpError
from mercato_cli.ids import whole_id
from mercato_cli.tables import field_lines, table_lines, wrap
from mercato_cli.text import width_of

_ID = "key_01a22482794d7136ac1cebb97f8cd532"
_HEADERS = ["id", "service", "since", "why"]
_ROWS = [
    (_ID, "acme/embedder", datetime(2026, 11, 28, 23, 50, 12, 345, UTC), "The vendor is not verified."),
    (
        "key_01a22482794d7136ac1cebb900000000",
        "acme/x",
        "2026-11-28T23:50:12Z",
        "日本語の説明はとても長いので折り返される",
    ),
]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(width: int) -> None:
    lines = table_lines(_HEADERS, _ROWS, width)
    assert all(width_of(line) <= width for line in lines)
    words = {word for line in lines for word in line.split()}
    assert {"vendor", "verified.", "2026-11-28"} <= words
    assert (_ID if width == 120 else "key_…7f8cd532") in words


def test_ids_and_times_are_short_for_people_and_whole_for_programs() -> None:
    wide = "\n".join(table_lines(_HEADERS, _ROWS, 200))
    assert _ID in wide, "there is room"
    assert wide.count("2026-11-28 23:50 ") == 2
    assert "key_…7f8cd532" in "\n".join(table_lines(_HEADERS, _ROWS, 100))
    piped = "\n".join(table_lines(_HEADERS, _ROWS, None))
    assert _ID in piped
    assert "2026-11-28 23:50:12.000345+00:00" in piped
    assert "2026-11-28T23:50:12Z" in piped


def test_what_cannot_stand_in_columns_is_a_list() -> None:
    headers = [f"column {number}" for number in range(12)]
    lines = table_lines(headers, [[f"value-{number}" for number in range(12)]] * 2, 40)
    assert lines[:2] == ["column 0   value-0", "column 1   value-1"]
    assert lines.count("") == 1, "a line between the two rows"


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Mn", "Me", "Zl", "Zp"]), max_size=60)


@settings(max_examples=60)
@given(st.lists(st.tuples(_TEXTS, _TEXTS, st.integers(), _TEXTS), min_size=1, max_size=5), st.integers(20, 200))
def test_any_table_fits_any_terminal(rows: list[tuple[object, ...]], width: int) -> None:
    assert all(width_of(line) <= width for line in table_lines(["a", "service", "count", "why"], rows, width))


@settings(max_examples=60)
@given(_TEXTS, st.integers(2, 80))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line) <= width for line in lines)


def test_a_field_goes_on_below_itself() -> None:
    assert field_lines("why", "one two three four", 5, 20) == ["why    one two three", "       four"]


@pytest.mark.parametrize("text", ["key_…7f8cd532", "7f8cd532", "key_7f8cd532", "…7f8cd532", _ID])
def test_the_end_of_an_id_is_enough(text: str) -> None:
    assert whole_id(text, lambda: [str(row[0]) for row in _ROWS]) == _ID


def test_an_end_that_fits_several_names_them_and_one_that_fits_none_is_left_alone() -> None:
    known = ["key_" + "0" * 28 + "abcd", "key_" + "1" * 28 + "abcd"]
    with pytest.raises(MpError, match="is ambiguous"):
        whole_id("abcd", lambda: known)
    assert whole_id("dcba", lambda: known) == "dcba"
    assert whole_id("demo-key", lambda: pytest.fail("nothing is asked for")) == "demo-key"


def test_long_lists_and_texts_of_an_answer_are_shortened() -> None:
    answer = {"data": [{"embedding": [0.25] * 384, "index": 0}], "image": "A" * 5000, "model": "e5", "none": []}
    text, is_cut = shortened(answer)
    assert is_cut
    assert "[0.25, 0.25, 0.25, … 381 more]" in text
    assert "… (5,000 characters)" in text
    assert len(text) < 600


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)


@settings(max_examples=60)
@given(st.recursive(_LEAVES, lambda each: st.lists(each, max_size=8) | st.dictionaries(st.text(max_size=5), each)))
def test_a_short_answer_is_the_json_that_came(value: object) -> None:
    text, is_cut = shortened(value)
    assert not is_cut
    assert json.loads(text) == value
    assert not re.search(r"[^\S\n ]$", text)
