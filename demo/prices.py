"""Real closes to ask for signals with, out of the installed `skfolio`, without importing it (which takes seconds)."""

import csv
import gzip
import importlib.util
import random
from pathlib import Path

from mercato_contracts.signals import PriceBar, SignalInferenceRequest

WINDOW = 253
NAMES_A_REQUEST = 3


def _rows() -> list[dict[str, str]]:
    package = importlib.util.find_spec("skfolio")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "sp500_dataset.csv.gz"
    with gzip.open(path, "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def signal_requests(count: int, seed: int = 7) -> list[bytes]:
    """Bodies for `POST /v1/signals`, each a year of closes of a few names up to a day chosen by `seed`."""
    rows, chance = _rows(), random.Random(seed)
    day_column, *tickers = rows[0]
    bodies = []
    for _ in range(count):
        last = chance.randrange(WINDOW, len(rows))
        window = rows[last - WINDOW : last]
        history = {
            ticker: [PriceBar.model_validate({"day": row[day_column], "close": row[ticker]}) for row in window]
            for ticker in chance.sample(tickers, NAMES_A_REQUEST)
        }
        as_of = history[next(iter(history))][-1].day
        bodies.append(SignalInferenceRequest(as_of=as_of, history=history).model_dump_json().encode())
    return bodies
