"""Service accounts: made, narrowed, disabled at once. What acts for an organisation and is none of its people."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mercato.identity.caller import Caller
from mercato.identity.models import Key
from mercato.identity.news import KeyChanged, ServiceAccountChanged
from mercato.identity.permissions import KEY_SCOPES, PERMISSIONS, Permission, Role
from mercato.identity.service_account_models import ServiceAccount
from mercato.identity.service_account_refusals import (
    RightsTooWide,
    ServiceAccountDisabled,
    ServiceAccountNotFound,
    ServiceAccountTaken,
)
from mercato.identity.service_account_rows import ServiceAccountRows
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Ids, Malformed, Outbox, Session
from mercato_contracts import ids as id_prefix

Change = dict[str, str | bool | list[str]]

MOST = 200
"""Service accounts that an organisation has at most."""

ACCOUNT_RIGHTS = PERMISSIONS[Role.SERVICE_ACCOUNT] & (KEY_SCOPES["ck"] | KEY_SCOPES["vk"])
"""What a service account may be given at most: what its keys could carry."""


@dataclass(frozen=True, slots=True)
class KnownServiceAccount:
    """A service account and how many of its keys were not revoked."""

    row: ServiceAccount
    keys: int


class ServiceAccounts:
    """Those of the caller's organisation."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ServiceAccountRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def make(self, caller: Caller, *, name: str, purpose: str, rights: list[str] | None) -> KnownServiceAccount:
        """A new one, without keys. `rights` None: all that a service account may have and its maker has.

        Raises `RightsTooWide`, `ServiceAccountTaken`, `Malformed`, `StepUpNeeded`.
        """
        self._require_change(caller)
        given = _narrow(caller, rights)
        await StandingRows(self._session).lock_organisation(caller.organisation_id)
        if await self._rows.count(caller.organisation_id) >= MOST:
            raise Malformed(f"An organisation has at most {MOST} service accounts.", most=MOST)
        # Nobody else makes one meanwhile: the organisation is locked.
        if await self._rows.is_taken(caller.organisation_id, name):
            raise ServiceAccountTaken(f"Your organisation has a service account named {name}.", name=name)
        row = ServiceAccount(
            id=self._ids.new(id_prefix.SERVICE_ACCOUNT), organisation_id=caller.organisation_id, name=name,
            purpose=purpose, rights=given, created_by=caller.actor, created_at=self._clock.now(),
        )  # fmt: skip
        await self._rows.add(row)
        await self._tell(caller, row, "made", after={"name": name, "rights": given})
        return KnownServiceAccount(row, 0)

    async def page(self, caller: Caller, *, after: str | None, limit: int) -> list[KnownServiceAccount]:
        """In the order they were made, disabled ones too."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._known(await self._rows.page(caller.organisation_id, after, limit))

    async def get(self, caller: Caller, account_id: str) -> KnownServiceAccount:
        """Raises `ServiceAccountNotFound`."""
        caller.require(Permission.ORGANISATION_READ)
        [known] = await self._known([await self._get(caller, account_id)])
        return known

    async def set_rights(self, caller: Caller, account_id: str, rights: list[str]) -> KnownServiceAccount:
        """What it may do from now on. Its keys lose at once, at gateways within a second, what it may no longer do;
        they gain nothing. The same again changes nothing.

        Raises `ServiceAccountNotFound`, `RightsTooWide`, `StepUpNeeded`.
        """
        self._require_change(caller)
        account = await self._get(caller, account_id, lock=True)
        before, given = account.rights, _narrow(caller, rights, kept=account.rights)
        if given != before:
            account.rights = given
            for key in await self._rows.keys_in_force(account.id):
                kept = [scope for scope in key.scopes if scope in given]
                if kept != key.scopes:
                    key.scopes = kept
                    await self._tell_of(caller, key)
            await self._tell(caller, account, "rights", before={"rights": before}, after={"rights": given})
        [known] = await self._known([account])
        return known

    async def disable(self, caller: Caller, account_id: str) -> KnownServiceAccount:
        """All its keys are revoked now, at gateways within a second. Again changes nothing.

        No proof is asked for: whoever stops a program must not look for a phone first.
        Raises `ServiceAccountNotFound`.
        """
        caller.require(Permission.USERS_WRITE)
        account = await self._get(caller, account_id, lock=True)
        if account.disabled_at is None:
            now = self._clock.now()
            account.disabled_at, account.disabled_by = now, caller.actor
            keys = await self._rows.keys_in_force(account.id)
            for key in keys:
                key.revoked_at = now
                await self._tell_of(caller, key)
            await self._tell(
                caller,
                account,
                "disabled",
                before={"disabled": False},
                after={"disabled": True, "keys": [key.id for key in keys]},
            )
        return KnownServiceAccount(account, 0)

    async def enable(self, caller: Caller, account_id: str) -> KnownServiceAccount:
        """It gets new keys again; those that were revoked stay so. Again changes nothing.

        Raises `ServiceAccountNotFound`, `RightsTooWide`, `StepUpNeeded`.
        """
        self._require_change(caller)
        account = await self._get(caller, account_id, lock=True)
        if account.disabled_at is not None:
            _narrow(caller, account.rights)
            account.disabled_at = account.disabled_by = None
            await self._tell(caller, account, "enabled", before={"disabled": True}, after={"disabled": False})
        [known] = await self._known([account])
        return known

    def _require_change(self, caller: Caller) -> None:
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())

    async def _get(self, caller: Caller, account_id: str, *, lock: bool = False) -> ServiceAccount:
        return await find_account(self._rows, caller, account_id, lock=lock)

    async def _known(self, rows: Sequence[ServiceAccount]) -> list[KnownServiceAccount]:
        counts = await self._rows.count_keys([row.id for row in rows]) if rows else {}
        return [KnownServiceAccount(row, counts.get(row.id, 0)) for row in rows]

    async def _tell_of(self, caller: Caller, key: Key) -> None:
        news = KeyChanged(by=caller.actor, key_id=key.id, organisation_id=key.organisation_id)
        await self._outbox.add(self._session, news)

    async def _tell(
        self, caller: Caller, account: ServiceAccount, change: str, *,
        before: Change | None = None, after: Change | None = None,
    ) -> None:  # fmt: skip
        news = ServiceAccountChanged(
            by=caller.actor, account_id=account.id, organisation_id=account.organisation_id, change=change,
            before=before or {}, after=after or {},
        )  # fmt: skip
        await self._outbox.add(self._session, news)


async def find_account(
    rows: ServiceAccountRows, caller: Caller, account_id: str, *, lock: bool = False
) -> ServiceAccount:
    """One of the caller's organisation. Raises `ServiceAccountNotFound`."""
    account = await rows.find(caller.organisation_id, account_id, lock=lock)
    if account is None:
        raise ServiceAccountNotFound(f"Your organisation has no service account {account_id}.", account=account_id)
    return account


