"""Rankings that can be checked: each with what it counts, how much it rests on, and what is left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mercato.discovery.document import ListingDocument, from_facts
from mercato.discovery.models import ListingFigures
from mercato.discovery.ranking_rows import (
    LEAST_CALLS,
    LEAST_REVIEWS,
    USUAL_RATING,
    WEIGHT,
    RankingName,
    RankingRows,
)
from mercato.platform import Session

_OTHERS = "Calls by the vendor itself, refused calls and failed calls are left out."


@dataclass(frozen=True, slots=True)
class Rule:
    """How a ranking is made, in words; and what it shows of a service: its value, and on how much that rests."""

    text: str
    unit: str
    sample: str
    value: Callable[[ListingFigures], int]
    rests_on: Callable[[ListingFigures], int]


RULES: Mapping[RankingName, Rule] = {
    "use": Rule(
        "Answered calls in the last 30 days.",
        "calls",
        f"{_OTHERS} The sample is the number of organisations that called.",
        lambda row: row.calls, lambda row: row.consumers,
    ),
    "growth": Rule(
        "Organisations that call of late (half as much weight every 3 days) above those of 14 days, divided by the "
        "spread that chance alone gives.",
        "thousandths of the spread",
        f"{_OTHERS} An organisation counts once a day, however often it calls. The sample is the number of "
        "organisations in 30 days.",
        lambda row: row.trend_millis,
        lambda row: row.consumers,
    ),
    "rating": Rule(
        f"The mean of all reviews together with {WEIGHT} of {USUAL_RATING / 100} stars, which keeps a few early "
        "reviews from deciding.",
        "hundredths of a star",
        f"Services with fewer than {LEAST_REVIEWS} reviews are left out. Only organisations that called may review.",
        lambda row: (row.stars * 100 + USUAL_RATING * WEIGHT) // (row.reviews + WEIGHT),
        lambda row: row.reviews,
    ),
    "speed": Rule(
        "The time within which 95 of 100 answers of the last 30 days came, without the gateway's own; of streams, "
        "their first byte. Lower is better.",
        "microseconds",
        f"Services with fewer than {LEAST_CALLS} calls are left out. The sample is the number of calls.",
        lambda row: row.p95_us or 0,
        lambda row: row.calls,
    ),
    "availability": Rule(
        "Calls of the last 30 days that did not fail by the vendor's fault.",
        "ten thousandths",
        f"Services with fewer than {LEAST_CALLS} calls are left out. The sample is the number of calls.",
        lambda row: row.availability_bp or 0, lambda row: row.calls,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ranked:
    """A listing's place; equal values share it."""

    place: int
    document: ListingDocument
    value: int
    sample: int


async def rank_listings(
    session: Session, by: RankingName, limit: int, task: str | None = None, viewer: str | None = None
) -> list[Ranked]:
    """The first of a ranking, at most `limit`, among what the viewer sees; of one task where it is given."""
    rule = RULES[by]
    ranked: list[Ranked] = []
    for at, (figures, listing) in enumerate(await RankingRows(session).first(by, limit, task, viewer), start=1):
        value = rule.value(figures)
        place = ranked[-1].place if ranked and ranked[-1].value == value else at
        ranked.append(Ranked(place, from_facts(listing.facts), value, rule.rests_on(figures)))
    return ranked
