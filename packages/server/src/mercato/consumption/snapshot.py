"""The snapshot and its changes, pushed to every gateway that listens."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from mercato.consumption.limits import Limits
from mercato.identity import KeyChanged, OrganisationChanged
from mercato.metering import BudgetChanged
from mercato.platform import Clock, Database, EphemeralSubscriber, Event, News, Session, Unavailable
from mercato.publishing import (
    Catalogue,
    CredentialBook,
    CredentialChanged,
    CredentialSeal,
    HoldChanged,
    ServiceChanged,
    ServiceReleased,
    ServiceWithdrawn,
)
from mercato.subscriptions import SubscriptionChanged, SubscriptionTerms
from mercato_contracts import dataplane
from mercato_contracts.dataplane import Begin, ConsumerChanged, Heartbeat, Ready, ServiceRemoved, SnapshotService
from mercato_contracts.wire import Wire

_PAGE = 100
_HEARTBEAT_SECONDS = 1.0
_OF_SERVICES = (ServiceReleased, ServiceChanged, ServiceWithdrawn, HoldChanged)
_HEARD = (*_OF_SERVICES, KeyChanged, OrganisationChanged, CredentialChanged, SubscriptionChanged, BudgetChanged)
_HURRIED = (KeyChanged, OrganisationChanged, HoldChanged, CredentialChanged)


class ChangeQueue:
    """A bounded queue of changes that one gateway has not read yet. A reader that falls behind is disconnected."""

    def __init__(self, depth: int) -> None:
        self._lines: deque[bytes] = deque()
        self._depth = depth
        self._bell = asyncio.Event()
        self.is_over = False

    def offer(self, lines: Sequence[bytes]) -> None:
        """Add changes; if there are too many, drop all and end the stream: the gateway then reconnects."""
        if len(self._lines) + len(lines) > self._depth:
            self.end()
        if not self.is_over:
            self._lines.extend(lines)
            self._bell.set()

    def end(self) -> None:
        """No more changes."""
        self.is_over = True
        self._lines.clear()
        self._bell.set()

    async def take(self, patience_seconds: float) -> list[bytes]:
        """All queued changes; empty after the timeout."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._bell.wait()
        except TimeoutError:
            return []
        self._bell.clear()
        lines = list(self._lines)
        self._lines.clear()
        return lines


class SnapshotHub:
    """One per process: reads what changed, compiles it once, and passes it to every reader."""

    def __init__(self, database: Database, clock: Clock, seal: CredentialSeal, *, depth: int = 2_000) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock
        self._depth = depth
        self._queues: set[ChangeQueue] = set()
        self._is_closed = False
        self._is_deaf: Callable[[], bool] = lambda: False

    def subscriber(self) -> EphemeralSubscriber[News]:
        """To be run by the process's `OutboxFeed`."""
        return EphemeralSubscriber("consumption.snapshot", _HEARD, self.hear, hurried=_HURRIED)

    def listen_by(self, is_deaf: Callable[[], bool]) -> None:
        """What says whether this process hears no news just now. While it does not, it feeds no gateway: another
        replica may know of a route that was withdrawn.
        """
        self._is_deaf = is_deaf

    def check_hearing(self) -> None:
        """Raises `Unavailable` while this process hears no news."""
        if self._is_deaf():
            raise Unavailable("This replica cannot reach the database just now.", retry_after_seconds=1)

    def close(self) -> None:
        """End every stream, so the process can stop.

        A stream that begins later ends at once, because a gateway reconnects as soon as its stream ends, while the
        process still listens.
        """
        self._is_closed = True
        for queue in self._queues:
            queue.end()

    @property
    def readers(self) -> int:
        """How many gateways listen."""
        return len(self._queues)

    async def hear(self, events: Sequence[Event[News]]) -> None:
        """Queue these changes for every reader."""
        if not self._queues:
            return
        async with self._database.transaction() as session:
            lines = [_line(change) for change in await compile_changes(session, events, self._seal)]
        for queue in tuple(self._queues):
            queue.offer(lines)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The whole snapshot, then each change, and a heartbeat in every second without one.

        Ends when the reader is too slow, the process stops, or it hears no news any more. Changes are queued from
        before the snapshot is read, so none is missed; one that the snapshot already contains is sent again, which is
        harmless.
        """
        with self._listening() as queue:
            if queue.is_over:
                return
            async for line in self._whole():
                yield line
            while not queue.is_over and not self._is_deaf():
                lines = await queue.take(_HEARTBEAT_SECONDS)
                yield b"".join(lines) or self._heartbeat()

    async def _whole(self) -> AsyncIterator[bytes]:
        yield _line(Begin(at_ms=self._now_ms()))
        async with self._database.transaction() as session:
            ids = await Catalogue(session).listed_ids()
        sent = 0
        # One transaction per page: a slow reader must not hold one open.
        for page in _pages(ids):
            async with self._database.transaction() as session:
                services = await routes_of(session, page, self._seal)
            sent += len(services)
            yield b"".join(_line(service) for service in services)
        yield _line(Ready(services=sent, at_ms=self._now_ms()))

    def _heartbeat(self) -> bytes:
        return _line(Heartbeat(at_ms=self._now_ms()))

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    @contextmanager
    def _listening(self) -> Iterator[ChangeQueue]:
        queue = ChangeQueue(self._depth)
        self._queues.add(queue)
        # Checked after it was added: `close` is called from a signal handler, between any two lines.
        if self._is_closed:
            queue.end()
        try:
            yield queue
        finally:
            self._queues.discard(queue)


async def compile_changes(session: Session, events: Iterable[Event[News]], seal: CredentialSeal) -> list[Wire]:
    """The changes that gateways need after these events, each service, key and consumer once."""
    services: dict[str, None] = {}
    forgotten: dict[str, Wire] = {}
    vendors: set[str] = set()
    for event in events:
        news = event.news
        if isinstance(news, _OF_SERVICES):
            services[news.service_id] = None
        elif isinstance(news, CredentialChanged):
            book = CredentialBook(session, seal)
            services |= dict.fromkeys(await book.services_using(news.organisation_id, news.name))
        elif isinstance(news, KeyChanged):
            forgotten[news.key_id] = dataplane.KeyChanged(id=news.key_id)
        elif isinstance(news, BudgetChanged) and news.side == "vendor":
            vendors.add(news.organisation_id)
        elif isinstance(news, OrganisationChanged | SubscriptionChanged | BudgetChanged):
            forgotten[news.organisation_id] = ConsumerChanged(id=news.organisation_id)
    routes: dict[str, SnapshotService] = {}
    if services:
        routes = {route.id: route for route in await routes_of(session, list(services), seal)}
    if vendors:
        consumers = await SubscriptionTerms(session, Catalogue(session)).consumers_of(vendors)
        forgotten |= {consumer_id: ConsumerChanged(id=consumer_id) for consumer_id in consumers}
    changed: list[Wire] = [routes.get(service_id) or ServiceRemoved(id=service_id) for service_id in services]
    return [*changed, *forgotten.values()]


async def routes_of(session: Session, service_ids: Sequence[str], seal: CredentialSeal) -> list[SnapshotService]:
    """The routes of these services, deployments with limits and what they present; withdrawn ones are left out."""
    routes = await Catalogue(session).routes(service_ids)
    return await CredentialBook(session, seal).hand_over(await Limits(session).on_deployments(routes))


def _line(message: Wire) -> bytes:
    return message.model_dump_json().encode() + b"\n"


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _PAGE):
        yield ids[start : start + _PAGE]
