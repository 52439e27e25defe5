"""Vectors by any endpoint that speaks OpenAI's `POST /v1/embeddings`: theirs, or that of vLLM, llama.cpp and others."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from mercato.discovery import Vector
from mercato.platform import Unavailable

_AT_ONCE = 32
_LONGEST = 1_500
"""Characters of a text that are sent: about what MiniLM looks at, and few enough for models of 512 tokens."""
_SECONDS = 10.0
_PAUSE_SECONDS = 10.0
"""After a failure nobody waits for the endpoint for so long: searches go by words meanwhile."""


class EmbeddingEndpointAway(Unavailable):
    """The endpoint does not answer, refuses, or answers something else than vectors."""

    code = "embedding_endpoint_away"
    title = "The embedding endpoint cannot be used"
    fix = "Ask the operator to look at MERCATO_EMBEDDING_URL (`mercato doctor`); words are searched meanwhile."


class EndpointEmbedder:
    """One model of one endpoint. `url` is what comes before `/embeddings`, such as `https://api.openai.com/v1`.

    Raises `EmbeddingEndpointAway` from `embed`.
    """

    def __init__(self, url: str, model: str, dimensions: int, key: str | None = None) -> None:
        self._url = f"{url.rstrip('/')}/embeddings"
        self._model = model
        self._dimensions = dimensions
        self._headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._client: httpx.AsyncClient | None = None
        self._rests_until = 0.0

    @property
    def name(self) -> str:
        # Two endpoints may call different weights the same, so the host belongs to the name.
        return f"{urlsplit(self._url).netloc.rpartition('@')[2]}/{self._model}/{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if not texts:
            return []
        if time.monotonic() < self._rests_until:
            raise EmbeddingEndpointAway("The embedding endpoint failed a moment ago and is left alone.")
        try:
            found: list[Vector] = []
            for start in range(0, len(texts), _AT_ONCE):
                found += await self._ask(texts[start : start + _AT_ONCE])
        except EmbeddingEndpointAway:
            self._rests_until = time.monotonic() + _PAUSE_SECONDS
            raise
        return found

    async def aclose(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, texts: Sequence[str]) -> list[Vector]:
        # Half of a surrogate pair is no text to JSON, and an empty text is refused by most.
        sent = [text[:_LONGEST].encode("utf-8", "replace").decode() or " " for text in texts]
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_SECONDS, headers=self._headers)
        try:
            answer = await self._client.post(
                self._url, json={"model": self._model, "input": sent, "encoding_format": "float"}
            )
            answer.raise_for_status()
            parsed = answer.json()
        except httpx.HTTPStatusError as error:
            raise EmbeddingEndpointAway(f"The embedding endpoint answers {error.response.status_code}.") from error
        except (httpx.HTTPError, ValueError) as error:
            raise EmbeddingEndpointAway(f"The embedding endpoint gives no answer: {type(error).__name__}.") from error
        return self._read(parsed, len(texts))

    def _read(self, parsed: Any, count: int) -> list[Vector]:
        try:
            rows: Sequence[Mapping[str, Any]] = sorted(parsed["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise EmbeddingEndpointAway("The embedding endpoint answers something else than vectors.") from error
        if vectors.shape != (count, self._dimensions):
            raise EmbeddingEndpointAway(
                f"The embedding endpoint gives vectors of the shape {vectors.shape} instead of "
                f"({count}, {self._dimensions}); MERCATO_EMBEDDING_DIMENSIONS is their length."
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EmbeddingEndpointAway("The embedding endpoint gives vectors without a direction.")
        return list(vectors / lengths)
