"""The embedded search engine: `EmbeddedSearchIndex`, with the rankings that the bench compares.

Beside it, what every engine shares so that all give the same order: how words are cut and names compared, what counts
as found, how words and meaning are joined, where a listing stands, cursors, snippets and reasons.
"""

from mercato.adapters.search_embedded.cursors import cut, read_place, write_place
from mercato.adapters.search_embedded.explaining import explain, is_doubtful, with_words
from mercato.adapters.search_embedded.index import EmbeddedSearchIndex
from mercato.adapters.search_embedded.kept_index import KeptSearchIndex
from mercato.adapters.search_embedded.numbers import (
    UNKNOWN,
    Place,
    facet_field,
    field_of,
    read_steps,
    step_counts,
    stored_numbers,
)
from mercato.adapters.search_embedded.ranking import (
    Found,
    Ranking,
    ReciprocalRanks,
    TextOnly,
    VectorsOnly,
    Weighted,
    ranks,
)
from mercato.adapters.search_embedded.schema import TEXT_WEIGHTS, key_of, searched_words, whole_forms
from mercato.adapters.search_embedded.similar import MOST_TAGS, OF_A_TAG, most_like
from mercato.adapters.search_embedded.snippets import choose_snippet, open_snippet, read_passages
from mercato.adapters.search_embedded.standing import refine, stand
from mercato.adapters.search_embedded.suggest import (
    KINDS,
    LONGEST,
    LOOKED_AT,
    beginnings,
    fold,
    ranked_services,
    suggest_values,
)
from mercato.adapters.search_embedded.tuning import Tuning
from mercato.adapters.search_embedded.words import QueryWords, exact_form, loose_form, new_analyzer, query_words, spaced

__all__ = [
    "KINDS",
    "LONGEST",
    "LOOKED_AT",
    "MOST_TAGS",
    "OF_A_TAG",
    "TEXT_WEIGHTS",
    "UNKNOWN",
    "EmbeddedSearchIndex",
    "Found",
    "KeptSearchIndex",
    "Place",
    "QueryWords",
    "Ranking",
    "ReciprocalRanks",
    "TextOnly",
    "Tuning",
    "VectorsOnly",
    "Weighted",
    "beginnings",
    "choose_snippet",
    "cut",
    "exact_form",
    "explain",
    "facet_field",
    "field_of",
    "fold",
    "is_doubtful",
    "key_of",
    "loose_form",
    "most_like",
    "new_analyzer",
    "open_snippet",
    "query_words",
    "ranked_services",
    "ranks",
    "read_passages",
    "read_place",
    "read_steps",
    "refine",
    "searched_words",
    "spaced",
    "stand",
    "step_counts",
    "stored_numbers",
    "suggest_values",
    "whole_forms",
    "with_words",
    "write_place",
]
