"""Datasets and their rounds: panels of real prices, files, purge and embargo."""

from mercato.datasets.browse import DataShelves, Grant, SeenRound, Shelf, is_available
from mercato.datasets.build import Built, PanelBuilder, Panels
from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition, StoredPanel
from mercato.datasets.news import PanelBuilt, RoundClosed, RoundOpened, RoundResolved, RoundScored
from mercato.datasets.operate import DataOperations
from mercato.datasets.panel import Horizon, Panel
from mercato.datasets.refusals import DatasetNotFound, RoundInWrongState, RoundNotFound
from mercato.datasets.rounds import LIVE, TARGETS, TRAIN, Rounds, Schedule
from mercato.datasets.sample import SampleRound

__all__ = [
    "LIVE",
    "TARGETS",
    "TRAIN",
    "Built",
    "DataOperations",
    "DataShelves",
    "Dataset",
    "DatasetNotFound",
    "Grant",
    "Horizon",
    "Panel",
    "PanelBuilder",
    "PanelBuilt",
    "Panels",
    "Round",
    "RoundClosed",
    "RoundFile",
    "RoundInWrongState",
    "RoundNotFound",
    "RoundOpened",
    "RoundResolved",
    "RoundScored",
    "RoundTransition",
    "Rounds",
    "SampleRound",
    "Schedule",
    "SeenRound",
    "Shelf",
    "StoredPanel",
    "is_available",
]
