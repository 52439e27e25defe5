"""Trains the stock signal on the 20 real US stocks that `skfolio` ships, judges it honestly and saves it.

    python examples/stock-signals/train.py --state .state/stock-signals

Writes `model.txt` (LightGBM's text form, never a pickle) and `metrics.json` (its SHA-256, the data's SHA-256, the mean
information coefficient of each era). Two runs on the same packages write the same model, byte for byte.
"""

import argparse
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from features import NAMES, WINDOW, of_history
from walk_forward import Era, cross_sectional_ranks, eras, forward_returns, information_coefficients

HORIZON_DAYS = 5
LAG_DAYS = 1
FIRST_ERA = 1998
EVERY_DAYS = (
    5  # labels of neighbouring days overlap almost wholly: a fifth of the days teaches as much, five times faster
)
TREES = 120
PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.03,
    "num_leaves": 7,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # a busy machine makes two threads wait for each other: 100 s in place of 6
    "verbosity": -1,
}
CAUTION = (
    "Survivorship bias: the 20 names were chosen because they still exist and are large today, so every figure here is "
    "better than what anyone could have earned. The data ends in 2022 and is for tests and examples only."
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """Adjusted closes `(days, names)` and the day of each row."""

    closes: Floats
    days: list[date]
    tickers: list[str]

    def sha256(self) -> str:
        """Of the closes and their labels, so that a reader can tell whether they hold the same data."""
        labels = ",".join([*self.tickers, *(day.isoformat() for day in self.days)])
        return hashlib.sha256(labels.encode() + self.closes.astype("<f8").tobytes()).hexdigest()


def load_table() -> Table:
    """The 20 stocks of the installed `skfolio`, 1990 to 2022; read from the package, not from the network."""
    from skfolio.datasets import load_sp500_dataset  # seconds to import: only training pays for it

    frame = load_sp500_dataset()
    return Table(
        closes=np.ascontiguousarray(frame.to_numpy(dtype=np.float64)),
        days=[stamp.date() for stamp in frame.index],
        tickers=[str(column) for column in frame.columns],
    )


class Trainer:
    """Features and labels of one table, computed once; day 0 is the first that has a whole window behind it."""

    def __init__(self, table: Table) -> None:
        self._features = of_history(table.closes)
        self._returns = forward_returns(table.closes, horizon=HORIZON_DAYS, lag=LAG_DAYS)[WINDOW - 1 :]
        self._years = np.array([day.year for day in table.days[WINDOW - 1 :]])

    def fit(self, until: int) -> lightgbm.Booster:
        """A model that learned from the days before `until`, whose labels must all be known by then."""
        chosen = np.arange(0, until, EVERY_DAYS)
        rows = self._features[chosen].reshape(-1, len(NAMES))
        labels = cross_sectional_ranks(self._returns[chosen]).ravel()
        return lightgbm.train(PARAMETERS, lightgbm.Dataset(rows, labels, feature_name=list(NAMES)), TREES)

    def fit_on_all(self) -> lightgbm.Booster:
        """The model to serve: everything whose label is known."""
        return self.fit(len(self._features) - HORIZON_DAYS - LAG_DAYS)

    def judge(self, era: Era) -> "EraScore":
        """How a model that knew nothing of the era would have ranked its days."""
        model = self.fit(era.train_until)
        days = np.arange(era.first, era.until)
        days = days[np.isfinite(self._returns[days]).all(axis=1)]
        scores = np.asarray(model.predict(self._features[days].reshape(-1, len(NAMES))))
        daily = information_coefficients(scores.reshape(len(days), -1), self._returns[days])
        return EraScore(era.year, len(days), round(float(daily.mean()), 6), round(float(daily.std()), 6))

    def judge_all(self) -> "list[EraScore]":
        """Every era from `FIRST_ERA` on, oldest first, saying each as it is known."""
        scores = []
        for era in eras(self._years, first_year=FIRST_ERA, purge=HORIZON_DAYS + LAG_DAYS):
            scores.append(self.judge(era))
            print(f"  {scores[-1].year}: mean IC {scores[-1].mean_ic:+.4f} over {scores[-1].days} days", flush=True)
        return scores


@dataclass(frozen=True, slots=True)
class EraScore:
    """The information coefficients of one era's days."""

    year: int
    days: int
    mean_ic: float
    std_ic: float


def summary(scores: list[EraScore]) -> dict[str, Any]:
    """Over eras rather than days: days of one era share their labels, so their number would overstate the certainty."""
    means = np.array([score.mean_ic for score in scores])
    return {
        "mean_ic": round(float(means.mean()), 6),
        "eras": len(means),
        "eras_above_zero": int((means > 0).sum()),
        "t_statistic_over_eras": round(float(means.mean() / (means.std(ddof=1) / np.sqrt(len(means)))), 4),
    }


def report(table: Table, model_sha256: str, scores: list[EraScore]) -> dict[str, Any]:
    """What `metrics.json` says."""
    return {
        "model": {"file": "model.txt", "sha256": model_sha256, "trees": TREES, "features": list(NAMES)},
        "horizon_days": HORIZON_DAYS,
        "lag_days": LAG_DAYS,
        "purge_days": HORIZON_DAYS + LAG_DAYS,
        "parameters": PARAMETERS,
        "data": {
            "source": "skfolio.datasets.load_sp500_dataset",
            "sha256": table.sha256(),
            "names": table.tickers,
            "first_day": table.days[0].isoformat(),
            "last_day": table.days[-1].isoformat(),
        },
        "walk_forward": {**summary(scores), "each": [asdict(score) for score in scores]},
        "caution": CAUTION,
    }


def save(path: Path, text: str) -> None:
    """Whole or not at all: a server that starts meanwhile sees the old file or the new one."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(text)
    draft.replace(path)


def train(state: Path) -> dict[str, Any]:
    """Trains, judges, writes both files into `state` and gives what `metrics.json` says."""
    table = load_table()
    trainer = Trainer(table)
    scores = trainer.judge_all()
    text = trainer.fit_on_all().model_to_string()
    metrics = report(table, hashlib.sha256(text.encode()).hexdigest(), scores)
    state.mkdir(parents=True, exist_ok=True)
    save(state / "model.txt", text)
    save(state / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=Path(".state/stock-signals"), help="folder to write into")
    state: Path = parser.parse_args().state
    started = time.perf_counter()
    metrics = train(state)
    walk = metrics["walk_forward"]
    print(
        f"trained in {time.perf_counter() - started:.1f} s: mean IC {walk['mean_ic']:+.4f}, above zero in "
        f"{walk['eras_above_zero']} of {walk['eras']} eras, model {metrics['model']['sha256'][:12]} in {state}"
    )
    print(CAUTION)


if __name__ == "__main__":
    main()
