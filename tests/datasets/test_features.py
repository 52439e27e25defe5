"""Features are made from the past alone, and are what their names say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mercato.datasets.features import WARM_UP_DAYS, compute_features, rank_across
from mercato.datasets.sources import Floats, Market


def test_the_prices_are_those_that_two_sources_agree_on(prices: Market) -> None:
    assert prices.closes.shape == (8313, 20)
    assert (str(prices.days[0]), str(prices.days[-1])) == ("1990-01-02", "2022-12-28")
    assert {check.series for check in prices.agreements} == {"S&P 500", "AAPL", "MSFT"}
    assert all(check.correlation > 0.999 and check.days > 3000 for check in prices.agreements)
    assert {source.package for source in prices.sources} == {"skfolio", "arch", "bokeh_sampledata"}
    assert all(len(source.sha256) == 64 for source in prices.sources)


@pytest.mark.parametrize("days", [300, 777, 1100])
def test_cutting_the_future_off_changes_no_bit_of_the_past(early_prices: Market, days: int) -> None:
    whole, cut = compute_features(early_prices), compute_features(early_prices.until(days))
    assert whole.keys() == cut.keys()
    for name, values in cut.items():
        assert np.array_equal(values, whole[name][:days]), name


def test_another_future_changes_no_bit_of_the_past(early_prices: Market) -> None:
    days = 1000
    ahead = np.arange(len(early_prices.days)) >= days
    shaken = replace(
        early_prices,
        closes=np.where(ahead[:, None], early_prices.closes * 3.7, early_prices.closes),
        index=np.where(ahead, early_prices.index / 2, early_prices.index),
    )
    was, now = compute_features(early_prices), compute_features(shaken)
    changed = 0
    for name, values in now.items():
        assert np.array_equal(values[:days], was[name][:days]), name
        changed += not np.array_equal(values[days:], was[name][days:])
    assert changed > 5  # the shaking itself is seen, by the features that it concerns


def test_every_value_lies_within_0_and_1_and_the_warm_up_is_over_in_era_1(prices: Market) -> None:
    for name, values in compute_features(prices).items():
        assert np.isfinite(values).all(), name
        assert (values > 0).all() and (values < 1.0000001).all(), name  # noqa: PT018
        if "beta_" not in name or "market" in name:
            assert name == "feature_market_fear" or not (values[WARM_UP_DAYS] == 0.5).all(), name


def test_factors_and_fear_are_neutral_where_nobody_knew_them(prices: Market) -> None:
    computed = compute_features(prices)
    before = [at for at, day in enumerate(prices.days) if day.year < 2014]
    assert (computed["feature_beta_mtum_120"][before] == 0.5).all()
    assert (computed["feature_market_fear"][before] == 0.5).all()
    assert (computed["feature_beta_mtum_120"][-1] != 0.5).any()


@pytest.fixture(scope="module")
def logs(early_prices: Market) -> pd.DataFrame:
    """Logarithms of the closes."""
    return pd.DataFrame(np.log(early_prices.closes))


@pytest.fixture(scope="module")
def computed(early_prices: Market) -> dict[str, Floats]:
    """Our features of the same."""
    return compute_features(early_prices)


class TestAgainstPandas:
    """The same figures by another library, to the last rank."""

    def compare(self, ours: Floats, theirs: pd.DataFrame) -> None:
        ranks = ((theirs.rank(axis=1) - 0.5) / theirs.shape[1]).to_numpy()[WARM_UP_DAYS:]
        assert (
            np.isclose(ours[WARM_UP_DAYS:], ranks, atol=1e-6).mean() > 0.999
        )  # ties by rounding differ here and there

    def test_momentum(self, computed: dict[str, Floats], logs: pd.DataFrame) -> None:
        self.compare(computed["feature_momentum_63"], logs - logs.shift(63))
        self.compare(computed["feature_momentum_252_skip_21"], logs.shift(21) - logs.shift(252))

    def test_reversal(self, computed: dict[str, Floats], logs: pd.DataFrame) -> None:
        self.compare(computed["feature_reversal_5"], (logs.shift(5) - logs).round(12))

    def test_volatility(self, computed: dict[str, Floats], logs: pd.DataFrame) -> None:
        self.compare(computed["feature_volatility_21"], logs.diff().rolling(21).std())

    def test_beta(self, computed: dict[str, Floats], logs: pd.DataFrame, early_prices: Market) -> None:
        index = pd.Series(np.log(early_prices.index)).diff()
        theirs = logs.diff().rolling(126).cov(index).div(index.rolling(126).var(), axis=0)
        self.compare(computed["feature_beta_market_126"], theirs)

    def test_drawdown(self, computed: dict[str, Floats], logs: pd.DataFrame) -> None:
        self.compare(computed["feature_drawdown_126"], logs - logs.rolling(126).max())

    def test_skew(self, computed: dict[str, Floats], logs: pd.DataFrame) -> None:
        self.compare(computed["feature_skew_63"], logs.diff().rolling(63).skew())


def test_ranks_share_ties_and_keep_out_of_rows_with_a_gap() -> None:
    ranks = rank_across(np.array([[3.0, 1.0, 1.0, 9.0], [1.0, np.nan, 2.0, 3.0]]))
    assert ranks.tolist() == [[0.625, 0.25, 0.25, 0.875], [0.5, 0.5, 0.5, 0.5]]
