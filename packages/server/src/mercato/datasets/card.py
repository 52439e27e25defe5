"""The dataset's card: what a vendor must know before training on it."""

from collections.abc import Sequence

from mercato.datasets.panel import Panel
from mercato.datasets.sources import Agreement, Source

NAME = "us-equities-daily"
TITLE = "US equities, daily"
SUMMARY = "20 large US stocks from 1990 to 2022: ranked features made from prices alone, and the week ahead to predict"

_CARD = """\
# {title}

{eras} eras, one trading day each, from {first} to {last}; {names} stocks in every era; {features} features.

**Task.** Order the stocks of an era by their return over {days} trading days that begin {lag} day after it.
`target` is the rank of that return within the era, in (0, 1).

**Columns.** `era` (int32), `id` (string, another one for the same stock in every era), `feature_*` (float32 in (0,
1)) and, in `train.parquet` and `targets.parquet`, `target` (float32). A feature of an era is made from that day's
close and earlier ones only. 0.5 means that there is nothing to say: the factor funds begin in 2014, the VIX is
known from 2014 to 2018.

**Purge and embargo.** Training data ends {reach} eras before a round, because later targets look into it, and
before every round that is not resolved. Targets are handed out when the round is resolved; their checksum is public
from the day it opens.

**What is wrong with it.**
* *Survivorship bias.* These 20 names were chosen afterwards, by who was large and alive in 2022. Whatever buys what is
  down did well here because none of them was delisted. Results say little about stocks that one would choose today.
* The prices are public. Whoever looks up the past can score perfectly in a round that replays it: rounds on this panel
  exercise the marketplace and compare honest models; they do not prove skill.
* Adjusted closes have three decimals, so returns of the early 1990s are coarse; there are no volumes and no costs.
* 20 names are few: the rank correlation of one era has a standard error of 0.23.

**Sources.** {sources}.
Checked before use: {agreements}.
"""


def write_card(panel: Panel, sources: Sequence[Source], agreements: Sequence[Agreement]) -> str:
    """The card of this panel."""
    return _CARD.format(
        title=TITLE,
        eras=panel.eras,
        first=panel.days[0],
        last=panel.days[-1],
        names=len(panel.tickers),
        features=len(panel.feature_names),
        days=panel.horizon.days,
        lag=panel.horizon.lag,
        reach=panel.horizon.reach,
        sources=", ".join(sorted({f"{source.package} {source.version}" for source in sources})),
        agreements=", ".join(
            f"daily returns of {check.series} against {check.source} over {check.days} days (correlation "
            f"{check.correlation:.4f})"
            for check in agreements
        ),
    )
