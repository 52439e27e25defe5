"""Keys: made, listed, rotated, revoked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from mercato.identity.caller import Caller
from mercato.identity.maker_rows import hold_maker
from mercato.identity.models import Key
from mercato.identity.news import KeyChanged
from mercato.identity.permissions import KEY_SCOPES, Permission
from mercato.identity.refusals import KeyIsOver, KeyNotFound, ScopesTooWide
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import SecretHasher
from mercato.identity.service_accounts import hold_account
from mercato.platform import Clock, Ids, Malformed, Outbox, Session
from mercato_contracts import ids as id_prefix
from mercato_contracts.keys import key_secret, make_key

MAX_GRACE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeyHold:
    """What a key is held to: ids of services, and networks. Where one is empty, it is held to none."""

    services: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its text, which is shown this once and kept nowhere."""

    row: Key
    text: str


NO_HOLD = KeyHold()


@dataclass(frozen=True, slots=True)
class DrawnSecret:
    """The secret of a key to be made, and its hash; drawn before the transaction that stores it."""

    entropy: bytes
    encoded: str

    def __repr__(self) -> str:
        return "DrawnSecret(…)"


async def draw_secret(ids: Ids, hasher: SecretHasher) -> DrawnSecret:
    """A new one."""
    entropy = ids.secret(32)
    return DrawnSecret(entropy, await hasher.hash(key_secret(entropy)))


class Keys:
    """The keys of the caller's organisation. A new key takes a secret that was drawn before, or draws one itself."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, hasher: SecretHasher, outbox: Outbox) -> None:
        self._session = session
        self._rows = IdentityRepository(session)
        self._clock = clock
        self._ids = ids
        self._hasher = hasher
        self._outbox = outbox

    async def make(
        self,
        caller: Caller,
        *,
        kind: Literal["ck", "vk"],
        name: str,
        scopes: list[str] | None,
        expires_at: datetime | None,
        hold: KeyHold = NO_HOLD,
        account_id: str | None = None,
        drawn: DrawnSecret | None = None,
    ) -> NewKey:
        """A new key. `scopes` None: all that its kind may carry and its maker may do.

        With `account_id` it belongs to that service account, and carries nothing that the account may not do.
        Raises `ScopesTooWide`, `Malformed`, `ServiceAccountNotFound`, `ServiceAccountDisabled`.
        """
        caller.require(Permission.KEYS_WRITE)
        if expires_at is not None and expires_at <= self._clock.now():
            raise Malformed("`expires_at` lies in the past.")
        key_id = self._ids.new(id_prefix.KEY)
        await hold_maker(self._session, caller)
        account = None if account_id is None else await hold_account(self._session, caller, account_id)
        narrowed = _narrow(caller, kind, scopes, None if account is None else account.rights)
        return await self._add(
            caller, key_id, kind=kind, name=name, scopes=narrowed, expires_at=expires_at, hold=hold,
            account_id=account_id, drawn=drawn,
        )  # fmt: skip

    async def list_all(self, caller: Caller, *, after: str | None, limit: int) -> list[Key]:
        """The organisation's keys in the order they were made."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._rows.list_keys(caller.organisation_id, after, limit)

    async def list_everyone(
        self, caller: Caller, *, organisation_id: str | None, after: str | None, limit: int
    ) -> list[Key]:
        """The keys of every organisation, or of one, in the order they were made. For operators."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.list_keys(organisation_id, after, limit)

    async def find_own(self, caller: Caller, key_id: str) -> Key | None:
        """A key of the organisation, or `None`."""
        caller.require(Permission.ORGANISATION_READ)
        key = await self._rows.find_key(key_id)
        return key if key is not None and key.organisation_id == caller.organisation_id else None

    async def revoke(self, caller: Caller, key_id: str) -> None:
        """Out of force at once and everywhere. Revoking a revoked key changes nothing."""
        caller.require(Permission.KEYS_WRITE)
        key = await self._get(caller, key_id)
        if key.revoked_at is None:
            key.revoked_at = self._clock.now()
            await self._tell(caller, key)

    async def hold(self, caller: Caller, key_id: str, hold: KeyHold) -> Key:
        """Hold the key to these, or to none, at gateways within a second. The same again changes nothing.

        Raises `KeyNotFound`, `KeyIsOver`; and `StepUpNeeded` where the key may reach more than before.
        """
        caller.require(Permission.KEYS_WRITE)
        key = await self._get(caller, key_id)
        if key.revoked_at is not None:
            raise KeyIsOver("The key was revoked.", key=key_id)
        if (tuple(key.held_services), tuple(key.held_addresses)) != (hold.services, hold.addresses):
            if not (_fewer(key.held_services, hold.services) and _narrower(key.held_addresses, hold.addresses)):
                caller.require_recent_proof(self._clock.now())
            key.held_services, key.held_addresses = list(hold.services), list(hold.addresses)
            await self._tell(caller, key)
        return key

    async def rotate(self, caller: Caller, key_id: str, grace: timedelta, drawn: DrawnSecret | None = None) -> NewKey:
        """A successor with the same rights and limits; the old one lives for `grace`, never past its own expiry.

        What the old key used of its limits still counts, and both share them during the grace. Tokens of deployments
        that were exchanged for the old key end with it.
        """
        caller.require(Permission.KEYS_WRITE)
        await hold_maker(self._session, caller)
        account_id = await self._hold_account_of(caller, key_id)
        old = await self._get(caller, key_id)
        now = self._clock.now()
        over = old.revoked_at is not None or old.rotated_to is not None
        if over or (old.expires_at is not None and old.expires_at <= now):
            raise KeyIsOver("Only a key in force can be rotated, and only once.", key=key_id)
        if not timedelta(0) <= grace <= MAX_GRACE:
            raise Malformed("The grace lies between 0 and 7 days.")
        kind: Literal["ck", "vk"] = "ck" if old.kind == "ck" else "vk"
        expires_at, new_id = old.expires_at, self._ids.new(id_prefix.KEY)
        old.rotated_to = new_id
        old.expires_at = min(expires_at or now + grace, now + grace)
        # A lineage has one newest key at every moment: the old one steps down before the new one is written.
        await self._rows.flush()
        new = await self._add(
            caller,
            new_id,
            kind=kind,
            name=old.name,
            scopes=old.scopes,
            expires_at=expires_at,
            lineage=old.lineage_id,
            hold=KeyHold(tuple(old.held_services), tuple(old.held_addresses)),
            account_id=account_id,
            drawn=drawn,
        )
        await self._tell(caller, old)
        return new

    async def _add(
        self,
        caller: Caller,
        key_id: str,
        *,
        kind: Literal["ck", "vk"],
        name: str,
        scopes: list[str],
        expires_at: datetime | None,
        hold: KeyHold,
        account_id: str | None = None,
        lineage: str | None = None,
        drawn: DrawnSecret | None = None,
    ) -> NewKey:
        drawn = drawn or await draw_secret(self._ids, self._hasher)
        row = Key(
            id=key_id,
            organisation_id=caller.organisation_id,
            kind=kind,
            name=name,
            scopes=scopes,
            secret_hash=drawn.encoded,
            created_by=caller.actor,
            created_at=self._clock.now(),
            expires_at=expires_at,
            lineage_id=lineage or key_id,
            service_account_id=account_id,
            held_services=list(hold.services),
            held_addresses=list(hold.addresses),
        )
        self._rows.add(row)
        await self._rows.flush()
        return NewKey(row, make_key(kind, key_id, drawn.entropy))

    async def _hold_account_of(self, caller: Caller, key_id: str) -> str | None:
        """The key's service account, locked before the key is: in the order in which a disabling locks them."""
        key = await self._rows.find_key(key_id)
        if key is None or key.organisation_id != caller.organisation_id or key.service_account_id is None:
            return None
        return (await hold_account(self._session, caller, key.service_account_id)).id

    async def _get(self, caller: Caller, key_id: str) -> Key:
        key = await self._rows.find_key(key_id, lock=True)
        if key is None or key.organisation_id != caller.organisation_id:
            raise KeyNotFound(f"Your organisation has no key {key_id}.", key=key_id)
        return key

    async def _tell(self, caller: Caller, key: Key) -> None:
        news = KeyChanged(by=caller.actor, key_id=key.id, organisation_id=key.organisation_id)
        await self._outbox.add(self._session, news)


