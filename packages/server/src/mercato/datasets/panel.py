"""The panel: every era of a dataset, with features, targets that may be secret, and the names behind the ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mercato.datasets.features import WARM_UP_DAYS, compute_features, rank_across
from mercato.datasets.obscuring import Obscurer
from mercato.datasets.sources import Floats, Market


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a target measures: the return over `days` trading days, starting `lag` days after the era.

    The lag is the time to trade: a signal made from today's close cannot buy at today's close.
    """

    days: int
    lag: int

    @property
    def reach(self) -> int:
        """Trading days from an era until its target is known; also the number of eras purged before a round."""
        return self.days + self.lag


@dataclass(frozen=True, eq=False)
class Panel:
    """A dataset in memory. Eras are numbered from 1, one trading day each; arrays are eras by tickers unless noted.

    For the marketplace only: it maps ids to names and holds closes and targets under embargo.
    `targets` are ranks within the era of the forward return, in (0, 1), NaN in the last eras, whose future is unknown.
    """

    days: tuple[date, ...]
    tickers: tuple[str, ...]
    ids: npt.NDArray[np.str_]
    feature_names: tuple[str, ...]
    features: npt.NDArray[np.float32]
    """Features by eras by tickers, in the order of `feature_names`."""
    closes: Floats
    """Adjusted closes, US dollars."""
    index: Floats
    """The S&P 500 by era."""
    horizon: Horizon

    @property
    def eras(self) -> int:
        """The number of eras."""
        return len(self.days)

    @cached_property
    def returns(self) -> Floats:
        """Simple return of each stock from the previous close to this era's; NaN in era 1."""
        moves = np.full_like(self.closes, np.nan)
        moves[1:] = self.closes[1:] / self.closes[:-1] - 1
        return moves

    @cached_property
    def forward_returns(self) -> Floats:
        """Simple return from the close `lag` eras later over `days` eras; NaN where the panel ends before."""
        return forward_returns(self.closes, self.horizon)

    @cached_property
    def targets(self) -> Floats:
        """See the class."""
        ahead = self.forward_returns
        known = np.isfinite(ahead).all(axis=1, keepdims=True)
        return np.where(known, rank_across(ahead), np.nan).astype(np.float32).astype(np.float64)

    def names(self, era: int) -> Mapping[str, str]:
        """The ticker behind each id of this era. Raises `IndexError` for an unknown era."""
        return dict(zip(self.ids[self._row(era)].tolist(), self.tickers, strict=True))

    def ids_of(self, era: int) -> Mapping[str, str]:
        """The id of each ticker in this era."""
        return dict(zip(self.tickers, self.ids[self._row(era)].tolist(), strict=True))

    def era_on(self, day: date) -> int | None:
        """The era of this trading day; `None` where there is none."""
        return self.days.index(day) + 1 if day in self.days else None

    @property
    def last_era_with_target(self) -> int:
        """The last era with known targets."""
        return self.eras - self.horizon.reach

    def _row(self, era: int) -> int:
        if not 1 <= era <= self.eras:
            raise IndexError(f"the panel has eras 1 to {self.eras}, not {era}")
        return era - 1


def forward_returns(closes: Floats, horizon: Horizon) -> Floats:
    """Simple returns from `lag` rows later over `days` rows; NaN where the rows end before."""
    ahead = np.full_like(closes, np.nan)
    last = len(closes) - horizon.reach
    if last > 0:
        ahead[:last] = closes[horizon.reach :] / closes[horizon.lag : horizon.lag + last] - 1
    return ahead


def build_panel(market: Market, obscurer: Obscurer, horizon: Horizon) -> Panel:
    """The panel of this market. Era 1 is the first day on which every feature can look back a year.

    Raises `ValueError` when prices are missing or two rows would get the same id.
    """
    if not (np.isfinite(market.closes).all() and np.isfinite(market.index).all()):
        raise ValueError("a price is missing, and none is ever made up")
    computed = compute_features(market)
    kept = slice(WARM_UP_DAYS, None)
    days = market.days[kept]
    ids = np.array([[obscurer.id_of(era, ticker) for ticker in market.tickers] for era in range(1, len(days) + 1)])
    if len(np.unique(ids)) != ids.size:
        raise ValueError("two rows got the same id: use another data key")
    return Panel(
        days=days,
        tickers=market.tickers,
        ids=ids,
        feature_names=tuple(computed),
        features=np.stack([values[kept] for values in computed.values()]).astype(np.float32),
        closes=market.closes[kept],
        index=market.index[kept],
        horizon=horizon,
    )
