"""One marketplace of real processes for the run; each test brings its own consumers, so that its sums are its own."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from mercato_contracts.identity import NewKeyAnswer
from tests.e2e.marketplace import Marketplace, standing
from tests.e2e.parties import Member, Visitor, greeting_offer, model_offer
from tests.e2e.processes import until

_numbers = itertools.count(1)

PER_TOKEN = {"name": "per-token", "price": {"per_1k_input_tokens": "0.002", "per_1k_output_tokens": "0.006"}}
PER_CALL = {"name": "per-call", "price": {"per_call": "0.001"}}
MILLION_A_DAY = {"name": "million", "limits": [{"unit": "requests", "per": "day", "amount": 1_000_000}]}
HUNDRED_A_DAY = {"name": "hundred", "limits": [{"unit": "requests", "per": "day", "amount": 100}]}
TWO_A_DAY = {"name": "two", "limits": [{"unit": "requests", "per": "day", "amount": 2}]}


@pytest.fixture(scope="session")
def whole_marketplace() -> Iterator[Marketplace]:
    """Started once a run, stopped in any case."""
    with standing(Marketplace) as marketplace:
        yield marketplace


@pytest.fixture
def marketplace(whole_marketplace: Marketplace) -> Iterator[Marketplace]:
    """With every process running, whatever the test before left behind. What they said is shown where a test fails."""
    whole_marketplace.mend()
    yield whole_marketplace
    print(whole_marketplace.last_words())


@dataclass(frozen=True)
class Shop:
    """A verified vendor and what it sells, as `vendor/name`."""

    vendor: Member
    embedder: str
    chat: str
    greeter: str


@dataclass(frozen=True)
class Consumer:
    """An organisation that subscribed, and its first key."""

    member: Member
    first: NewKeyAnswer

    @property
    def key(self) -> str:
        return self.first.key


def new_member(marketplace: Marketplace, kind: str) -> Member:
    """A new organisation."""
    return Visitor(marketplace.control_url).sign_up(f"{kind}-{next(_numbers)}")


def new_vendor(marketplace: Marketplace) -> Member:
    """A new organisation that the operator vouches for."""
    vendor = new_member(marketplace, "vendor")
    marketplace.operator.vouch_for(vendor)
    return vendor


@pytest.fixture(scope="session")
def whole_shop(whole_marketplace: Marketplace) -> Shop:
    """Three services, published by rule."""
    vendor, url = new_vendor(whole_marketplace), whole_marketplace.vendor_url
    offers = [
        model_offer("embedder", "embeddings", url, [PER_TOKEN, TWO_A_DAY]),
        model_offer("chat", "chat", url, [PER_TOKEN]),
        greeting_offer("greeter", url, [PER_CALL, MILLION_A_DAY, HUNDRED_A_DAY]),
    ]
    waiting = [vendor.submit(offer) for offer in offers]
    for submission in waiting:
        assert vendor.follow(submission.id).approval is not None
    # Gateways hear of a release a moment after it is one.
    until(lambda: whole_marketplace.gateway.routes() >= len(offers), what="the gateway knows the services")
    return Shop(vendor, *(f"{vendor.slug}/{offer.manifest['name']}" for offer in offers))


@pytest.fixture
def shop(marketplace: Marketplace, whole_shop: Shop) -> Shop:
    """What is sold while the test runs."""
    return whole_shop


Join = Callable[..., Consumer]


@pytest.fixture
def join(marketplace: Marketplace) -> Join:
    """`join((service, plan), …)`: a new consumer with these subscriptions and a key."""

    def joined(*wanted: tuple[str, str]) -> Consumer:
        member = new_member(marketplace, "consumer")
        for service, plan in wanted:
            member.subscribe(service, plan)
        return Consumer(member, member.make_key())

    return joined
