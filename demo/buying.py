"""Step 4: consumers find services by plain English, subscribe and get keys."""

from dataclasses import dataclass

from demo.clients import Buyer
from demo.control import Member
from demo.publishing import Offer
from demo.report import Report


@dataclass(frozen=True, slots=True)
class Wish:
    """What a consumer looks for in its own words, and the offer that should answer."""

    words: str
    offer: Offer
    plan: str


def find(report: Report, consumer: Member, wishes: list[Wish]) -> None:
    """Each wish's words find its offer first."""
    for wish in wishes:
        hits = consumer.find_soon(wish.words, wish.offer.service)
        report.agree(f'"{wish.words}" finds first', wish.offer.service, hits[0].name)


def subscribe(consumer: Member, wishes: list[Wish]) -> list[Buyer]:
    """A subscription to each, and one key for all."""
    for wish in wishes:
        consumer.post("/api/subscriptions", {"plan_id": consumer.plan(wish.offer.service, wish.plan).id})
    key = consumer.make_key("ck", "demonstration")
    return [Buyer(consumer.slug, wish.offer.service, wish.plan, key) for wish in wishes]
