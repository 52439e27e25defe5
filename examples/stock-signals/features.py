"""What the model sees of a name: its own past closes and nothing else, the same code in training and in serving.

Every feature of day t is a function of the closes of days t - 252 … t, so nothing from the future can leak in.
"""

import numpy as np
from numpy.typing import NDArray

WINDOW = 253
"""Closes that the features of one day need: a year of trading days and the day itself."""

NAMES = (
    "return_5",
    "return_21",
    "return_63",
    "momentum_12_1",
    "volatility_21",
    "volatility_252",
    "below_high_252",
    "above_low_252",
    "distance_mean_200",
    "largest_day_21",
)

Closes = NDArray[np.float64]


def of_windows(closes: Closes) -> NDArray[np.float64]:
    """Features of many windows at once: `(…, 253)` closes, oldest first, to `(…, 10)` in the order of `NAMES`."""
    logs = np.log(closes)
    last = logs[..., -1]
    steps = np.diff(logs, axis=-1)
    return np.stack(
        [
            last - logs[..., -6],
            last - logs[..., -22],
            last - logs[..., -64],
            logs[..., -22] - logs[..., 0],
            steps[..., -21:].std(axis=-1),
            steps.std(axis=-1),
            last - logs.max(axis=-1),
            last - logs.min(axis=-1),
            last - logs[..., -200:].mean(axis=-1),
            steps[..., -21:].max(axis=-1),
        ],
        axis=-1,
    )


def of_history(closes: Closes) -> NDArray[np.float64]:
    """Features of each day of a table of closes `(days, names)`: `(days - 252, names, 10)`, the first for day 252."""
    windows: Closes = np.lib.stride_tricks.sliding_window_view(closes, WINDOW, axis=0)
    return of_windows(windows)
