"""Sends due deliveries, at least once: a claim that is not settled in time is due again, with the same id and content.

One transaction claims and another settles; none is open while the endpoint is called.
"""

import asyncio
import collections
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter

from mercato.platform import Bell, Clock, Database, Ids, Outbox, Refusal, Session
from mercato.webhooks.addresses import WebhookAddresses
from mercato.webhooks.models import WebhookAttempt
from mercato.webhooks.news import WebhookDisabled
from mercato.webhooks.repository import CHANNEL, Due, WebhookRepository
from mercato.webhooks.schedule import pause_after
from mercato.webhooks.signing import SecretSeal, sign
from mercato_checks.endpoint import Call, CallFailed, PinnedEndpoint
from mercato_contracts import ids as id_prefix

log = structlog.get_logger(__name__)

_BY = "webhooks"

_TIMEOUT_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 1.0
_QUIET_SECONDS = 30.0
"""How often it polls for a delivery whose bell it missed, in seconds."""
_MOST_AT_ONCE = 32
_EACH_AT_ONCE = 4
_GIVEN_UP_AFTER = timedelta(days=3)
_GONE = 410
_SENT = Counter("mercato_webhooks_sent_total", "Webhook requests", ["outcome"])


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The outcome of a request: a status, or why there was none."""

    status: int | None
    error: str
    took_ms: int = 0
    retry_after: int | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Deliverer:
    """Delivers for as long as it runs.

    `lease` is how long an attempt may take before another worker takes over. `bell` rings when a delivery is due, once
    an `OutboxFeed` listens for it; until then it polls every second.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        outbox: Outbox,
        seal: SecretSeal,
        addresses: WebhookAddresses,
        *,
        lease: timedelta = timedelta(seconds=60),
        quiet_seconds: float = _QUIET_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._seal = seal
        self._addresses = addresses
        self._lease = lease
        self._quiet_seconds = quiet_seconds
        self.bell = Bell(CHANNEL)

    async def run(self) -> None:
        """Run until cancelled. Unfinished deliveries are due again when their lease ends."""
        sending: dict[asyncio.Task[None], str] = {}
        try:
            while True:
                free = _MOST_AT_ONCE - len(sending)
                due = await self._claim_safely(free, collections.Counter(sending.values())) if free else []
                for each in due:
                    task = asyncio.create_task(self._deliver_safely(each))
                    sending[task] = each.endpoint.id
                    task.add_done_callback(sending.pop)
                if sending and not due:
                    await asyncio.wait(sending, timeout=_LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                elif not due:
                    await self.bell.wait(await self._seconds_to_next())
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def deliver_due(self) -> int:
        """Deliver everything that is due now, once; returns how many attempts were made."""
        due = await self._claim(_MOST_AT_ONCE, {})
        await asyncio.gather(*(self._deliver(each) for each in due))
        return len(due)

    async def _claim(self, most: int, busy: Mapping[str, int]) -> list[Due]:
        async with self._database.transaction() as session:
            now = self._clock.now()
            return await WebhookRepository(session).claim(
                now, lease=self._lease, each=_EACH_AT_ONCE, most=most, busy=busy
            )

    async def _seconds_to_next(self) -> float:
        """How long until the next delivery is due, as far as is known."""
        try:
            async with self._database.transaction() as session:
                next_at = await WebhookRepository(session).find_next_at()
        except Exception:
            return _LOOK_AGAIN_SECONDS  # the next claim reports what is wrong
        if next_at is None:
            return self._quiet_seconds
        # What is due but was not claimed is held by another worker: look again in a while.
        left = (next_at - self._clock.now()).total_seconds()
        return min(max(left, _LOOK_AGAIN_SECONDS), self._quiet_seconds)

    async def _claim_safely(self, most: int, busy: Mapping[str, int]) -> list[Due]:
        try:
            return await self._claim(most, busy)
        except Exception as error:
            log.warning("webhooks could not be claimed and are tried again", error=str(error))
            return []

    async def _deliver_safely(self, due: Due) -> None:
        try:
            await self._deliver(due)
        except Exception as error:
            log.warning(
                "a webhook's attempt is not settled and comes again", delivery=due.delivery.id, error=str(error)
            )

    async def _deliver(self, due: Due) -> None:
        outcome = await self._send(due)
        _SENT.labels("delivered" if outcome.is_good else "failed").inc()
        async with self._database.transaction() as session:
            await self._settle(session, due, outcome)

    async def _send(self, due: Due) -> _Outcome:
        began = self._clock.now()
        try:
            target = await self._addresses.judge(due.endpoint.url)
        except Refusal as refusal:
            return _Outcome(None, refusal.detail[:300])
        body = json.dumps(due.message.payload).encode()
        try:
            async with PinnedEndpoint(target, timeout_seconds=_TIMEOUT_SECONDS, most_bytes=64 * 1024) as endpoint:
                answer = await endpoint.call(Call("POST", "", body, self._headers(due, body)))
        except CallFailed as failed:
            return _Outcome(None, str(failed)[:300], (self._clock.now() - began) // timedelta(milliseconds=1))
        return _Outcome(answer.status, "", answer.took_us // 1000, _retry_after(answer.headers))

    def _headers(self, due: Due, body: bytes) -> tuple[tuple[str, str], ...]:
        timestamp = int(self._clock.now().timestamp())
        secrets = [self._seal.open(due.endpoint.id, sealed) for sealed in due.sealed]
        return (
            ("user-agent", "mercato-webhooks/1"),
            ("webhook-id", due.message.id),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", sign(secrets, due.message.id, timestamp, body)),
        )

    async def _settle(self, session: Session, due: Due, outcome: _Outcome) -> None:
        rows, now = WebhookRepository(session), self._clock.now()
        delivery, endpoint_id = due.delivery, due.endpoint.id
        if not await rows.lock(endpoint_id):
            return
        pause = None if outcome.is_good else self._pause(due, outcome)
        state = "delivered" if outcome.is_good else "failed" if pause is None else "pending"
        ended_at = None if state == "pending" else now
        if not await rows.settle(delivery, state=state, next_at=now + (pause or timedelta(0)), ended_at=ended_at):
            return  # removed, disabled or taken over by another worker meanwhile
        await rows.add(
            WebhookAttempt(
                id=self._ids.new(id_prefix.WEBHOOK_ATTEMPT),
                delivery_id=delivery.id,
                at=now,
                status=outcome.status,
                error=outcome.error,
                took_ms=outcome.took_ms,
            )
        )
        if outcome.is_good:
            await rows.note_success(endpoint_id)
            return
        since = await rows.note_failure(endpoint_id, now)
        if outcome.status == _GONE:
            await self._disable(session, due, "it answered 410 Gone")
        elif state == "failed" and since is not None and now - since >= _GIVEN_UP_AFTER:
            await self._disable(session, due, f"nothing could be delivered since {since:%Y-%m-%d %H:%M} UTC")

    def _pause(self, due: Due, outcome: _Outcome) -> timedelta | None:
        if outcome.status == _GONE:
            return None
        return pause_after(due.delivery.attempts, int.from_bytes(self._ids.secret(2), "big"), outcome.retry_after)

    async def _disable(self, session: Session, due: Due, reason: str) -> None:
        endpoint = due.endpoint
        if await WebhookRepository(session).disable(endpoint.id, reason, self._clock.now()):
            log.warning("a webhook is disabled", endpoint=endpoint.id, reason=reason)
            news = WebhookDisabled(
                by=_BY, organisation_id=endpoint.organisation_id, endpoint_id=endpoint.id, reason=reason
            )
            await self._outbox.add(session, news)


def _retry_after(headers: Mapping[str, str]) -> int | None:
    with contextlib.suppress(ValueError):
        return int(headers.get("retry-after", ""))
    return None


async def forget_messages(session: Session, clock: Clock) -> int:
    """Delete messages and their log after thirty days; returns how many were deleted."""
    return await WebhookRepository(session).forget(clock.now() - timedelta(days=30))
