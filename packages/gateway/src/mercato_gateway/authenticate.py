"""Authentication: a cache of key digests in front of the control plane's introspection.

A known key is valid for 60 s here and refreshed shortly before; while the control plane does not answer it stays valid
for another five minutes. Unknown keys are remembered for 10 s. Changes are pushed and apply at once: an answer that was
on its way when its key changed is dropped, and the key is introspected again.
"""

import asyncio
import hashlib
from typing import Any, Protocol

import msgspec

from mercato_contracts.keys import MalformedKey, parse_key
from mercato_gateway.control import ControlClient, ControlRefused, ControlUnavailable
from mercato_gateway.guesses import Guesses
from mercato_gateway.log import log
from mercato_gateway.owners import Owners
from mercato_gateway.refusals import Refused
from mercato_gateway.wall import Wall
from mercato_gateway.wire import GrantedSubscription, IntrospectRequest, KeyGrant

FRESH_SECONDS = 60.0
_REFRESH_AFTER = 45.0
STALE_SECONDS = 300.0
_UNKNOWN_SECONDS = 10.0
_MOST_KNOWN = 200_000
_MOST_UNKNOWN = 20_000
_MOST_ASKING = 10_000
_MOST_AT_ONCE = 32
_MOST_SWEPT = 2_000
_ASK_TIMEOUT = 5.0
_ROUNDS = 3

_blake2b = hashlib.blake2b


class Terms:
    """What a key may call and within which limits, with its lanes so far: `lanes` by name, `compiled` by release and
    subscription.

    Keys of an organisation with the same permissions share one (`keys`): it stays in the processor's cache, whichever
    of a thousand keys a call has.
    """

    __slots__ = ("by_service", "compiled", "consumer_id", "digest", "held", "keys", "lanes", "limits")

    def __init__(self, wire: KeyGrant, digest: bytes) -> None:
        self.digest = digest
        self.consumer_id = wire.consumer_id
        self.limits = wire.limits
        self.keys = 0
        self.held = None if wire.services is None else frozenset(wire.services)
        self.by_service: dict[str, list[GrantedSubscription]] = {}
        for subscription in sorted(wire.subscriptions, key=lambda granted: granted.id):
            if self.held is not None and subscription.service_id not in self.held:
                continue
            self.by_service.setdefault(subscription.service_id, []).append(subscription)
        self.lanes: dict[Any, Any] = {}
        self.compiled: dict[Any, Any] = {}


def _terms_digest(wire: KeyGrant) -> bytes:
    """A digest of the organisation, its limits, its subscriptions, and the services that a key is held to."""
    terms = msgspec.json.encode((wire.consumer_id, wire.limits, wire.subscriptions, wire.services))
    return _blake2b(terms, digest_size=16).digest()


class Grant:
    """A known key, and until when it is valid here; `quoted_key_id` is its id as JSON."""

    __slots__ = (
        "addresses", "dies_at", "expires_at", "fresh_until", "key_id", "may_call", "quoted_key_id", "refresh_at",
        "scopes", "terms",
    )  # fmt: skip

    def __init__(self, wire: KeyGrant, terms: Terms, now: float) -> None:
        self.terms = terms
        self.key_id = wire.key_id
        self.quoted_key_id = msgspec.json.encode(wire.key_id)
        self.scopes = wire.scopes
        self.may_call = "call" in wire.scopes
        self.addresses = None if wire.addresses is None else tuple(wire.addresses)
        self.expires_at = (wire.expires_at_ms or 1 << 62) / 1000
        self.fresh_until = now + FRESH_SECONDS
        self.dies_at = self.fresh_until + STALE_SECONDS
        self.refresh_at = now + _REFRESH_AFTER


class KeyWaiter(Protocol):
    """A call that waits for its key."""

    done: bool

    @property
    def address(self) -> str:
        """The client's IP address."""
        ...

    @property
    def traceparent(self) -> str:
        """What the control plane gets with the question; empty where the call is not traced."""
        ...

    def key_known(self, grant: Grant) -> None:
        """The key is valid."""

    def refuse(self, refused: Refused) -> None:
        """The key is not valid, or that cannot be checked."""


