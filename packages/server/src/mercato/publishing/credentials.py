"""Secrets that vendors' endpoints require: stored sealed, changed and removed by their owner, opened to be sent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing.credential_rows import CredentialRepository
from mercato.publishing.models import VendorCredential
from mercato.publishing.news import CredentialChanged
from mercato.publishing.refusals import CredentialInUse, CredentialNotFound, CredentialRefused, TooManyCredentials
from mercato.publishing.sealing import CredentialSeal
from mercato_contracts.credentials import LEAST_CHARACTERS, MOST_CHARACTERS
from mercato_contracts.dataplane import SnapshotCredential, SnapshotDeployment, SnapshotRelease, SnapshotService
from mercato_contracts.manifest import EndpointCredential
from mercato_contracts.problem import FieldError

log = structlog.get_logger(__name__)

_MOST = 100
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Visible ASCII with inner spaces: safe on one line of a header field for every parser.
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential and the services, `vendor/name`, that use it."""

    row: VendorCredential
    used_by: list[str]


class Credentials:
    """The credentials of the caller's organisation. A secret goes in and never comes out here."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, seal: CredentialSeal) -> None:
        self._session = session
        self._rows = CredentialRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._seal = seal

    async def put(self, caller: Caller, name: str, value: str) -> StoredCredential:
        """Store it, or replace the one of that name; gateways send the new one from then on.

        Storing the same value again changes nothing. Raises `CredentialRefused`, `TooManyCredentials`.
        """
        caller.require(Permission.CREDENTIALS_WRITE)
        _check(name, value)
        owner, now = caller.organisation_id, self._clock.now()
        await self._rows.lock_all(owner)
        row = await self._rows.find(owner, name, lock=True)
        if row is not None and self._seal.open(owner, name, row.sealed) == value:
            return await self._with_users(caller, row)
        if row is None:
            if await self._rows.count(owner) >= _MOST:
                raise TooManyCredentials(f"Your organisation has {_MOST} credentials; that is the limit.")
            row = VendorCredential(organisation_id=owner, name=name, created_by=caller.actor, created_at=now)
        row.sealed = self._seal.seal(owner, name, self._ids.secret(12), value)
        row.fingerprint = self._seal.fingerprint(owner, value)
        row.changed_by, row.changed_at = caller.actor, now
        await self._rows.add(row)
        await self._tell(caller, name, "set", row.fingerprint)
        return await self._with_users(caller, row)

    async def list_all(self, caller: Caller) -> list[StoredCredential]:
        """By name."""
        caller.require(Permission.CREDENTIALS_WRITE)
        return [await self._with_users(caller, row) for row in await self._rows.list_all(caller.organisation_id)]

    async def remove(self, caller: Caller, name: str) -> None:
        """Raises `CredentialNotFound`, and `CredentialInUse` while a release that can be called presents it."""
        caller.require(Permission.CREDENTIALS_WRITE)
        owner = caller.organisation_id
        # A release that is being written holds this lock, so `used_by` below includes it.
        row = await self._rows.find(owner, name, lock=True)
        if row is None:
            raise CredentialNotFound(f"Your organisation has no credential {name}.", credential=name)
        used_by = (await self._with_users(caller, row)).used_by
        if used_by:
            raise CredentialInUse(f"{name} is presented for {', '.join(used_by)}.", services=used_by)
        await self._rows.remove(row)
        await self._tell(caller, name, "removed", row.fingerprint)

    async def _with_users(self, caller: Caller, row: VendorCredential) -> StoredCredential:
        names = await self._rows.names_using(row.organisation_id, row.name)
        return StoredCredential(row, [f"{caller.organisation_slug}/{name}" for name in names])

    async def _tell(self, caller: Caller, name: str, change: Literal["set", "removed"], fingerprint: str) -> None:
        owner, by = caller.organisation_id, caller.actor
        news = CredentialChanged(by=by, organisation_id=owner, name=name, change=change, fingerprint=fingerprint)
        await self._outbox.add(self._session, news)
        log.info("a credential changed", organisation=owner, name=name, change=change, by=by, fingerprint=fingerprint)


class CredentialBook:
    """Opens secrets for the pipeline's calls and for the gateways, which send them."""

    def __init__(self, session: Session, seal: CredentialSeal) -> None:
        self._rows = CredentialRepository(session)
        self._seal = seal

    async def services_using(self, organisation_id: str, name: str) -> list[str]:
        """Ids of the listed services with a release that presents it."""
        return await self._rows.services_using(organisation_id, name)

    async def hand_over(self, routes: Sequence[SnapshotService]) -> list[SnapshotService]:
        """The routes, each deployment with the credential that it requires.

        A deployment whose secret is missing or does not open gets weight 0: no call may be sent without it.
        """
        asked = await self._rows.asked_by([route.id for route in routes])
        if not asked:
            return list(routes)
        opened = {
            deployment_id: _field(EndpointCredential.model_validate(credential), self._open(owner, name, sealed))
            for deployment_id, owner, name, credential, sealed in asked
        }
        return [_with_credentials(route, opened) for route in routes]

    def _open(self, owner: str, name: str, sealed: bytes | None) -> str | None:
        value = None if sealed is None else self._seal.open(owner, name, sealed)
        if value is None:
            log.error("a credential is missing or does not open", organisation=owner, name=name)
        return value


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise _refused("name", "A name has lower-case letters, digits and inner hyphens, at most 63.")
    if not LEAST_CHARACTERS <= len(value) <= MOST_CHARACTERS:
        message = f"The value has {len(value)} characters; {LEAST_CHARACTERS} to {MOST_CHARACTERS} are allowed."
        raise _refused("value", message)
    if "\r" in value or "\n" in value:
        raise _refused("value", "The value has a line break, which would end the header field that carries it.")
    if not _VALUE.fullmatch(value):
        raise _refused("value", "The value is not visible ASCII, or it starts or ends with a space.")


def _refused(field: str, message: str) -> CredentialRefused:
    return CredentialRefused(message, errors=[FieldError(field=field, code="invalid", message=message)])


def _field(asked: EndpointCredential, value: str | None) -> SnapshotCredential | None:
    return None if value is None else SnapshotCredential(header=asked.header.lower(), value=asked.prefix + value)


def _with_credentials(service: SnapshotService, opened: dict[str, SnapshotCredential | None]) -> SnapshotService:
    def place(deployment: SnapshotDeployment) -> SnapshotDeployment:
        if deployment.id not in opened:
            return deployment
        credential = opened[deployment.id]
        return deployment.model_copy(update={"credential": credential} if credential else {"weight": 0})

    def on(release: SnapshotRelease) -> SnapshotRelease:
        return release.model_copy(update={"deployments": [place(each) for each in release.deployments]})

    return service.model_copy(update={"releases": [on(release) for release in service.releases]})
