"""What the index holds of a listing."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato_contracts.money import Currency

Vector = NDArray[np.float32]
"""One unit-length vector; its meaning is the embedder's."""

_EMBEDDED_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class PriceFact:
    """What one plan charges, in nano-units of its currency."""

    plan: str
    currency: Currency = "USD"
    monthly_nanos: int = 0
    per_call_nanos: int = 0
    per_1k_input_nanos: int = 0
    per_1k_output_nanos: int = 0

    @property
    def is_per_token(self) -> bool:
        """Whether a call's price depends on its tokens, so it is not known beforehand."""
        return self.per_1k_input_nanos > 0 or self.per_1k_output_nanos > 0

    @property
    def dearest_1k_nanos(self) -> int:
        """What a thousand tokens cost at most, whichever way they go."""
        return max(self.per_1k_input_nanos, self.per_1k_output_nanos)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is charged for: `free` where nothing is."""
        charged = (
            ("per_call", self.per_call_nanos),
            ("per_token", self.dearest_1k_nanos),
            ("per_month", self.monthly_nanos),
        )
        return tuple(kind for kind, nanos in charged if nanos) or ("free",)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of a listing in thirty days, and what its consumers say of it.

    `rating` is the mean of its `reviews` in hundredths of a star. `is_met`: whether it kept what its vendor promises.
    """

    calls: int = 0
    consumers: int = 0
    failed: int = 0
    p95_ms: int | None = None
    availability_bp: int | None = None
    is_met: bool | None = None
    rating: int | None = None
    reviews: int = 0


@dataclass(frozen=True, slots=True)
class ListingDocument:
    """One released listing. `name` is `vendor/name`; `operations` the words of its API's operations.

    `vector` is `pack_vector` of what the embedder made of `text_to_embed`, or empty where there is none: the listing is
    then found by its words only.
    """

    service_id: str
    name: str
    title: str
    summary: str
    vendor: str
    protocol: str
    task: str
    licence: str
    version: str
    released_at: datetime
    description: str = ""
    operations: str = ""
    tags: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    prices: tuple[PriceFact, ...] = ()
    context_window: int | None = None
    status: str = "released"
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    verified: bool = False
    figures: Figures = Figures()
    seen_by: tuple[str, ...] = ()
    """Slugs of the only organisations that see it, its vendor among them; empty: everybody does."""
    vector: bytes = b""

    def is_seen_by(self, viewer: str | None) -> bool:
        """Whether this organisation sees the listing; `None` is somebody of whom nothing is known."""
        return not self.seen_by or viewer in self.seen_by

    def text_to_embed(self) -> str:
        """What the vector stands for, the most telling words first: the model reads only the first few hundred.

        The name is left to the text index: it repeats the title, and with it the judged sets were answered worse.
        """
        parts = (self.title, self.summary, " ".join(self.tags), self.description)
        return ". ".join(part for part in parts if part)[:_EMBEDDED_CHARACTERS]

    def price_of_a_call(self, currency: Currency) -> int | None:
        """Nano-units that one more call costs under the cheapest plan in `currency`, the monthly fee apart.

        `None` where every plan charges by tokens, because the price of a call is not known beforehand.
        """
        known = [p.per_call_nanos for p in self.prices if p.currency == currency and not p.is_per_token]
        return min(known, default=None)

    def price_of_1k_tokens(self, currency: Currency) -> int | None:
        """Nano-units that a thousand tokens cost at most under the cheapest plan that charges by them, or nothing."""
        known = [
            p.dearest_1k_nanos
            for p in self.prices
            if p.currency == currency and (p.is_per_token or not p.per_call_nanos)
        ]
        return min(known, default=None)

    def price_of_a_month(self, currency: Currency) -> int | None:
        """The lowest monthly fee in nano-units, calls apart; 0 where a plan has none."""
        return min((p.monthly_nanos for p in self.prices if p.currency == currency), default=None)

    def facets(self) -> dict[str, tuple[str, ...]]:
        """The values to filter by; of a listing that says nothing of what goes in and out, both are all it names."""
        met = self.figures.is_met
        return {
            "protocol": (self.protocol,),
            "task": (self.task,),
            "modality": tuple(dict.fromkeys((*self.modalities, *self.inputs, *self.outputs))),
            "modality_in": self.inputs or self.modalities,
            "modality_out": self.outputs or self.modalities,
            "tag": self.tags,
            "licence": (self.licence,),
            "vendor": (self.vendor,),
            "region": self.regions,
            "status": (self.status,),
            "pricing": tuple(dict.fromkeys(kind for price in self.prices for kind in price.kinds)),
            "verified": ("yes" if self.verified else "no",),
            "sla_met": () if met is None else ("yes" if met else "no",),
        }

    def numbers(self, currency: Currency) -> dict[str, int | None]:
        """The numbers to filter and sort by (`numbers.NUMBERS`); prices in this currency."""
        figures = self.figures
        return {
            "price_per_call": self.price_of_a_call(currency),
            "price_per_1k_tokens": self.price_of_1k_tokens(currency),
            "price_per_month": self.price_of_a_month(currency),
            "context_window": self.context_window,
            "p95_ms": figures.p95_ms,
            "availability_bp": figures.availability_bp,
            "rating": figures.rating,
            "calls": figures.calls,
            "consumers": figures.consumers,
            "released": max(0, int(self.released_at.timestamp())),
        }

    def to_facts(self) -> dict[str, Any]:
        """Everything but the vector, in JSON's types."""
        # Field by field: `asdict` copies every text deeply, which took a fifth of the time to fill an index.
        facts = {name: getattr(self, name) for name in _FACT_NAMES}
        facts |= {
            "released_at": self.released_at.isoformat(),
            "prices": [asdict(price) for price in self.prices],
            "figures": asdict(self.figures),
        }
        return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}

    def digest(self) -> str:
        """A fingerprint: of two listings with equal digests one need not replace the other in an index."""
        return sha256(json.dumps(self.to_facts(), sort_keys=True).encode() + self.vector).hexdigest()


_FACT_NAMES = tuple(each.name for each in fields(ListingDocument) if each.name != "vector")


def from_facts(facts: dict[str, Any], vector: bytes = b"") -> ListingDocument:
    """The listing that `to_facts` described."""
    several = {
        name: tuple(facts.get(name, ())) for name in ("tags", "modalities", "regions", "inputs", "outputs", "seen_by")
    }
    return ListingDocument(
        **{
            **facts,
            **several,
            "released_at": datetime.fromisoformat(facts["released_at"]),
            "prices": tuple(PriceFact(**price) for price in facts["prices"]),
            "figures": Figures(**facts.get("figures", {})),
            "vector": vector,
        }
    )


def pack_vector(vector: Vector) -> bytes:
    """Half-precision floats, little-endian: what the index computes with, at half the room."""
    return vector.astype("<f2").tobytes()


def unpack_vector(packed: bytes) -> Vector:
    """The vector that `pack_vector` stored."""
    return np.frombuffer(packed, dtype="<f2").astype(np.float32)
