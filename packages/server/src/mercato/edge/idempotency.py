"""`Idempotency-Key`: the same key and body get the same answer, and the work is done once.

The answer is stored in the transaction of the work, so either both are there or neither is. It is encrypted with a key
made from the client's own `Idempotency-Key`, of which only a digest is kept: an answer may show a new secret, and what
lies in the database must not. Source of the convention: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from mercato.edge.answer_rows import AnswerRows
from mercato.edge.models import IdempotentAnswer
from mercato.platform import MarketplaceSecret, Purpose, Refusal, Seal, Session


class KeyMalformed(Refusal):
    """The header is empty, too long or not printable."""

    code = "idempotency_key_malformed"
    status = 400
    title = "The Idempotency-Key is malformed"
    fix = "Send 1 to 200 printable ASCII characters, such as a UUID."


class KeyReused(Refusal):
    """The key came before with another body."""

    code = "idempotency_key_reused"
    status = 422
    title = "The Idempotency-Key was used for another request"
    fix = "Use a new key for a new request; repeat a request with its body unchanged."


class StillInFlight(Refusal):
    """The first request with this key has not been answered yet."""

    code = "idempotency_key_in_flight"
    status = 409
    title = "The first request with this Idempotency-Key is still in flight"
    fix = "Wait a second and ask again with the same key and body."


class AnswerCipher(Seal):
    """Seals answers by `Idempotency-Key`. Without that and the marketplace's own `secret` an answer stays closed."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        super().__init__(secret, Purpose.IDEMPOTENT_ANSWER)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered the first time."""

    status: int
    media_type: str
    body: bytes


class Idempotency:
    """One request's claim on its key, within the request's transaction."""

    def __init__(
        self, session: Session, cipher: AnswerCipher, *, asker: str, route: str, key: str, body: bytes
    ) -> None:
        if not 1 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
            raise KeyMalformed("The Idempotency-Key has 1 to 200 printable ASCII characters.")
        self._rows = AnswerRows(session)
        self._cipher = cipher
        self._key = key
        self._body_digest = hashlib.sha256(body).hexdigest()
        self._name = hashlib.sha256("\0".join((asker, route, key)).encode()).hexdigest()

    async def claim(self) -> StoredAnswer | None:
        """The first answer, when there is one. Raises `StillInFlight`, `KeyReused`."""
        # The lock lives as long as the transaction, so a crash lets go of it.
        lock = int.from_bytes(bytes.fromhex(self._name)[:8], "big", signed=True)
        if not await self._rows.try_lock(lock):
            raise StillInFlight("The first request with this key is being worked on.", retry_after_seconds=1)
        row = await self._rows.find(self._name)
        if row is None:
            return None
        if row.body_digest != self._body_digest:
            raise KeyReused("This Idempotency-Key came before with another body.")
        return StoredAnswer(row.status, row.media_type, self._cipher.open(self._key, row.sealed))

    def keep(self, answer: StoredAnswer, nonce: bytes, at: datetime) -> None:
        """Store the answer with the work."""
        self._rows.add(
            IdempotentAnswer(
                name=self._name,
                body_digest=self._body_digest,
                status=answer.status,
                media_type=answer.media_type,
                sealed=self._cipher.seal(self._key, nonce, answer.body),
                at=at,
            )
        )
