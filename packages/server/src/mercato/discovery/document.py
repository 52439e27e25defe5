"""What the index holds of a listing."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

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
        """Whether a call's price depends on its tokens, so that nobody can say it beforehand."""
        return self.per_1k_input_nanos > 0 or self.per_1k_output_nanos > 0


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
    vector: bytes = b""

    def text_to_embed(self) -> str:
        """What the vector stands for, the most telling words first: the model reads only the first few hundred."""
        name = self.name.rpartition("/")[2].replace("-", " ")
        parts = (name, self.title, self.summary, " ".join(self.tags), self.description)
        return ". ".join(part for part in parts if part)[:_EMBEDDED_CHARACTERS]

    def price_of_a_call(self, currency: Currency) -> int | None:
        """Nano-units that one more call costs under the cheapest plan in `currency`, the monthly fee apart.

        `None` where every plan charges by tokens, since nobody can say beforehand what a call costs.
        """
        known = [p.per_call_nanos for p in self.prices if p.currency == currency and not p.is_per_token]
        return min(known, default=None)

    def digest(self) -> str:
        """A fingerprint of everything but the vector: equal digests need neither embedding nor indexing again."""
        facts = [str(getattr(self, field)) for field in self.__slots__ if field != "vector"]
        return sha256("\x1f".join(facts).encode("utf-8", "surrogatepass")).hexdigest()


def pack_vector(vector: Vector) -> bytes:
    """Half-precision floats, little-endian: what the index computes with, at half the room."""
    return vector.astype("<f2").tobytes()


def unpack_vector(packed: bytes) -> Vector:
    """The vector that `pack_vector` stored."""
    return np.frombuffer(packed, dtype="<f2").astype(np.float32)
