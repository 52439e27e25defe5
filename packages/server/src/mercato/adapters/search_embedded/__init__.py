"""The embedded search engine: `EmbeddedSearchIndex`, with the rankings that the bench compares."""

from mercato.adapters.search_embedded.index import EmbeddedSearchIndex
from mercato.adapters.search_embedded.ranking import Ranking, ReciprocalRanks, TextOnly, VectorsOnly, Weighted

__all__ = ["EmbeddedSearchIndex", "Ranking", "ReciprocalRanks", "TextOnly", "VectorsOnly", "Weighted"]
