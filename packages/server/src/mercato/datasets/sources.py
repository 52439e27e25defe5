"""Real daily prices, read from Python packages that ship them; nothing is copied into the repository.

`skfolio` has adjusted closes of 20 US stocks from 1990 to 2022, the S&P 500 and five factor funds; `arch` has the VIX
and the S&P 500 of another source; `bokeh-sampledata` has public-domain prices of Apple and Microsoft. The last two also
verify the first. The packages are located, not imported: their code is not needed.
"""

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mercato.datasets.refusals import SourcesDisagree
from mercato.platform import DeskNotInstalled

Floats = npt.NDArray[np.float64]

_PRICES = ("skfolio", "skfolio/datasets/data/sp500_dataset.csv.gz")
_INDEX = ("skfolio", "skfolio/datasets/data/sp500_index.csv.gz")
_FACTORS = ("skfolio", "skfolio/datasets/data/factors_dataset.csv.gz")
_VIX = ("arch", "arch/data/vix/vix.csv.gz")
_OTHER_INDEX = ("arch", "arch/data/sp500/sp500.csv.gz")
_OTHER_STOCKS = ("bokeh_sampledata", "bokeh_sampledata/_data/stocks.csv.gz")
_LEAST_AGREEMENT = 0.99
_MISSING = ("", ".")  # the Federal Reserve writes a dot on holidays


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: package, version, SHA-256, and what it contains."""

    package: str
    version: str
    file: str
    sha256: str
    gave: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two sources of one series agree: the correlation of their daily returns over common days."""

    series: str
    source: str
    days: int
    correlation: float


@dataclass(frozen=True, slots=True)
class Market:
    """Prices by day. Rows are trading days, oldest first; NaN where a series has no value that day.

    `closes` is days by tickers, `index` days, `factors` days by `factor_names`, `vix` days (per cent a year).
    """

    days: tuple[date, ...]
    tickers: tuple[str, ...]
    closes: Floats
    index: Floats
    factor_names: tuple[str, ...]
    factors: Floats
    vix: Floats
    sources: tuple[Source, ...]
    agreements: tuple[Agreement, ...]

    def until(self, count: int) -> "Market":
        """The same market as it was known at the end of its day number `count` (from 1)."""
        cut = slice(0, count)
        return Market(
            self.days[cut], self.tickers, self.closes[cut], self.index[cut], self.factor_names, self.factors[cut],
            self.vix[cut], self.sources, self.agreements,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Table:
    header: list[str]
    rows: list[list[str]]
    source: Source

    def days(self, column: str = "Date") -> list[date]:
        at = self.header.index(column)
        return [_day(row[at]) for row in self.rows]

    def column(self, name: str) -> Floats:
        at = self.header.index(name)
        return np.array([np.nan if row[at] in _MISSING else float(row[at]) for row in self.rows])

    def of_ticker(self, ticker: str) -> "_Table":
        return _Table(self.header, [row for row in self.rows if row[0] == ticker], self.source)


def read_market() -> Market:
    """All prices of the packages.

    Raises `DeskNotInstalled` if a package is missing, `SourcesDisagree` if two packages disagree.
    """
    prices, index, factors, vix = (
        _read(*_PRICES, "adjusted closes of 20 US stocks"), _read(*_INDEX, "the S&P 500"),
        _read(*_FACTORS, "five factor funds"), _read(*_VIX, "the VIX"),
    )  # fmt: skip
    other_index, other_stocks = _read(*_OTHER_INDEX, "a check"), _read(*_OTHER_STOCKS, "a check")
    days, tickers, names = prices.days(), prices.header[1:], factors.header[1:]
    closes = np.column_stack([prices.column(ticker) for ticker in tickers])
    level = _on(days, index.days(), index.column("SP500"))
    checks = [("S&P 500", level, other_index, "Adj Close")]
    checks += [(t, closes[:, tickers.index(t)], other_stocks.of_ticker(t), "Adj Close") for t in ("AAPL", "MSFT")]
    agreements = tuple(_compare(name, days, series, table, column) for name, series, table, column in checks)
    return Market(
        days=tuple(days),
        tickers=tuple(tickers),
        closes=closes,
        index=level,
        factor_names=tuple(names),
        factors=np.column_stack([_on(days, factors.days(), factors.column(name)) for name in names]),
        vix=_on(days, vix.days(), vix.column("vix")),
        sources=tuple(table.source for table in (prices, index, factors, vix, other_index, other_stocks)),
        agreements=agreements,
    )


def _read(package: str, file: str, gave: str) -> _Table:
    try:
        found = distribution(package)
    except PackageNotFoundError:
        raise DeskNotInstalled(f"This needs the Python package {package}.", package=package) from None
    content = Path(str(found.locate_file(file))).read_bytes()
    rows = list(csv.reader(io.StringIO(gzip.decompress(content).decode("utf-8"))))
    source = Source(package, found.version, file, hashlib.sha256(content).hexdigest(), gave)
    return _Table(rows[0], rows[1:], source)


def _day(text: str) -> date:
    return date.fromisoformat(text) if "-" in text else datetime.strptime(text, "%m/%d/%Y").date()


def _on(days: Sequence[date], known: Sequence[date], values: Floats) -> Floats:
    """The series on our days; a missing day is NaN, never filled from another."""
    by_day = dict(zip(known, values, strict=True))
    return np.array([by_day.get(day, np.nan) for day in days])


def _compare(name: str, days: Sequence[date], series: Floats, other: _Table, column: str) -> Agreement:
    theirs = _on(days, other.days(), other.column(column))
    ours_moves, their_moves = np.diff(np.log(series)), np.diff(np.log(theirs))
    both = np.isfinite(ours_moves) & np.isfinite(their_moves)
    correlation = float(np.corrcoef(ours_moves[both], their_moves[both])[0, 1])
    if not correlation >= _LEAST_AGREEMENT:
        raise SourcesDisagree(
            f"Daily returns of {name} in skfolio and {other.source.package} agree to {correlation:.3f} only.",
            series=name,
        )
    return Agreement(name, other.source.package, int(both.sum()), round(correlation, 6))
