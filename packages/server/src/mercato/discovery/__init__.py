"""Finding listings: the index's port, what it holds, and how it is fed and asked.

* *Document*: what the index knows of one listed service; it is a row, so that an index can be built again.
* *Embedding*: a vector of a text's meaning; the worker computes those of documents, a search that of its words.
* *Facet*: a property to filter by, such as task or licence, with the number of hits for each value.
* *Hit*: a service that was found, with its score and, on request, the reasons.
* *Reach*: how far down the list a search goes.
"""

from mercato.discovery.checking import Compared, ask_for_rebuild, compare_rows
from mercato.discovery.cosine_scale import measure_scale
from mercato.discovery.document import (
    Figures,
    ListingDocument,
    PriceFact,
    Vector,
    from_facts,
    pack_vector,
    unpack_vector,
)
from mercato.discovery.feedback import Feedback
from mercato.discovery.feeding import IndexFeeder, forget_feeder
from mercato.discovery.figures import ExactFigures, FigureBook, MeasuredFigures
from mercato.discovery.figures_due import FiguresDue
from mercato.discovery.fit_letters import SAVED_SEARCH_LETTER, FitLetters
from mercato.discovery.indexing import DocumentWriter, IndexKeeper, IndexState
from mercato.discovery.keeping import KeptIndexKeeper
from mercato.discovery.misses import FEWEST, Missed, SearchMisses, find_misses
from mercato.discovery.news import (
    DocumentChanged,
    IndexFed,
    RebuildAsked,
    ReviewChanged,
    SavedSearchChanged,
    SavedSearchFitted,
)
from mercato.discovery.numbers import NUMBERS, NumberName, Range, Sort, make_range, make_sort
from mercato.discovery.ports import (
    FACETS,
    REACH,
    Embedder,
    FacetName,
    Filters,
    Hit,
    IndexAnswer,
    IndexQuery,
    IndexRefused,
    IndexUnavailable,
    KeptIndex,
    Likeness,
    QueryRefused,
    Reasons,
    SearchIndex,
    SharedIndex,
    Snippet,
    Suggestion,
    SuggestionKind,
)
from mercato.discovery.ranking_rows import RankingName
from mercato.discovery.rankings import RULES, Ranked, rank_listings
from mercato.discovery.recommend import Blended, Found, Uses, Way, blend
from mercato.discovery.recommending import MarketMemory, Recommended, Recommending
from mercato.discovery.reembedding import Reembedding
from mercato.discovery.refreshing import refresh_listings
from mercato.discovery.refusals import (
    CursorOfAnotherSearch,
    FeedbackEnough,
    MailNeedsPerson,
    RangeUpsideDown,
    ReviewNotEarned,
    ReviewNotFound,
    SavedSearchesEnough,
    SavedSearchNotFound,
)
from mercato.discovery.reviews import Reviewed, Reviewing, Reviews
from mercato.discovery.rewritten import tell_rewritten
from mercato.discovery.saved import Saved, SavedSearches
from mercato.discovery.search import Searching, SearchPage
from mercato.discovery.shared import FallingBack, SharedIndexKeeper
from mercato.discovery.trending import trend_of
from mercato.discovery.vendors import ListedService, Showing, VendorPage
from mercato.discovery.weights import Weights, is_makers_own, prior

__all__ = [
    "FACETS",
    "FEWEST",
    "NUMBERS",
    "REACH",
    "RULES",
    "SAVED_SEARCH_LETTER",
    "Blended",
    "Compared",
    "CursorOfAnotherSearch",
    "DocumentChanged",
    "DocumentWriter",
    "Embedder",
    "ExactFigures",
    "FacetName",
    "FallingBack",
    "Feedback",
    "FeedbackEnough",
    "FigureBook",
    "Figures",
    "FiguresDue",
    "Filters",
    "FitLetters",
    "Found",
    "Hit",
    "IndexAnswer",
    "IndexFed",
    "IndexFeeder",
    "IndexKeeper",
    "IndexQuery",
    "IndexRefused",
    "IndexState",
    "IndexUnavailable",
    "KeptIndex",
    "KeptIndexKeeper",
    "Likeness",
    "ListedService",
    "ListingDocument",
    "MailNeedsPerson",
    "MarketMemory",
    "MeasuredFigures",
    "Missed",
    "NumberName",
    "PriceFact",
    "QueryRefused",
    "Range",
    "RangeUpsideDown",
    "Ranked",
    "RankingName",
    "Reasons",
    "RebuildAsked",
    "Recommended",
    "Recommending",
    "Reembedding",
    "ReviewChanged",
    "ReviewNotEarned",
    "ReviewNotFound",
    "Reviewed",
    "Reviewing",
    "Reviews",
    "Saved",
    "SavedSearchChanged",
    "SavedSearchFitted",
    "SavedSearchNotFound",
    "SavedSearches",
    "SavedSearchesEnough",
    "SearchIndex",
    "SearchMisses",
    "SearchPage",
    "Searching",
    "SharedIndex",
    "SharedIndexKeeper",
    "Showing",
    "Snippet",
    "Sort",
    "Suggestion",
    "SuggestionKind",
    "Uses",
    "Vector",
    "VendorPage",
    "Way",
    "Weights",
    "ask_for_rebuild",
    "blend",
    "compare_rows",
    "find_misses",
    "forget_feeder",
    "from_facts",
    "is_makers_own",
    "make_range",
    "make_sort",
    "measure_scale",
    "pack_vector",
    "prior",
    "rank_listings",
    "refresh_listings",
    "tell_rewritten",
    "trend_of",
    "unpack_vector",
]
