"""The signal model: nothing from the future, judged with a purge, the same twice, refused when altered."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from features import WINDOW, of_history
from mercato_contracts.signals import PriceBar, SignalInferenceRequest
from model import HistoryNotUsable, ModelNotUsable, SignalModel
from train import HORIZON_DAYS, LAG_DAYS, Table, Trainer, load_table
from walk_forward import eras, forward_returns, information_coefficients


@pytest.fixture(scope="session")
def table() -> Table:
    return load_table()


def test_the_data_is_the_twenty_stocks_and_positive(table: Table) -> None:
    assert table.closes.shape == (len(table.days), 20)
    assert (table.closes > 0).all()
    assert all(earlier < later for earlier, later in pairwise(table.days))


def test_a_feature_of_a_day_does_not_change_when_later_closes_do(table: Table) -> None:
    known = table.closes[: WINDOW + 50]
    altered = known.copy()
    altered[WINDOW + 20 :] *= 3
    before, after = of_history(known), of_history(altered)
    np.testing.assert_array_equal(before[:21], after[:21])
    assert not np.array_equal(before[21:], after[21:])


def test_no_label_that_is_learned_from_reaches_into_its_era(table: Table) -> None:
    years = np.array([day.year for day in table.days])
    labels = forward_returns(table.closes, horizon=HORIZON_DAYS, lag=LAG_DAYS)
    for era in eras(years, first_year=2020, purge=HORIZON_DAYS + LAG_DAYS):
        altered = table.closes.copy()
        altered[era.first :] *= np.linspace(1, 2, 20)
        relabelled = forward_returns(altered, horizon=HORIZON_DAYS, lag=LAG_DAYS)
        np.testing.assert_array_equal(labels[: era.train_until], relabelled[: era.train_until])
        assert not np.array_equal(labels[era.train_until], relabelled[era.train_until])


def test_the_information_coefficient_is_one_for_the_same_order_and_minus_one_for_the_opposite() -> None:
    returns = np.array([[0.1, 0.3, -0.2, 0.0]])
    assert information_coefficients(returns * 7 + 1, returns) == pytest.approx([1.0])
    assert information_coefficients(-returns, returns) == pytest.approx([-1.0])


def test_training_again_gives_the_same_model_byte_for_byte(table: Table, signal_state: Path) -> None:
    metrics = json.loads((signal_state / "metrics.json").read_text())
    again = Trainer(table).fit_on_all().model_to_string()
    assert hashlib.sha256(again.encode()).hexdigest() == metrics["model"]["sha256"]
    assert metrics["data"]["sha256"] == table.sha256()


def test_the_metrics_give_every_era_and_say_what_flatters_them(signal_state: Path) -> None:
    metrics = json.loads((signal_state / "metrics.json").read_text())
    walk = metrics["walk_forward"]
    assert [era["year"] for era in walk["each"]] == list(range(1998, 2023))
    assert walk["mean_ic"] == pytest.approx(np.mean([era["mean_ic"] for era in walk["each"]]), abs=1e-5)
    assert 0 < walk["mean_ic"] < 0.1, "a mean IC beyond 0.1 on daily closes would be a leak"
    assert "urvivorship" in metrics["caution"]


def test_a_model_that_was_altered_or_is_missing_is_refused(signal_state: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotUsable, match=r"run train\.py"):
        SignalModel.load(tmp_path)
    (tmp_path / "metrics.json").write_text((signal_state / "metrics.json").read_text())
    (tmp_path / "model.txt").write_text((signal_state / "model.txt").read_text().replace("0.1", "0.2", 1))
    with pytest.raises(ModelNotUsable, match="SHA-256"):
        SignalModel.load(tmp_path)


def _request(table: Table, first: int, until: int, *, late: int = 0) -> SignalInferenceRequest:
    bars = [PriceBar(day=table.days[row], close=table.closes[row, 0]) for row in range(first, until)]
    return SignalInferenceRequest(as_of=table.days[until - 1 + late], history={"AAPL": bars})


def test_a_name_with_too_few_closes_or_only_old_ones_is_refused_by_name(table: Table, signal_state: Path) -> None:
    model = SignalModel.load(signal_state)
    assert -1 <= model.score(_request(table, 0, WINDOW)).scores["AAPL"] <= 1
    with pytest.raises(HistoryNotUsable) as short:
        model.score(_request(table, 1, WINDOW))
    assert (short.value.errors[0].field, short.value.errors[0].code) == ("history.AAPL", "history_too_short")
    with pytest.raises(HistoryNotUsable) as stale:
        model.score(_request(table, 0, WINDOW, late=20))
    assert stale.value.errors[0].code == "history_stale"


def test_only_the_last_year_of_a_longer_history_counts(table: Table, signal_state: Path) -> None:
    model = SignalModel.load(signal_state)
    assert model.score(_request(table, 0, 600)).scores == model.score(_request(table, 600 - WINDOW, 600)).scores
