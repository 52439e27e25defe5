"""Series that do not vary, hardly vary, are tiny, huge or not finite: a figure, and never one made of rounding."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato_contracts import ranking
from mercato_contracts.ranking import varies
from mercato_contracts.scores import score_round
from tests.contracts.test_scores import _inputs

values = st.floats(allow_nan=False, allow_infinity=False)
series = st.lists(st.integers(-1000, 1000).map(lambda step: step / 1000), min_size=3, max_size=40)
scales = st.integers(-300, 300).map(lambda power: 10.0**power)
powers = st.integers(-400, 400).map(lambda power: 4.0**power)


def figures(payoffs: list[float]) -> list[float]:
    """Every figure of one series, and of it against an ordinary one."""
    other = [float(at * 7 % 11) for at in range(len(payoffs))]
    return [
        ranking.sharpe(payoffs),
        ranking.deflated_sharpe(payoffs, trials=3, independent=len(payoffs)),
        ranking.deviation(payoffs),
        ranking.correlation(payoffs, other),
        ranking.correlation(other, payoffs),
        ranking.rank_correlation(payoffs, other),
        ranking.tail_correlation(payoffs, other),
        ranking.tail_correlation(other, payoffs),
        ranking.contribution(payoffs, other, other),
        ranking.contribution(other, list(reversed(other)), payoffs),
    ]


@given(values, st.integers(1, 60))
def test_a_constant_series_scores_nothing(value: float, length: int) -> None:
    assert figures([value] * length) == [0.0] * 10


@pytest.mark.parametrize("length", [2, 3, 12, 250])
@pytest.mark.parametrize("value", [0.8, -0.8, 0.1, 1 / 3, 1e-300, 1e300, 5e-324, sys.float_info.max])
def test_a_series_that_varies_by_rounding_alone_scores_nothing(value: float, length: int) -> None:
    payoffs = [value] * (length - 1) + [math.nextafter(value, 0.0)]
    if value != 5e-324:
        assert figures(payoffs) == [0.0] * 10
    assert figures([0.3] * (length - 1) + [0.1 + 0.2]) == [0.0] * 10
    assert figures([0.1] * (length - 1) + [1.1 - 1.0]) == [0.0] * 10
    assert figures([0.01] * (length - 1) + [1.01 - 1.0]) == [0.0] * 10
    assert figures([0.8] * (length - 1) + [0.8 + 1e-12])[0] > 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_scores_nothing(value: float) -> None:
    assert figures([value]) == [0.0] * 10
    assert figures([0.1, value, 0.3, -0.4]) == [0.0] * 10
    assert figures([value] * 5) == [0.0] * 10


def test_nothing_and_a_single_value_score_nothing() -> None:
    assert figures([]) == [0.0] * 10
    assert figures([0.7]) == [0.0] * 10


@given(series, powers)
def test_a_scale_changes_no_digit(payoffs: list[float], scale: float) -> None:
    """Of a power of four; sizes at which squares overflow or vanish are among them."""
    scaled = [payoff * scale for payoff in payoffs]
    assert ranking.sharpe(scaled) == ranking.sharpe(payoffs)
    assert ranking.deflated_sharpe(scaled, trials=4, independent=9) == ranking.deflated_sharpe(
        payoffs, trials=4, independent=9
    )
    other = [float(at * 5 % 7) for at in range(len(payoffs))]
    assert ranking.correlation(scaled, other) == ranking.correlation(payoffs, other)
    assert ranking.rank_correlation(scaled, other) == ranking.rank_correlation(payoffs, other)


@given(series, scales, st.booleans())
def test_any_scale_leaves_the_figures_and_a_sign_turns_them(payoffs: list[float], scale: float, turned: bool) -> None:
    scaled = [payoff * (-scale if turned else scale) for payoff in payoffs]
    sign = -1 if turned else 1
    assert varies(scaled) == varies(payoffs)
    assert ranking.sharpe(scaled) == pytest.approx(sign * ranking.sharpe(payoffs), rel=1e-9, abs=1e-9)
    assert ranking.deviation(scaled) == pytest.approx(scale * ranking.deviation(payoffs), rel=1e-9)
    other = [float(at * 5 % 7) for at in range(len(payoffs))]
    plain = ranking.correlation(payoffs, other)
    assert ranking.correlation(scaled, other) == pytest.approx(sign * plain, abs=1e-9)


@given(series, st.integers(-1000, 1000), st.integers(1, 1000))
def test_correlations_do_not_mind_an_affine_change(payoffs: list[float], shift: int, factor: int) -> None:
    moved = [payoff * factor + shift for payoff in payoffs]
    other = [float(at * 5 % 7) for at in range(len(payoffs))]
    assert ranking.correlation(moved, other) == pytest.approx(ranking.correlation(payoffs, other), abs=1e-6)
    assert ranking.deviation(moved) == pytest.approx(factor * ranking.deviation(payoffs), rel=1e-6, abs=1e-9)


@given(st.lists(values, min_size=1, max_size=30), st.integers(1, 2**70))
def test_no_figure_of_finite_values_is_anything_but_a_number(payoffs: list[float], trials: int) -> None:
    found = figures(payoffs)[:8]
    assert all(map(math.isfinite, found)), found
    assert 0 <= ranking.deflated_sharpe(payoffs, trials=trials, independent=len(payoffs)) <= 1
    assert math.isfinite(ranking.mean(payoffs))


def test_a_round_gives_no_sharpe_ratio_to_a_skill_that_never_varies() -> None:
    inputs = _inputs(models=1, eras=4).model_dump()
    signal = inputs["signals"][0]
    for truth, written in zip(inputs["eras"], signal["eras"], strict=True):
        written["scores"] = dict(zip(truth["ids"], truth["targets"], strict=True))
    signal["history"] = [ranking.rank_correlation(truth["targets"], truth["targets"]) for truth in inputs["eras"]] * 5
    (score,) = score_round(type(_inputs()).model_validate(inputs)).deployments
    assert score.rank_ic == 1.0
    assert (score.sharpe, score.deflated_sharpe) == (0.0, 0.0)


def test_a_signal_that_varies_by_rounding_alone_fails_the_gate_of_the_constant() -> None:
    inputs = _inputs(models=1, eras=3).model_dump()
    for written in inputs["signals"][0]["eras"]:
        written["scores"] = {one: (0.3, 0.1 + 0.2)[at % 2] for at, one in enumerate(written["scores"])}
    (score,) = score_round(type(_inputs()).model_validate(inputs)).deployments
    assert "constant" in score.gates
    assert (score.rank_ic, score.tail_ic, score.contribution) == (0.0, 0.0, 0.0)
