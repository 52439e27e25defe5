"""The scores written for a round, laid out by eras and names, and its targets."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mercato.datasets import Panel, Round
from mercato.publishing import OwnedDeployment
from mercato.signals.models import DeploymentRoundScore, SignalEntry
from mercato_contracts.scores import EraTargets, WrittenEra

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    """One deployment's part in a round: its last write of every era, and its scores of earlier rounds, oldest first."""

    deployment: OwnedDeployment
    written: Mapping[int, SignalEntry]
    earlier: Sequence[DeploymentRoundScore]

    @property
    def skill(self) -> list[float]:
        """Its rank ICs by era of all earlier rounds, oldest first."""
        return [era["rank_ic"] for row in self.earlier for era in row.figures["eras"]]


@dataclass(frozen=True, slots=True)
class RoundBook:
    """A round with its panel and the voices of all deployments that wrote, oldest first."""

    round: Round
    panel: Panel
    voices: Sequence[Voice]

    @property
    def eras(self) -> range:
        return range(self.round.first_era, self.round.last_era + 1)

    def whole(self) -> list[Voice]:
        """The voices that scored every era."""
        return [voice for voice in self.voices if set(voice.written) >= set(self.eras)]

    def scores_of(self, voice: Voice) -> Floats:
        """Scores: eras by tickers, in the panel's order."""
        rows = []
        for era in self.eras:
            ids, scores = self.panel.ids_of(era), voice.written[era].scores
            rows.append([scores[ids[ticker]] for ticker in self.panel.tickers])
        return np.array(rows, dtype=np.float64)

    def truth(self, key: bytes) -> list[EraTargets]:
        """The targets, ids sorted. `key` (secret) makes the names that stand for stocks in this round only."""
        found = []
        for era in self.eras:
            names = self.panel.names(era)
            targets = dict(zip(self.panel.tickers, self.panel.targets[era - 1].tolist(), strict=True))
            ids = sorted(names)
            found.append(
                EraTargets(
                    era=era,
                    ids=ids,
                    names=[self._alias(key, names[one]) for one in ids],
                    targets=[targets[names[one]] for one in ids],
                )
            )
        return found

    def writing(self, voice: Voice) -> list[WrittenEra]:
        """Its last writes in the order of eras."""
        rows = [(era, voice.written[era]) for era in self.eras]
        return [WrittenEra(era=era, place=row.place, scores=row.scores) for era, row in rows]

    def _alias(self, key: bytes, ticker: str) -> str:
        return "s" + hmac.digest(key, f"{self.round.id}\n{ticker}".encode(), "sha256").hex()[:12]
