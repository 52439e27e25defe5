"""Step 4: consumers find services by plain English, subscribe and get keys."""

from collections.abc import Mapping, Sequence

from demo.clients import Buyer
from demo.control import Member
from demo.publishing import Offer
from demo.report import Report


def find(report: Report, consumer: Member, wishes: Mapping[str, Offer]) -> None:
    """What a consumer looks for in its own words finds the offer that answers it, first."""
    for words, offer in wishes.items():
        hits = consumer.find_soon(words, offer.service)
        report.agree(f'"{words}" finds first', offer.service, hits[0].name)


def subscribe(report: Report, consumer: Member, wanted: Sequence[tuple[Offer, str]]) -> list[Buyer]:
    """A subscription to each plan that is named, and one key for all."""
    for offer, plan in wanted:
        ids = {open_plan.name: open_plan.id for open_plan in consumer.listing(offer.service).plans}
        consumer.post("/api/subscriptions", {"plan_id": ids[plan]})
        report.say(f"{consumer.slug} subscribed to {offer.service}, plan {plan}")
    key = consumer.make_key("ck", "demonstration")
    return [Buyer(consumer.slug, offer.service, plan, key) for offer, plan in wanted]
