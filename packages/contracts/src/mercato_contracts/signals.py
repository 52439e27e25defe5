"""The SignalInference contract: what a signal service receives and answers."""

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mercato_contracts.wire import Wire

Ticker = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Z0-9][A-Z0-9.-]*$")]


class PriceBar(Wire):
    """The adjusted close of one name on one day."""

    day: date
    close: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SignalInferenceRequest(Wire):
    """Past prices, oldest first, one series a name; the signal is wanted for the day after `as_of`."""

    contract: Literal["signal-inference/1"] = "signal-inference/1"
    as_of: date
    history: dict[Ticker, list[PriceBar]] = Field(min_length=1, max_length=5_000)

    @model_validator(mode="after")
    def _nothing_from_the_future(self) -> "SignalInferenceRequest":
        for ticker, bars in self.history.items():
            days = [bar.day for bar in bars]
            if days != sorted(set(days)):
                raise ValueError(f"history.{ticker}: days must ascend without a duplicate")
            if days and days[-1] > self.as_of:
                raise ValueError(f"history.{ticker}: {days[-1]} lies after as_of {self.as_of}")
        return self


class SignalInferenceResponse(Wire):
    """One score in [-1, 1] for each name asked for: the higher, the better the expected return."""

    contract: Literal["signal-inference/1"] = "signal-inference/1"
    as_of: date
    model: str
    horizon_days: Annotated[int, Field(ge=1, le=252)]
    scores: dict[Ticker, float]

    @field_validator("scores")
    @classmethod
    def _bounded(cls, scores: dict[str, float]) -> dict[str, float]:
        for ticker, score in scores.items():
            if not math.isfinite(score) or not -1 <= score <= 1:
                raise ValueError(f"scores.{ticker}: {score} lies outside [-1, 1]")
        return scores
