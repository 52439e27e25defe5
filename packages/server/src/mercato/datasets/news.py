"""The news of datasets."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class PanelBuilt(News):
    """A dataset has a new panel."""

    topic = "panel.built"

    dataset: str
    """The dataset's name."""
    panel_id: str
    """The panel."""


@dataclass(frozen=True, kw_only=True)
class _RoundNews(News):
    round_id: str
    """The round."""
    dataset_id: str
    """The dataset that it is a round of."""
    number: int
    """The round's number within its dataset, from 1."""


@dataclass(frozen=True, kw_only=True)
class RoundOpened(_RoundNews):
    """A round was opened; signals are accepted."""

    topic = "round.opened"


@dataclass(frozen=True, kw_only=True)
class RoundClosed(_RoundNews):
    """A round accepts no more signals and can be settled."""

    topic = "round.closed"


@dataclass(frozen=True, kw_only=True)
class RoundScored(_RoundNews):
    """The scores of a round were published."""

    topic = "round.scored"


@dataclass(frozen=True, kw_only=True)
class RoundResolved(_RoundNews):
    """The embargo of a round is over; its targets can be downloaded."""

    topic = "round.resolved"
