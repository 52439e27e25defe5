"""Datasets and their rounds: panels of real prices, files, purge and embargo."""

from mercato.datasets.browse import DataShelves, Grant, SeenRound, Shelf, is_available
from mercato.datasets.build import Built, PanelBuilder, PanelDraft, Panels
from mercato.datasets.drafts import LIVE, TARGETS, TRAIN, RoundDraft, RoundDrafts
from mercato.datasets.lookup import RoundLookup
from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition, StoredPanel
from mercato.datasets.news import PanelBuilt, RoundClosed, RoundOpened, RoundResolved, RoundScored
from mercato.datasets.operate import DataOperations, DataPreparation
from mercato.datasets.panel import Horizon, Panel
from mercato.datasets.refusals import DatasetNotFound, RoundInWrongState, RoundNotFound
from mercato.datasets.rounds import Rounds, Schedule
from mercato.datasets.sample import SampleRound

__all__ = [
    "LIVE",
    "TARGETS",
    "TRAIN",
    "Built",
    "DataOperations",
    "DataPreparation",
    "DataShelves",
    "Dataset",
    "DatasetNotFound",
    "Grant",
    "Horizon",
    "Panel",
    "PanelBuilder",
    "PanelBuilt",
    "PanelDraft",
    "Panels",
    "Round",
    "RoundClosed",
    "RoundDraft",
    "RoundDrafts",
    "RoundFile",
    "RoundInWrongState",
    "RoundLookup",
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
