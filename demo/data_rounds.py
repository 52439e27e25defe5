"""The operator's side of data rounds: opened, closed, settled by the desk, resolved."""

import time
from collections.abc import Callable
from typing import Any

from demo.control import WAIT_SECONDS, ControlRefused, Member
from demo.signal_vendors import DATASET
from mercato_contracts.datasets import RoundDetail
from mercato_contracts.desk import RoundDesk
from mercato_contracts.scores import RoundScores

ERAS = 7
"""Trading days of a round: three rounds make more than the twenty that a verdict on a backtest needs."""


class DataRounds:
    """One dataset's rounds, led through their states by an operator."""

    def __init__(self, operator: Member) -> None:
        self._operator = operator

    def open(self, reason: str) -> RoundDetail:
        """The next round. Its embargo is none, because the days to come are history: the story goes on at once."""
        body = {"reason": reason, "eras": ERAS, "open_seconds": 86_400, "embargo_seconds": 0}
        return RoundDetail.model_validate(self._operator.post(f"/api/datasets/{DATASET}/rounds", body))

    def seal(self) -> Any:
        """The log's signed head, now instead of at the hour's end."""
        return self._operator.post("/api/signals/heads", {})["items"][0]

    def close(self, round_id: str) -> None:
        """No signal is taken any more; the desk begins to settle."""
        self._operator.post(f"/api/rounds/{round_id}/close", {"reason": "everybody has spoken"})

    def await_consensus(self, round_id: str) -> RoundDesk:
        """Consensus and portfolios, as soon as the first of them is there; an operator need not wait for the end."""
        return RoundDesk.model_validate(self._await(f"/api/rounds/{round_id}/desk", lambda answer: True))

    def await_scores(self, round_id: str) -> None:
        """Returns when the round is scored."""
        self._await(f"/api/rounds/{round_id}", lambda answer: answer["state"] in ("scored", "resolved"))

    def resolve(self, round_id: str) -> tuple[RoundDesk, RoundScores]:
        """The targets may be had from now on; what the desk published of the round."""
        try:
            self._operator.post(f"/api/rounds/{round_id}/resolve", {"reason": "its embargo is over"})
        except ControlRefused:
            # The worker, which looks each minute, may have been quicker.
            if self._operator.get(f"/api/rounds/{round_id}")["state"] != "resolved":
                raise
        return (
            RoundDesk.model_validate(self._operator.get(f"/api/rounds/{round_id}/desk")),
            RoundScores.model_validate(self._operator.get(f"/api/rounds/{round_id}/scores")),
        )

    def _await(self, path: str, is_there: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                if is_there(answer := self._operator.get(path)):
                    return answer
            except ControlRefused as refused:
                if refused.status != 404:
                    raise
            if time.monotonic() > deadline:
                raise ControlRefused(f"{path} is not what it is to be after {WAIT_SECONDS} s")
            time.sleep(0.05)
