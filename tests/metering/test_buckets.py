"""Buckets in integers: no rounding gains or loses a unit, whenever one looks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mercato.metering import MICRO, BucketTerms, refill, slice_units

START = datetime(2026, 11, 2, tzinfo=UTC)
TERMS = st.builds(
    BucketTerms,
    size=st.integers(1, 10**15),
    refill=st.integers(1, 10**15),
    window_us=st.sampled_from([1_000_000, 60_000_000]),
)


@given(TERMS, st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_looking_often_gives_what_looking_once_gives(terms: BucketTerms, steps: list[int]) -> None:
    level, since, now = 0, START, START
    for step in steps:
        now += timedelta(microseconds=step)
        level, since = refill(terms, level, since, now)
    once, _ = refill(terms, 0, START, now)
    exact = min(terms.full_micro, terms.refill_micro * sum(steps) // terms.window_us)
    assert once == exact
    # Time kept back for the next look is worth less than a microsecond each.
    assert 0 <= exact - level <= -(-terms.refill_micro // terms.window_us) * len(steps)
    assert since <= now


@given(TERMS, st.integers(-(10**9), 10**9))
def test_a_bucket_is_never_over_its_brim_and_a_clock_gone_back_gains_nothing(terms: BucketTerms, step: int) -> None:
    level, _ = refill(terms, terms.full_micro // 2, START, START + timedelta(microseconds=step))
    assert terms.full_micro // 2 <= level <= terms.full_micro
    if step <= 0:
        assert level == terms.full_micro // 2


@given(TERMS, st.integers(1, 10**6))
def test_waiting_as_long_as_told_is_long_enough(terms: BucketTerms, units: int) -> None:
    wanted = min(units * MICRO, terms.full_micro)
    level, _ = refill(terms, 0, START, START + timedelta(microseconds=terms.us_for(wanted)))
    assert level >= wanted


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.integers(0, 10**18), st.integers(1, 1000))
def test_a_slice_is_what_is_needed_at_least_and_what_is_free_at_most(
    left: int, least: int, most: int, gateways: int
) -> None:
    least = min(least, left)
    units = slice_units(left=left, least=least, most=most, gateways=gateways)
    assert least <= units <= max(left, least)
    assert units <= max(most, least)
    assert least or units == min(left, most), "priced although the plan still includes it"