def _invalid() -> Refused:
    return Refused("key_invalid", "This key is unknown or was revoked.")


class Keys:
    """The digest cache. Keys themselves are not kept."""

    def __init__(self, loop: asyncio.AbstractEventLoop, control: ControlClient, wall: Wall, guesses: Guesses) -> None:
        self._loop = loop
        self._control = control
        self._wall = wall
        self._guesses = guesses
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._known: dict[bytes, Grant] = {}
        self._terms: dict[bytes, Terms] = {}
        self._of_key = Owners()
        self._of_consumer = Owners()
        self._unknown: dict[bytes, tuple[float, str]] = {}
        self._asking: dict[bytes, list[KeyWaiter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed: dict[str, int] = {}
        self._changes = 0
        self.introspections = 0

    def find(self, key: bytes, digest: bytes, now: float) -> Grant | None:
        """The grant of a known, fresh key; `None` where the control plane must be asked. Raises `Refused`."""
        grant = self._known.get(digest)
        if grant is None or now >= grant.fresh_until:
            return None
        if now >= grant.refresh_at:
            self._refresh(key, grant, now)
        if not grant.may_call or self._wall.seconds() >= grant.expires_at:
            self._check(grant)
        return grant

    def _check(self, grant: Grant) -> None:
        if self._wall.seconds() >= grant.expires_at:
            raise Refused("key_expired", "This key has expired.")
        if not grant.may_call:
            raise Refused("scope_missing", "This key lacks the scope `call`.", facts={"scopes": grant.scopes})

    def introspect(self, key: bytes, waiter: KeyWaiter, now: float) -> None:
        """Introspects the key, then calls `key_known` or `refuse` of the call. Raises `Refused` for a malformed key, or
        one that is remembered as unknown.
        """
        try:
            parsed = parse_key(key.decode("ascii"))
        except (MalformedKey, UnicodeDecodeError):
            raise Refused("key_malformed", "This is not a key of this marketplace.") from None
        digest = _blake2b(key, digest_size=16).digest()
        unknown = self._unknown.get(digest)
        if unknown is not None and now < unknown[0]:
            raise _invalid()
        waiters = self._asking.get(digest)
        if waiters is not None:
            waiters.append(waiter)
            return
        if len(self._asking) >= _MOST_ASKING:
            raise Refused("busy", "Too many keys are being checked.")
        wait = self._guesses.take(waiter.address, now)
        if wait:
            detail = "Your address tried too many unknown keys."
            raise Refused("too_many_unknown_keys", detail, retry_after=int(wait) + 1)
        self._start(digest, key, parsed.key_id, [waiter], waiter.address)

    def _refresh(self, key: bytes, grant: Grant, now: float) -> None:
        grant.refresh_at = now + 5.0
        digest = _blake2b(key, digest_size=16).digest()
        if digest not in self._asking:
            self._start(digest, key, grant.key_id, [], "")

    def _start(self, digest: bytes, key: bytes, key_id: str, waiters: list[KeyWaiter], address: str) -> None:
        self._asking[digest] = waiters
        task = self._loop.create_task(self._introspect(digest, key.decode("ascii"), key_id, address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _introspect(self, digest: bytes, key: str, key_id: str, address: str) -> None:
        outcome: Grant | Refused
        try:
            trace = next((waiter.traceparent for waiter in self._asking[digest] if waiter.traceparent), "")
            outcome = await self._introspect_unchanged(digest, key, key_id, trace)
        except (ControlUnavailable, ControlRefused, msgspec.MsgspecError) as error:
            outcome = self._stale(digest, str(error))
        if address and not (isinstance(outcome, Refused) and outcome.code.name == "key_invalid"):
            self._guesses.give_back(address, self._loop.time())
        waiters = self._asking.pop(digest)
        if not self._asking:
            self._changed.clear()
        for waiter in waiters:
            if waiter.done:
                continue
            try:
                if isinstance(outcome, Grant):
                    self._check(outcome)
                    waiter.key_known(outcome)
                else:
                    waiter.refuse(outcome)
            except Refused as refused:
                waiter.refuse(refused)

    async def _introspect_unchanged(self, digest: bytes, key: str, key_id: str, trace: str) -> Grant | Refused:
        body = msgspec.json.encode(IntrospectRequest(key))
        for _ in range(_ROUNDS):
            began = self._changes
            self.introspections += 1
            async with self._turns:
                answer = await self._control.post("/internal/keys/introspect", body, _ASK_TIMEOUT, trace)
            wire = msgspec.json.decode(answer, type=KeyGrant)
            if (
                max(self._changed.get(key_id, 0), self._changed.get(wire.consumer_id, 0), self._changed.get("*", 0))
                > began
            ):
                continue
            return self._remember(digest, key_id, wire)
        return Refused("control_plane_unavailable", "This key is being changed at the moment.")

    def _remember(self, digest: bytes, key_id: str, wire: KeyGrant) -> Grant | Refused:
        now = self._loop.time()
        self._forget(digest)
        if not wire.active:
            if len(self._unknown) >= _MOST_UNKNOWN:
                self._unknown.pop(next(iter(self._unknown)))
            self._unknown[digest] = (now + _UNKNOWN_SECONDS, key_id)
            return _invalid()
        if len(self._known) >= _MOST_KNOWN:
            self._forget(next(iter(self._known)))
        grant = self._known[digest] = Grant(wire, self._shared_terms(wire), now)
        self._of_key.add(wire.key_id, digest)
        self._of_consumer.add(wire.consumer_id, digest)
        return grant

    def _shared_terms(self, wire: KeyGrant) -> Terms:
        digest = _terms_digest(wire)
        terms = self._terms.get(digest)
        if terms is None:
            terms = self._terms[digest] = Terms(wire, digest)
        terms.keys += 1
        return terms

    def _stale(self, digest: bytes, reason: str) -> Grant | Refused:
        grant = self._known.get(digest)
        now = self._loop.time()
        if grant is not None and now < grant.dies_at:
            # No further request for a second: in an outage few calls then wait for a timeout.
            grant.refresh_at = now + 1.0
            grant.fresh_until = min(max(grant.fresh_until, now + 2.0), grant.dies_at)
            return grant
        log("keys_unavailable", reason=reason)
        return Refused(
            "control_plane_unavailable", "The control plane does not answer, and the gateway has not seen this key yet."
        )

    def _forget(self, digest: bytes) -> None:
        self._unknown.pop(digest, None)
        grant = self._known.pop(digest, None)
        if grant is None:
            return
        terms = grant.terms
        self._of_key.drop(grant.key_id, digest)
        self._of_consumer.drop(terms.consumer_id, digest)
        terms.keys -= 1
        if not terms.keys:
            del self._terms[terms.digest]

    def sweep(self, now: float) -> None:
        """Forgets keys that are no longer valid here, some at each call.

        Both tables are in the order in which keys were last introspected.
        """
        for _ in range(_MOST_SWEPT):
            oldest = next(iter(self._known), None)
            if oldest is None or self._known[oldest].dies_at > now:
                break
            self._forget(oldest)
        for _ in range(_MOST_SWEPT):
            oldest = next(iter(self._unknown), None)
            if oldest is None or self._unknown[oldest][0] > now:
                break
            del self._unknown[oldest]

    # Pushed by the control plane.

    def key_changed(self, key_id: str) -> None:
        """Applies from the next call on."""
        self._note(key_id)
        for digest in self._of_key.of(key_id):
            self._forget(digest)
        for digest in [digest for digest, (_, known) in self._unknown.items() if known == key_id]:
            self._forget(digest)

    def consumer_changed(self, consumer_id: str) -> None:
        """Applies from the next call on, to all keys of the organisation."""
        self._note(consumer_id)
        for digest in self._of_consumer.of(consumer_id):
            self._forget(digest)

    def suspect_all(self) -> None:
        """Changes may have been missed: every key is introspected again at its next call; if that fails the old grant
        stays.
        """
        self._note("*")
        now = self._loop.time()
        self._unknown.clear()
        for grant in self._known.values():
            grant.fresh_until = min(grant.fresh_until, now)
            grant.dies_at = min(grant.dies_at, now + STALE_SECONDS)

    def _note(self, changed: str) -> None:
        self._changes += 1
        if self._asking:
            self._changed[changed] = self._changes

    def __len__(self) -> int:
        return len(self._known)
