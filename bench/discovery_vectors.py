"""Vectors for the bench, each text embedded once."""

from collections.abc import Sequence
from dataclasses import replace

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.discovery import ListingDocument, Vector, pack_vector


class Vectors:
    """Embeds each text once."""

    def __init__(self, embedder: MiniLmEmbedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = {}

    async def of(self, texts: Sequence[str]) -> list[Vector]:
        missing = list(dict.fromkeys(text for text in texts if text not in self._known))
        for start in range(0, len(missing), 256):
            part = missing[start : start + 256]
            self._known.update(zip(part, await self._embedder.embed(part), strict=True))
        return [self._known[text] for text in texts]

    async def given(self, listings: Sequence[ListingDocument]) -> list[ListingDocument]:
        """The listings with their vectors."""
        vectors = await self.of([one.text_to_embed() for one in listings])
        return [replace(one, vector=pack_vector(vector)) for one, vector in zip(listings, vectors, strict=True)]
