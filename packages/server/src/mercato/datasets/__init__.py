"""Datasets and their rounds: panels of real prices, files, purge and embargo.

* *Panel*: features and targets of all stocks on all days, made from prices; rounds are cut from it.
* *Era*: one trading day of a dataset, by number. Each stock has another id in each era.
* *Round*: a few eras for which signals are taken; it goes from open to closed, scored and resolved.
* *Purge*: the eras between training data and a round whose targets would look into it; they are left out.
* *Embargo*: the time after a round has closed during which its targets stay secret.
"""

from mercato.datasets.browse import DataShelves, Grant, SeenRound, Shelf, is_available
from mercato.datasets.build import Built, PanelBuilder, PanelDraft, Panels
from mercato.datasets.drafts import LIVE, TARGETS, TRAIN, RoundDraft, RoundDrafts
from mercato.datasets.lookup import RoundLookup
from mercato.datasets.models import Round, RoundFile
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
    "Rounds",
    "SampleRound",
    "Schedule",
    "SeenRound",
    "Shelf",
    "is_available",
]
