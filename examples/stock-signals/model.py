"""The saved model, checked before it is trusted, and the one thing it does: score names from their past closes."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from features import WINDOW, of_windows
from mercato_contracts.problem import FieldError
from mercato_contracts.signals import SignalInferenceRequest, SignalInferenceResponse

STALE = timedelta(days=10)
"""The longest pause of the exchange was the week of September 2001; an older last close is somebody's mistake."""


class ModelNotUsable(Exception):
    """The state folder holds no model, or not the one that its metrics describe."""


class HistoryNotUsable(Exception):
    """Some names' histories cannot be scored; `errors` says which and why."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(f"{len(errors)} of the names cannot be scored; the first: {errors[0].message}")
        self.errors = errors


class SignalModel:
    """A trained booster and the metrics it was saved with."""

    def __init__(self, booster: lightgbm.Booster, metrics: dict[str, Any]) -> None:
        self._booster = booster
        self.metrics = metrics
        self.sha256: str = metrics["model"]["sha256"]

    @classmethod
    def load(cls, state: Path) -> "SignalModel":
        """The model that `train.py` wrote into `state`. Raises `ModelNotUsable` if it is not there or was altered."""
        try:
            metrics = json.loads((state / "metrics.json").read_text())
            text = (state / "model.txt").read_text()
        except FileNotFoundError as missing:
            raise ModelNotUsable(f"{missing.filename} is not there; run train.py --state {state} first") from None
        if hashlib.sha256(text.encode()).hexdigest() != metrics["model"]["sha256"]:
            raise ModelNotUsable(f"{state}/model.txt does not have the SHA-256 that metrics.json names; train again")
        return cls(lightgbm.Booster(model_str=text), metrics)

    def score(self, request: SignalInferenceRequest) -> SignalInferenceResponse:
        """A score for each name. Raises `HistoryNotUsable` when one has too few closes or only old ones."""
        if errors := _unusable(request):
            raise HistoryNotUsable(errors)
        closes = np.array([[bar.close for bar in bars[-WINDOW:]] for bars in request.history.values()])
        predicted = self._booster.predict(of_windows(closes), num_threads=1)
        scores = np.clip(np.asarray(predicted, dtype=np.float64), -1, 1).tolist()
        return SignalInferenceResponse(
            as_of=request.as_of,
            model=f"stock-signals@{self.sha256[:12]}",
            horizon_days=self.metrics["horizon_days"],
            scores=dict(zip(request.history, scores, strict=True)),
        )


def _unusable(request: SignalInferenceRequest) -> list[FieldError]:
    errors = []
    for ticker, bars in request.history.items():
        if len(bars) < WINDOW:
            message = f"{ticker} has {len(bars)} closes; the model needs the last {WINDOW} trading days"
            errors.append(FieldError(field=f"history.{ticker}", code="history_too_short", message=message))
        elif request.as_of - bars[-1].day > STALE:
            message = f"{ticker} ends on {bars[-1].day}, more than {STALE.days} days before as_of {request.as_of}"
            errors.append(FieldError(field=f"history.{ticker}", code="history_stale", message=message))
    return errors
