"""Passwords: changing one's own, and a link by mail for whoever forgot theirs.

A new password ends the person's other sessions: whoever changes it because somebody else knew it wants exactly that.
"""

from dataclasses import dataclass
from datetime import timedelta

from mercato.identity.caller import Caller
from mercato.identity.links import LinkTokens
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import PasswordReset, User
from mercato.identity.news import PasswordChanged, PasswordResetAsked
from mercato.identity.people_rows import PeopleRows
from mercato.identity.refusals import NotAllowed, ResetUnknown, WrongPassword
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import HashedSecret
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix

RESET_LIFETIME = timedelta(hours=1)
MOST_RESETS_AN_HOUR = 3
"""Letters to one person: more would only annoy them."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The caller's password, proved before the transaction, and the hash of the new one."""

    proven: User
    new: HashedSecret


class Passwords:
    """Changes of passwords within one transaction. Hashes are made before it."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, links: LinkTokens) -> None:
        self._session = session
        self._rows = PeopleRows(session)
        self._identities = IdentityRepository(session)
        self._ways = LocalWays(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._links = links

    async def change(self, caller: Caller, proof: Proof) -> int:
        """Change the caller's own password; how many other sessions ended. Raises `WrongPassword`, `NotAllowed`."""
        if caller.session_id is None:
            raise NotAllowed("A key has no password; sign in as a person.")
        user = await self._identities.find_user(caller.actor)
        # The password may have been changed since it was proved, by another request.
        if user is None or user.id != proof.proven.id or user.password_hash != proof.proven.password_hash:
            raise WrongPassword("The current password is wrong.")
        return await self._set(user, proof.new, keep=caller.session_id)

    async def ask_for_reset(self, email: str) -> None:
        """A letter with a link, where somebody has this address; the answer is the same where nobody does."""
        user = await self._identities.find_user_by_email(email)
        now = self._clock.now()
        if user is None or user.disabled_at is not None or not await self._ways.may_use_password(user):
            return
        if await self._rows.count_resets_since(user.id, now - timedelta(hours=1)) >= MOST_RESETS_AN_HOUR:
            return
        reset = PasswordReset(
            id=self._ids.new(id_prefix.PASSWORD_RESET),
            user_id=user.id,
            created_at=now,
            expires_at=now + RESET_LIFETIME,
        )
        self._rows.add(reset)
        await self._outbox.add(self._session, PasswordResetAsked(by=user.id, reset_id=reset.id, user_id=user.id))

    async def reset(self, token: str, new: HashedSecret) -> User:
        """Set the password of the person whose link it is; all their sessions end. Raises `ResetUnknown`."""
        found = await self._rows.find_reset(self._links.find_id(token) or "")
        if found is None:
            raise ResetUnknown("This link is mistyped or was not issued here.")
        reset, user = found
        if reset.used_at is not None or reset.expires_at <= self._clock.now() or user.disabled_at is not None:
            raise ResetUnknown("This link was used, replaced by a newer one, or has expired.")
        await self._set(user, new, keep=None)
        return user

    async def forget(self) -> int:
        """Delete links that expired a day ago; how many."""
        return await self._rows.forget_resets(self._clock.now() - timedelta(days=1))

    async def _set(self, user: User, new: HashedSecret, *, keep: str | None) -> int:
        await self._ways.require_password(user)
        now = self._clock.now()
        user.password_hash = new.encoded
        await self._rows.void_resets(user.id, now)
        await self._outbox.add(self._session, PasswordChanged(by=user.id, user_id=user.id))
        return await self._rows.end_sessions(user.id, now, but=keep)
