"""Passkeys (WebAuthn): added, used to sign in and to prove oneself anew, removed.

A passkey with its authenticator's own check of the person (PIN or body) is two factors, so no code is asked for beside
it. Challenges are random, good for five minutes and for one answer. Source: Web Authentication, Level 3, sections 7.1
and 7.2; the checks are the library's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from mercato.identity.caller import Caller
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import Passkey, PasskeyChallenge, User
from mercato.identity.news import PasskeyChanged
from mercato.identity.passkey_rows import PasskeyRows
from mercato.identity.refusals import NotAllowed, OrganisationSuspended, PasskeyRefused, TooManyPasskeys
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import digest
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix

LIFETIME = timedelta(minutes=5)
MOST_PASSKEYS = 10
_NAME = "Mercato"


@dataclass(frozen=True, slots=True)
class Site:
    """The site that passkeys are bound to: the control API's own address."""

    host: str
    origin: str

    @classmethod
    def of(cls, client_url: str) -> "Site":
        """`client_url` without a closing slash."""
        parts = urlsplit(client_url)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


class Passkeys:
    """Passkeys within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, site: Site) -> None:
        self._session = session
        self._rows = PasskeyRows(session)
        self._identities = IdentityRepository(session)
        self._ways = LocalWays(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._site = site

    async def list_own(self, caller: Caller) -> Sequence[Passkey]:
        """The caller's own. Raises `NotAllowed` for a key."""
        return await self._rows.list_of(_person(caller))

    async def begin_adding(self, caller: Caller) -> dict[str, Any]:
        """The options for `navigator.credentials.create`. Raises `StepUpNeeded`, `TooManyPasskeys`."""
        from webauthn import generate_registration_options
        from webauthn.helpers import options_to_json_dict
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        user, known = await self._user(caller), await self._rows.list_of(_person(caller))
        caller.require_recent_proof(self._clock.now())
        if len(known) >= MOST_PASSKEYS:
            raise TooManyPasskeys(f"A person can have {MOST_PASSKEYS} passkeys.")
        options = generate_registration_options(
            rp_id=self._site.host,
            rp_name=_NAME,
            user_id=user.id.encode(),
            user_name=user.email,
            user_display_name=user.name,
            challenge=self._challenge(user.id),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
        )
        return options_to_json_dict(options)

    async def add(self, caller: Caller, name: str, credential: Mapping[str, Any]) -> Passkey:
        """The passkey that answers the options. Raises `PasskeyRefused`, `StepUpNeeded`."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        user_id = _person(caller)
        caller.require_recent_proof(self._clock.now())
        challenge = await self._take_challenge(credential, user_id)
        try:
            verified = verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._site.host,
                expected_origin=self._site.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise PasskeyRefused(f"The authenticator's answer is not valid: {type(error).__name__}.") from None
        if await self._rows.find_credential(verified.credential_id) is not None:
            raise PasskeyRefused("This passkey is known already.")
        passkey = Passkey(
            id=self._ids.new(id_prefix.PASSKEY),
            user_id=user_id,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=name,
            created_at=self._clock.now(),
        )
        self._rows.add(passkey)
        await self._tell(caller, passkey, "added")
        return passkey

    async def remove(self, caller: Caller, passkey_id: str) -> None:
        """It no longer signs anybody in. Raises `NotFound`, `StepUpNeeded`."""
        user_id = _person(caller)
        caller.require_recent_proof(self._clock.now())
        passkey = await self._rows.find(passkey_id)
        if passkey is None or passkey.user_id != user_id:
            raise NotFound(f"You have no passkey {passkey_id}.")
        await self._rows.delete(passkey)
        await self._tell(caller, passkey, "removed")

    def begin_signing_in(self) -> dict[str, Any]:
        """The options for `navigator.credentials.get`; they say nothing of who has an account."""
        from webauthn import generate_authentication_options
        from webauthn.helpers import options_to_json_dict
        from webauthn.helpers.structs import UserVerificationRequirement

        options = generate_authentication_options(
            rp_id=self._site.host,
            challenge=self._challenge(None),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    async def prove(self, credential: Mapping[str, Any]) -> User:
        """The person whose passkey answers the options. Raises `PasskeyRefused`, `PasswordsSwitchedOff`."""
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        challenge = await self._take_challenge(credential, None)
        passkey = await self._rows.find_credential(_credential_id(credential))
        user = None if passkey is None else await self._identities.find_user(passkey.user_id)
        if passkey is None or user is None or user.disabled_at is not None:
            raise PasskeyRefused("No person who may sign in has this passkey.")
        try:
            verified = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._site.host,
                expected_origin=self._site.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise PasskeyRefused(f"The authenticator's answer is not valid: {type(error).__name__}.") from None
        await self._require_standing(user)
        passkey.sign_count, passkey.used_at = verified.new_sign_count, self._clock.now()
        return user

    async def forget(self) -> int:
        """Delete challenges that nobody answered; how many."""
        return await self._rows.forget_challenges(self._clock.now())

    async def _require_standing(self, user: User) -> None:
        organisation = await self._identities.find_organisation(user.organisation_id)
        if organisation is None or organisation.suspended_at is not None:
            raise OrganisationSuspended("" if organisation is None else organisation.slug)
        # A passkey is a way in beside the organisation's identity provider, as a password is.
        await self._ways.require_password(user)

    def _challenge(self, user_id: str | None) -> bytes:
        challenge = self._ids.secret(32)
        row = PasskeyChallenge(digest=digest(challenge.hex()), user_id=user_id, expires_at=self._clock.now() + LIFETIME)
        self._rows.add(row)
        return challenge

    async def _take_challenge(self, credential: Mapping[str, Any], user_id: str | None) -> bytes:
        challenge = _challenge_of(credential)
        row = await self._rows.take_challenge(digest(challenge.hex()), self._clock.now())
        if row is None or row.user_id != user_id:
            raise PasskeyRefused("The answer came twice, too late, or was not asked for.")
        return challenge

    async def _user(self, caller: Caller) -> User:
        user = await self._identities.find_user(_person(caller))
        assert user is not None
        return user

    async def _tell(self, caller: Caller, passkey: Passkey, change: str) -> None:
        news = PasskeyChanged(by=caller.actor, passkey_id=passkey.id, user_id=passkey.user_id, change=change)
        await self._outbox.add(self._session, news)


def _challenge_of(credential: Mapping[str, Any]) -> bytes:
    """The challenge that an answer says it signed; whether it did is checked afterwards."""
    from webauthn.helpers import base64url_to_bytes

    try:
        signed = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(signed["challenge"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise PasskeyRefused("The answer is not one of an authenticator.") from None


def _credential_id(credential: Mapping[str, Any]) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(credential["rawId"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PasskeyRefused("The answer is not one of an authenticator.") from None


def _person(caller: Caller) -> str:
    if caller.session_id is None:
        raise NotAllowed("A key has no passkey; sign in as a person.")
    return caller.actor
