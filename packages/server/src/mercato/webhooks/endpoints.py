"""An organisation's webhooks: where it wants events, which ones, and how their deliveries went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Session
from mercato.webhooks.addresses import WebhookAddresses
from mercato.webhooks.events import EVENT_TYPES, TEST
from mercato.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage, WebhookSecret
from mercato.webhooks.refusals import TooManyWebhooks, WebhookDisabled, WebhookEventUnknown, WebhookNotFound
from mercato.webhooks.repository import WebhookRepository
from mercato.webhooks.signing import SECRET_BYTES, SecretSeal, secret_text
from mercato_contracts import ids as id_prefix

_MOST = 20


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint and its newest secret's text, which is shown this once."""

    endpoint: WebhookEndpoint
    secret: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery, what it carries, and every attempt, oldest first."""

    delivery: WebhookDelivery
    message: WebhookMessage
    attempts: list[WebhookAttempt]


class Webhooks:
    """The endpoints of the caller's organisation. Only people may set them up, not keys."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, seal: SecretSeal, addresses: WebhookAddresses) -> None:
        self._rows = WebhookRepository(session)
        self._clock = clock
        self._ids = ids
        self._seal = seal
        self._addresses = addresses

    async def add(self, caller: Caller, *, url: str, event_types: Sequence[str], description: str) -> NewSecret:
        """Raises `WebhookAddressRefused`, `WebhookEventUnknown`, `TooManyWebhooks`."""
        caller.require(Permission.WEBHOOKS_WRITE)
        _check_types(event_types)
        await self._addresses.judge(url)
        if await self._rows.count(caller.organisation_id) >= _MOST:
            raise TooManyWebhooks(f"Your organisation has {_MOST} webhooks, which is the most.")
        endpoint = WebhookEndpoint(
            id=self._ids.new(id_prefix.WEBHOOK),
            organisation_id=caller.organisation_id,
            url=url,
            event_types=sorted(set(event_types)),
            description=description,
            created_by=caller.actor,
            created_at=self._clock.now(),
            failing_since=None,
            disabled_at=None,
            disabled_reason="",
        )
        await self._rows.add(endpoint)
        return NewSecret(endpoint, await self._add_secret(endpoint, number=1))

    async def list_all(self, caller: Caller) -> list[WebhookEndpoint]:
        """In the order they were made."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._rows.list_all(caller.organisation_id)

    async def change(
        self,
        caller: Caller,
        endpoint_id: str,
        *,
        url: str | None,
        event_types: Sequence[str] | None,
        enabled: bool | None,
    ) -> WebhookEndpoint:
        """`None` leaves a value unchanged. Raises `WebhookNotFound`, `WebhookAddressRefused`, `WebhookEventUnknown`."""
        endpoint = await self._get(caller, endpoint_id)
        if event_types is not None:
            _check_types(event_types)
            endpoint.event_types = sorted(set(event_types))
        if url is not None:
            await self._addresses.judge(url)
            endpoint.url = url
        if enabled is True:
            endpoint.disabled_at, endpoint.disabled_reason, endpoint.failing_since = None, "", None
        elif enabled is False:
            await self._rows.disable(endpoint.id, "by hand", self._clock.now())
            endpoint.disabled_at, endpoint.disabled_reason = self._clock.now(), "by hand"
        await self._rows.add(endpoint)
        return endpoint

    async def remove(self, caller: Caller, endpoint_id: str) -> None:
        """Remove it with its secrets and its log. Raises `WebhookNotFound`."""
        await self._rows.remove(await self._get(caller, endpoint_id))

    async def rotate(self, caller: Caller, endpoint_id: str, grace: timedelta) -> NewSecret:
        """A new secret. Earlier ones also sign until the grace period ends; none is extended by it."""
        endpoint = await self._get(caller, endpoint_id)
        now = self._clock.now()
        await self._rows.forget_secrets(endpoint.id, now)
        held = await self._rows.secrets(endpoint.id)
        for secret in held:
            secret.expires_at = min(secret.expires_at or now + grace, now + grace)
        return NewSecret(endpoint, await self._add_secret(endpoint, number=max(s.number for s in held) + 1))

    async def test(self, caller: Caller, endpoint_id: str) -> Delivered:
        """A test event, sent like any other. Raises `WebhookNotFound`, `WebhookDisabled`."""
        endpoint = await self._get(caller, endpoint_id)
        _check_enabled(endpoint)
        data: dict[str, Any] = {"endpoint_id": endpoint.id}
        message = new_message(self._ids, self._clock, caller.organisation_id, TEST, data)
        await self._rows.add(message)
        delivery = new_delivery(self._ids, self._clock, endpoint.id, message.id)
        await self._rows.add_deliveries([delivery])
        return Delivered(delivery, message, [])

    async def deliveries(self, caller: Caller, endpoint_id: str, *, before: str | None, limit: int) -> list[Delivered]:
        """The newest first. Raises `WebhookNotFound`."""
        caller.require(Permission.ORGANISATION_READ)
        if await self._rows.find(caller.organisation_id, endpoint_id) is None:
            raise WebhookNotFound(f"Your organisation has no webhook {endpoint_id}.", webhook=endpoint_id)
        found = await self._rows.list_deliveries(endpoint_id, before, limit)
        attempts = await self._rows.attempts({delivery.id for delivery, _ in found})
        return [Delivered(delivery, message, attempts.get(delivery.id, [])) for delivery, message in found]

    async def redeliver(self, caller: Caller, endpoint_id: str, delivery_id: str) -> None:
        """Send it again, with the same id and content. Raises `WebhookNotFound`, `WebhookDisabled`."""
        endpoint = await self._get(caller, endpoint_id)
        _check_enabled(endpoint)
        delivery = await self._rows.find_delivery(endpoint_id, delivery_id)
        if delivery is None:
            raise WebhookNotFound(f"This webhook has no delivery {delivery_id}.", delivery=delivery_id)
        delivery.state, delivery.attempts, delivery.ended_at = "pending", 0, None
        delivery.next_at = self._clock.now()
        await self._rows.ring()

    async def _get(self, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
        caller.require(Permission.WEBHOOKS_WRITE)
        endpoint = await self._rows.find(caller.organisation_id, endpoint_id, lock=True)
        if endpoint is None:
            raise WebhookNotFound(f"Your organisation has no webhook {endpoint_id}.", webhook=endpoint_id)
        return endpoint

    async def _add_secret(self, endpoint: WebhookEndpoint, *, number: int) -> str:
        secret = self._ids.secret(SECRET_BYTES)
        sealed = self._seal.seal(endpoint.id, self._ids.secret(12), secret)
        now = self._clock.now()
        row = WebhookSecret(endpoint_id=endpoint.id, number=number, sealed=sealed, created_at=now, expires_at=None)
        await self._rows.add(row)
        return secret_text(secret)


def new_message(ids: Ids, clock: Clock, organisation_id: str, event_type: str, data: dict[str, Any]) -> WebhookMessage:
    """A message as Standard Webhooks recommends it: type, timestamp, data."""
    at = clock.now()
    payload = {"type": event_type, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    return WebhookMessage(
        id=ids.new(id_prefix.WEBHOOK_MESSAGE),
        organisation_id=organisation_id,
        event_type=event_type,
        payload=payload,
        at=at,
    )


def new_delivery(ids: Ids, clock: Clock, endpoint_id: str, message_id: str) -> WebhookDelivery:
    """Due at once."""
    return WebhookDelivery(
        id=ids.new(id_prefix.WEBHOOK_DELIVERY),
        endpoint_id=endpoint_id,
        message_id=message_id,
        state="pending",
        attempts=0,
        next_at=clock.now(),
        ended_at=None,
    )


def _check_types(event_types: Sequence[str]) -> None:
    unknown = sorted(set(event_types) - set(EVENT_TYPES))
    if unknown:
        raise WebhookEventUnknown(f"There are no events {', '.join(unknown)}.", event_types=list(EVENT_TYPES))


def _check_enabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise WebhookDisabled(f"{endpoint.id} is disabled: {endpoint.disabled_reason}.")
