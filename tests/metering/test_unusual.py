"""Unusual hours: planted ones are found, habits are not, and the reason can be read."""

import pytest

from mercato.metering.unusual import judge, judge_hour, sentence
from tests.support.planted import JUDGED, Planted, plant


def days_told(case: Planted) -> set[int]:
    """The first hour of each day that somebody hears of: one alert a day."""
    expected: dict[int, int] = {}
    for hour in JUDGED:
        if judge("calls", case.windows(hour)) is not None:
            expected.setdefault(hour // 24, hour)
    return set(expected.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_spikes_drifts_and_silences_are_found_and_habits_are_not(seed: int) -> None:
    right = wrong = missed = 0
    for case in plant(seed, each=30):
        answer = days_told(case)
        hits = {hour for hour in answer if hour in case.odd}
        right += len(hits)
        wrong += len(answer - hits)
        missed += bool(case.odd) and not hits
    planted = 3 * 30
    assert right / (right + wrong) >= 0.9, (right, wrong)
    assert (planted - missed) / planted >= 0.9, missed


def test_one_hour_a_young_scope_a_small_one_and_what_was_there_before_are_no_news() -> None:
    usual = [100, 110, 95, 105, 100, 98]
    found = judge("calls", [(900, usual), (1_000, usual)])
    assert found is not None
    assert found.kind == "more"
    assert found.value == 1_000
    assert found.usual == 100
    assert found.weeks == 6
    assert judge("calls", [(100, usual), (1_000, usual)]) is None
    assert judge("calls", [(0, usual), (1_000, usual)]) is None
    assert judge_hour("calls", 1_000, usual[:2]) is None
    assert judge_hour("calls", 49, [0] * 6) is None
    assert judge_hour("calls", 60, [0] * 6) is not None
    assert judge_hour("calls", 1_000, [*usual[:5], 950]) is None
    silent = judge("calls", [(0, usual), (0, usual)])
    assert silent is not None
    assert silent.kind == "less"
    assert judge("failed", [(0, usual), (0, usual)]) is not None


def test_the_sentence_says_what_it_is_compared_with() -> None:
    found = judge_hour("calls", 1_000, [100, 110, 95, 105, 100, 98])
    assert found is not None
    text = sentence("calls", found, "2026-11-02 08:00")
    assert text.startswith("1,000 calls in the hour from 2026-11-02 08:00 UTC")
    assert "the same hour of the last 6 weeks had 100" in text
    fresh = judge_hour("calls", 500, [0] * 6)
    assert fresh is not None
    assert "where there were none" in sentence("calls", fresh, "2026-11-02 08:00")
