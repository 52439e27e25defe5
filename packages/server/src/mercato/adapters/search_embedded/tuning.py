"""What counts as found, thin, misspelt or doubtful: the same for every engine, so that all give the same order."""


class Tuning:
    """Chosen by measuring on the judged sets; what they did not decide says why it is as it is."""

    NEIGHBOURS = 200
    """How many of the nearest meanings count as found."""

    LEAST_COSINE = 0.2
    """Judged answers lie above it in 19 of 20 cases, nine in ten of all other listings below (MiniLM, seven sets)."""

    LEAST_COSINE_OF_UNKNOWN = 0.3
    """For a query of which no word is known: a compromise, since typed noise reaches 0.25 among forty listings and 0.35
    among thousands, where a true paraphrase may have 0.3."""

    THIN = 3
    """Fewer hits than this, and misspelt words and farther meanings are looked for."""

    COMPARED_ONE_BY_ONE = 4_096
    """Up to so many listings under the filters, comparing with each is as fast as the graph, and exact."""

    MAX_FACET_VALUES = 50

    COMMON_FROM = 1_000
    COMMON_SHARE = 20
    """A word is common when more than a thousand listings, and more than a twentieth of all, have it in one field."""

    FEW_WORDS = 4
    """A query of so few may be a name; of a longer one, an unknown word is a rare word rather than a misspelt one."""

    NAME_WORDS = 8
    """Names have up to so many words; that a listing's name has all words of a query is chance only in shorter ones."""

    GUESSED = 4.0
    """What a word that was read as another scores: about what a rare word that was found does."""

    OTHER_WORDS = 1.0
    """What the words that services of a task are called by count, beside the words that were asked for. On the judged
    catalogue 1.0 has nDCG@10 0.918 (the half to tune on) and 0.885 (the other), 0.5 has 0.916 and 0.882."""

    FITTING = 0.75
    """Hits with this share of the best score fit about as well."""

    DOUBTFUL_COSINE = 0.45
    """Where no word of the query is known, the best of three thousand listings is this near to typed noise."""

    TIE = 0.3
    """What a word in a second field adds, as a share of what it scores there."""

    SHORTEST_MISSPELT = 4
    TWO_ERRORS_FROM = 8
    """From so many letters on a misspelt word may have two wrong ones."""

    SHORTEST_BEGUN = 3
