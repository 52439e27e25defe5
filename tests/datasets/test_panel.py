"""Panels: targets, ids, purge, and the bytes of their files."""

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from mercato.datasets import Panel
from mercato.datasets.eras import choose_eras
from mercato.datasets.features import WARM_UP_DAYS
from mercato.datasets.obscuring import Obscurer
from mercato.datasets.panel import build_panel
from mercato.datasets.parquet import read_panel, write_panel, write_rows
from mercato.datasets.refusals import ErasNotOffered
from mercato.datasets.sources import Market
from tests.datasets.conftest import HORIZON


def test_a_target_ranks_the_return_of_five_days_from_tomorrow_on(panel: Panel) -> None:
    era = 300
    bought, sold = panel.closes[era - 1 + 1], panel.closes[era - 1 + 1 + 5]
    order = np.argsort(sold / bought - 1, kind="stable")
    assert np.array_equal(np.argsort(panel.targets[era - 1], kind="stable"), order)
    assert 0 < panel.targets[era - 1].min() < panel.targets[era - 1].max() < 1


def test_the_last_eras_have_no_target(panel: Panel) -> None:
    assert np.isfinite(panel.targets[: panel.last_era_with_target]).all()
    assert np.isnan(panel.targets[panel.last_era_with_target :]).all()
    assert panel.last_era_with_target == panel.eras - 6


def test_an_id_is_another_one_in_every_era_and_leads_back_to_the_name(panel: Panel) -> None:
    assert len(np.unique(panel.ids)) == panel.ids.size
    assert panel.names(7)[panel.ids_of(7)["AAPL"]] == "AAPL"
    assert panel.ids_of(7)["AAPL"] != panel.ids_of(8)["AAPL"]
    for era in (0, panel.eras + 1, -1):
        with pytest.raises(IndexError):
            panel.names(era)


def test_ids_follow_from_the_key_and_the_dataset_alone() -> None:
    first = Obscurer(b"a" * 32, "one").id_of(1, "AAPL")
    assert first == Obscurer(b"a" * 32, "one").id_of(1, "AAPL")
    assert first != Obscurer(b"b" * 32, "one").id_of(1, "AAPL")
    assert first != Obscurer(b"a" * 32, "two").id_of(1, "AAPL")
    assert len(first) == 13


def test_a_panel_comes_back_as_it_was(panel: Panel) -> None:
    read = read_panel(write_panel(panel))
    assert (read.days, read.tickers, read.feature_names) == (panel.days, panel.tickers, panel.feature_names)
    for name in ("ids", "features", "closes", "index"):
        assert np.array_equal(getattr(read, name), getattr(panel, name)), name
    assert np.array_equal(read.targets, panel.targets, equal_nan=True)
    assert read.horizon == HORIZON


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all" * 100])
def test_what_is_no_panel_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a panel"):
        read_panel(content)


def test_a_vendors_file_is_no_panel_and_names_nobody(panel: Panel) -> None:
    content, rows = write_rows(panel, 1, 50, features=True, target=True)
    table = pq.read_table(io.BytesIO(content))
    assert rows == table.num_rows == 50 * 20
    assert set(table.column_names) == {"era", "id", "target", *panel.feature_names}
    assert [str(table.schema.field(name).type) for name in ("era", "id", "target")] == ["int32", "string", "float"]
    for ticker in panel.tickers:
        assert not any(ticker in each for each in table["id"].to_pylist())
    assert table["id"].to_pylist()[:20] == sorted(panel.ids[0].tolist())
    with pytest.raises(ValueError, match="not a panel"):
        read_panel(content)


def test_rows_keep_their_own_values(panel: Panel) -> None:
    table = pq.read_table(io.BytesIO(write_rows(panel, 10, 12, features=True, target=True)[0]))
    for row in table.to_pylist():
        at = panel.tickers.index(panel.names(row["era"])[row["id"]])
        assert row["target"] == pytest.approx(panel.targets[row["era"] - 1, at])
        assert row["feature_skew_63"] == pytest.approx(
            panel.features[panel.feature_names.index("feature_skew_63"), row["era"] - 1, at]
        )


_BUILD = """
import hashlib
from mercato.datasets.features import WARM_UP_DAYS
from mercato.datasets.obscuring import Obscurer
from mercato.datasets.panel import Horizon, build_panel
from mercato.datasets.parquet import write_panel
from mercato.datasets.sources import read_market
market = read_market().until(WARM_UP_DAYS + 900)
panel = build_panel(market, Obscurer(b"k" * 32, "us-equities-daily"), Horizon(5, 1))
print(hashlib.sha256(write_panel(panel)).hexdigest())
"""


def test_another_process_makes_the_same_bytes(panel: Panel) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _BUILD], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(write_panel(panel)).hexdigest()


class TestPurge:
    """No row of training data knows anything of the round."""

    def shaken(self, prices: Market, era: int) -> Panel:
        """Other prices from this era on."""
        ahead = (np.arange(len(prices.days)) >= WARM_UP_DAYS + era - 1)[:, None]
        noise = 1 + np.random.default_rng(1).random(prices.closes.shape)
        shaken = replace(prices, closes=np.where(ahead, prices.closes * noise, prices.closes))
        return build_panel(shaken, Obscurer(b"k" * 32, "us-equities-daily"), HORIZON)

    def test_another_future_from_the_round_on_leaves_training_data_as_it_is(
        self, panel: Panel, early_prices: Market
    ) -> None:
        eras = choose_eras(panel, 800, 5, None, None)
        shaken = self.shaken(early_prices, 800)
        train = write_rows(panel, 1, eras.train_last, features=True, target=True)[0]
        assert train == write_rows(shaken, 1, eras.train_last, features=True, target=True)[0]
        one_more = write_rows(panel, 1, eras.train_last + 1, features=True, target=True)[0]
        assert one_more != write_rows(shaken, 1, eras.train_last + 1, features=True, target=True)[0]

    def test_a_round_that_is_not_resolved_is_kept_out_too(self, panel: Panel) -> None:
        assert choose_eras(panel, 800, 5, None, None).train_last == 793
        assert choose_eras(panel, 805, 5, 804, 800).train_last == 793
        assert choose_eras(panel, 805, 5, 804, None).train_last == 798

    def test_the_first_round_begins_with_the_panels_last_year(self, panel: Panel) -> None:
        first = choose_eras(panel, None, 5, None, None).first
        assert (panel.days[first - 1].year, panel.days[first - 2].year) == (1994, 1993)

    @pytest.mark.parametrize(
        ("first", "count", "before"),
        [(800, 0, None), (800, 261, None), (800, 5, 800), (891, 5, None), (895, 1, None), (100, 5, None)],
    )
    def test_eras_that_cannot_make_a_round_are_refused(
        self, panel: Panel, first: int, count: int, before: int | None
    ) -> None:
        with pytest.raises(ErasNotOffered):
            choose_eras(panel, first, count, before, None)