async def newest_keys(session: Session, key_ids: Collection[str]) -> dict[str, str]:
    """For each of these keys the id of its lineage's newest: the key itself, or what it was rotated to in the end."""
    return await IdentityRepository(session).newest_keys(key_ids) if key_ids else {}


async def keys_of_lineage(session: Session, organisation_id: str, key_id: str) -> list[str]:
    """The organisation's keys that share a lineage with this one, itself too; none where the key is not its own."""
    return await IdentityRepository(session).keys_of_lineage(organisation_id, key_id)


def _fewer(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether nothing is reached that was not before; nothing listed is everything."""
    return not before or (bool(after) and set(after) <= set(before))


def _narrower(before: Sequence[str], after: Sequence[str]) -> bool:
    """The same of networks."""
    known = [ip_network(one) for one in before]
    inside = all(any(_lies_in(ip_network(one), other) for other in known) for one in after)
    return not before or (bool(after) and inside)


def _lies_in(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.subnet_of(other)
    return isinstance(other, IPv6Network) and one.subnet_of(other)


def _narrow(
    caller: Caller, kind: Literal["ck", "vk"], wanted: list[str] | None, rights: Collection[str] | None
) -> list[str]:
    """`rights` are those of the service account that the key is for; `None`: it is for none."""
    most = {scope.value for scope in KEY_SCOPES[kind] & caller.permissions}
    if rights is not None:
        most &= set(rights)
    if wanted is None:
        return sorted(most)
    refused = sorted(set(wanted) - most)
    if refused:
        raise ScopesTooWide(f"A {kind} key of yours may not carry {', '.join(refused)}.", refused=refused)
    return sorted(set(wanted))
