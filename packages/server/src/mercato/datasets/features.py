"""Features of each stock on each day, from that day's close and earlier ones only.

Every figure of a day is made of sums that run forward in time, so removing the future changes no bit of the past; a
test checks this. Vendors get ranks within the day (for figures of the whole market, within its past), because ranks
have no units and do not drift over decades. Sources: momentum over 2 to 12 months (Jegadeesh and Titman 1993), one-week
reversal (Lehmann 1990), low volatility and idiosyncratic volatility (Ang et al. 2006), nearness to the year's high
(George and Hwang 2004), lottery demand (Bali, Cakici and Whitelaw 2011), betas (Frazzini and Pedersen 2014).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable

import numpy as np

from mercato.datasets.sources import Floats, Market

WARM_UP_DAYS = 252
"""Days before the first era: the longest look-back."""

_NEUTRAL = 0.5

Make = Callable[["_Series"], Floats]


class _Series:
    """Inputs that features share: daily log returns of stocks and index. The first row is zeros, not NaN."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.logs = np.log(market.closes)
        self.moves = _moves(market.closes)
        self.index_moves = _moves(market.index[:, None])

    def back(self, days: int, skip: int = 0) -> Floats:
        """Log return from `days` ago to `skip` days ago."""
        return _lag(self.logs, skip) - _lag(self.logs, days)


def compute_features(market: Market) -> dict[str, Floats]:
    """Features by name (`feature_…`), each days by stocks, every value in (0, 1); 0.5 where there is no history yet."""
    series = _Series(market)
    found = {f"feature_{name}": rank_across(make(series)) for name, make in _OF_STOCKS.items()}
    for at, name in enumerate(market.factor_names):
        beta = _beta(series.moves, _moves(market.factors[:, at : at + 1]), 120)
        found[f"feature_beta_{name.lower()}_120"] = rank_across(beta)
    width = len(market.tickers)
    for name, make in _OF_MARKET.items():
        found[f"feature_{name}"] = np.repeat(_rank_in_past(make(series))[:, None], width, axis=1)
    return {name: values.astype(np.float32).astype(np.float64) for name, values in found.items()}


def rank_across(values: Floats) -> Floats:
    """Per row, (rank - 0.5) / count in (0, 1), ties share the mean; a row with a missing value is all 0.5."""
    # For each name, count the lower ones and half of the equal ones. With twenty names the square is cheap.
    below = (values[:, :, None] > values[:, None, :]).sum(axis=2)
    equal = (values[:, :, None] == values[:, None, :]).sum(axis=2)
    ranks = (below + equal / 2) / values.shape[1]
    return np.where(np.isfinite(values).all(axis=1, keepdims=True), ranks, _NEUTRAL)


def _rank_in_past(values: Floats) -> Floats:
    """The rank of each value among itself and all earlier ones, in (0, 1]."""
    past: list[float] = []
    ranks = np.full(len(values), _NEUTRAL)
    for at, value in enumerate(values.tolist()):
        if np.isfinite(value):
            insort(past, value)
            ranks[at] = (bisect_left(past, value) + bisect_right(past, value)) / 2 / len(past)
    return ranks


def _moves(levels: Floats) -> Floats:
    """Daily log returns; NaN on the first day and wherever a level is missing."""
    moves = np.full_like(levels, np.nan)
    moves[1:] = np.diff(np.log(levels), axis=0)
    return moves


def _lag(values: Floats, days: int) -> Floats:
    if days == 0:
        return values
    lagged = np.full_like(values, np.nan)
    lagged[days:] = values[:-days]
    return lagged


def _sum(values: Floats, window: int) -> Floats:
    """Sums over the last `window` rows; NaN for earlier rows and for windows with a missing value."""
    known = np.isfinite(values)
    running = np.cumsum(np.where(known, values, 0.0), axis=0)
    missing = np.cumsum(~known, axis=0)
    sums = running - np.where(np.isfinite(lagged := _lag(running, window)), lagged, 0.0)
    gaps = missing - np.where(np.isfinite(earlier := _lag(missing.astype(np.float64), window)), earlier, 0.0)
    early = np.arange(len(values))[:, None] < window - 1
    return np.where((gaps == 0) & ~early, sums, np.nan)


def _mean(values: Floats, window: int) -> Floats:
    return _sum(values, window) / window


def _deviation(values: Floats, window: int) -> Floats:
    return np.sqrt(np.maximum(_mean(values**2, window) - _mean(values, window) ** 2, 0.0))


def _beta(moves: Floats, of: Floats, window: int) -> Floats:
    shared = _mean(moves * of, window) - _mean(moves, window) * _mean(of, window)
    spread = _mean(of**2, window) - _mean(of, window) ** 2
    return shared / np.where(spread > 0, spread, np.nan)


def _extreme(values: Floats, window: int, pick: Callable[..., Floats]) -> Floats:
    """The largest or smallest of the last `window` rows."""
    found = np.full_like(values, np.nan)
    views = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)
    found[window - 1 :] = pick(views, axis=-1)
    return found


def _own_risk(series: _Series) -> Floats:
    """The volatility over a quarter that the index does not explain."""
    beta = _beta(series.moves, series.index_moves, 63)
    explained = beta * _deviation(series.index_moves, 63)
    return np.sqrt(np.maximum(_deviation(series.moves, 63) ** 2 - explained**2, 0.0))


def _skew(series: _Series) -> Floats:
    mean, spread = _mean(series.moves, 63), _deviation(series.moves, 63)
    third = _mean(series.moves**3, 63) - 3 * mean * _mean(series.moves**2, 63) + 2 * mean**3
    return third / np.where(spread > 0, spread**3, np.nan)


def _drawdown(series: _Series) -> Floats:
    return series.logs - _extreme(series.logs, 126, np.max)


_OF_STOCKS: dict[str, Make] = {
    "momentum_21": lambda s: s.back(21),
    "momentum_63": lambda s: s.back(63),
    "momentum_126": lambda s: s.back(126),
    "momentum_252_skip_21": lambda s: s.back(252, 21),
    "reversal_1": lambda s: -s.back(1),
    "reversal_5": lambda s: -s.back(5),
    "volatility_21": lambda s: _deviation(s.moves, 21),
    "volatility_126": lambda s: _deviation(s.moves, 126),
    "idiosyncratic_volatility_63": _own_risk,
    "beta_market_126": lambda s: _beta(s.moves, s.index_moves, 126),
    "drawdown_126": _drawdown,
    "nearness_to_high_252": lambda s: s.logs - _extreme(s.logs, 252, np.max),
    "largest_day_21": lambda s: _extreme(s.moves, 21, np.max),
    "skew_63": _skew,
    "distance_from_mean_200": lambda s: s.logs - _mean(s.logs, 200),
}

_OF_MARKET: dict[str, Make] = {
    "market_volatility_21": lambda s: _deviation(s.index_moves, 21)[:, 0],
    "market_trend_126": lambda s: _sum(s.index_moves, 126)[:, 0],
    "market_fear": lambda s: s.market.vix,
}
