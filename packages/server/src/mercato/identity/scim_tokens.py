"""Tokens of organisations' identity providers, and what the groups that they keep mean."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mercato.identity.caller import Caller
from mercato.identity.models import Organisation
from mercato.identity.news import ScimSettingsChanged, ScimTokenChanged
from mercato.identity.permissions import KEY_SCOPES, Permission, Role
from mercato.identity.refusals import NotSignedIn, OrganisationSuspended
from mercato.identity.scim_models import ScimSettings, ScimToken
from mercato.identity.scim_refusals import ScimTokenUnknown
from mercato.identity.scim_roles import ScimRoles
from mercato.identity.scim_rows import ScimRows
from mercato.identity.secrets import digest
from mercato.identity.sign_up import may_give
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Ids, Malformed, Outbox, Session
from mercato_contracts import ids as id_prefix
from mercato_contracts.keys import MalformedKey, make_key, parse_key

PREFIX = "scim_"
_NOTED = timedelta(minutes=5)
_MOST = 20


@dataclass(frozen=True, slots=True)
class NewScimToken:
    """A token and its text, which is shown this once and kept nowhere."""

    row: ScimToken
    text: str = field(repr=False)


class ScimAccess:
    """Proves tokens, within one transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = ScimRows(session)
        self._clock = clock

    async def prove(self, text: str) -> Caller:
        """The provider behind a token in force. Raises `NotSignedIn`; a mistyped one costs no database."""
        try:
            parsed = parse_key(text)
        except MalformedKey:
            raise NotSignedIn("This is no token for provisioning: its checksum does not fit.") from None
        found = await self._rows.find_token(parsed.key_id)
        if found is None or not hmac.compare_digest(found[0].secret_digest, digest(parsed.secret)):
            raise NotSignedIn("There is no such token.")
        token, organisation = found
        now = self._clock.now()
        if token.revoked_at is not None:
            raise NotSignedIn("This token was revoked.")
        if token.expires_at is not None and token.expires_at <= now:
            raise NotSignedIn("This token has expired.")
        if organisation.suspended_at is not None:
            raise OrganisationSuspended(organisation.slug)
        if token.used_at is None or now - token.used_at >= _NOTED:
            token.used_at = now
        return _caller(token, organisation)


class ScimTokens:
    """The tokens and the settings of the caller's organisation, within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ScimRows(session)
        self._standing = StandingRows(session)
        self._roles = ScimRoles(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def make(self, caller: Caller, *, name: str, expires_at: datetime | None) -> NewScimToken:
        """A new token. Whoever has it decides who is in the organisation. Raises `StepUpNeeded`, `Malformed`."""
        self._require_change(caller)
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise Malformed("`expires_at` lies in the past.")
        await self._standing.lock_organisation(caller.organisation_id)
        if await self._rows.count_tokens_in_force(caller.organisation_id, now) >= _MOST:
            raise Malformed(f"The organisation has {_MOST} tokens; revoke one first.")
        token_id = self._ids.new(id_prefix.KEY)
        text = make_key("scim", token_id, self._ids.secret(32))
        row = ScimToken(
            id=token_id,
            organisation_id=caller.organisation_id,
            name=name,
            secret_digest=digest(parse_key(text).secret),
            created_by=caller.actor,
            created_at=now,
            expires_at=expires_at,
        )
        self._rows.add(row)
        await self._tell(caller, row, "made")
        return NewScimToken(row, text)

    async def page(self, caller: Caller, *, after: str | None, limit: int) -> list[ScimToken]:
        """In the order they were made; revoked ones too."""
        caller.require(Permission.USERS_WRITE)
        return await self._rows.list_tokens(caller.organisation_id, after, limit)

    async def revoke(self, caller: Caller, token_id: str) -> None:
        """Out of force with the next request. Again changes nothing. Raises `ScimTokenUnknown`, `StepUpNeeded`."""
        self._require_change(caller)
        found = await self._rows.find_token(token_id)
        if found is None or found[0].organisation_id != caller.organisation_id:
            raise ScimTokenUnknown(f"Your organisation has no token {token_id}.", token=token_id)
        if found[0].revoked_at is None:
            found[0].revoked_at = self._clock.now()
            await self._tell(caller, found[0], "revoked")

    async def settings(self, caller: Caller) -> ScimSettings:
        """What groups mean; the defaults where nobody set anything."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._roles.settings_of(caller.organisation_id)

    async def set(self, caller: Caller, role_of_group: dict[str, Role], default_role: Role) -> ScimSettings:
        """What groups mean from now on, for everybody whose role they give. The same again changes nothing.

        Raises `NotAllowed`, `StepUpNeeded`, `LastAdministrator`.
        """
        self._require_change(caller)
        for role in {*role_of_group.values(), default_role}:
            may_give(caller, role)
        await self._standing.lock_organisation(caller.organisation_id)
        settings = await self._roles.settings_of(caller.organisation_id)
        before = _settings(settings)
        settings.role_of_group = {group: role.value for group, role in role_of_group.items()}
        settings.default_role = default_role.value
        if _settings(settings) != before:
            settings.changed_at = self._clock.now()
            self._rows.add(settings)
            await self._rows.flush()
            news = ScimSettingsChanged(
                by=caller.actor, organisation_id=caller.organisation_id, before=before, after=_settings(settings)
            )
            await self._outbox.add(self._session, news)
            await self._roles.follow(caller, await self._rows.led_people(caller.organisation_id))
        return settings

    def _require_change(self, caller: Caller) -> None:
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())

    async def _tell(self, caller: Caller, token: ScimToken, change: str) -> None:
        news = ScimTokenChanged(
            by=caller.actor, token_id=token.id, organisation_id=token.organisation_id, change=change
        )
        await self._outbox.add(self._session, news)


def _settings(settings: ScimSettings) -> dict[str, object]:
    return {"roles": dict(settings.role_of_group), "default_role": settings.default_role}


def _caller(token: ScimToken, organisation: Organisation) -> Caller:
    return Caller(
        organisation_id=organisation.id,
        organisation_slug=organisation.slug,
        actor=token.id,
        role=Role.SERVICE_ACCOUNT,
        permissions=KEY_SCOPES["scim"],
        is_operator=organisation.is_operator,
    )