async def hold_account(session: Session, caller: Caller, account_id: str) -> ServiceAccount:
    """The account, which gets a key in this transaction: whoever disables it waits, and finds the key.

    Raises `ServiceAccountNotFound`, `ServiceAccountDisabled`.
    """
    account = await find_account(ServiceAccountRows(session), caller, account_id, lock=True)
    if account.disabled_at is not None:
        raise ServiceAccountDisabled(f"The service account {account.name} is disabled.", account=account_id)
    return account


async def names_of_accounts(session: Session, account_ids: Collection[str | None]) -> dict[str, str]:
    """Names of these service accounts, of any organisation, by id."""
    asked = {each for each in account_ids if each}
    return await ServiceAccountRows(session).names(asked) if asked else {}


def _narrow(caller: Caller, wanted: list[str] | None, *, kept: Collection[str] = ()) -> list[str]:
    """`kept` are rights that it has already: whoever may do less leaves them, and adds none."""
    most = {right.value for right in ACCOUNT_RIGHTS & caller.permissions} | set(kept)
    if wanted is None:
        return sorted(most)
    refused = sorted(set(wanted) - most)
    if refused:
        raise RightsTooWide(f"A service account of yours may not have {', '.join(refused)}.", refused=refused)
    return sorted(set(wanted))
