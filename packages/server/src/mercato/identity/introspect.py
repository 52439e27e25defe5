"""Whether a key or a token is in force, for those who are shown it: token introspection as RFC 7662 means it."""

from mercato.identity.authentication import TOKEN_PREFIX, Authentication
from mercato.identity.caller import Caller
from mercato.identity.deployment_tokens import ProvenToken
from mercato.identity.models import Key
from mercato.identity.refusals import NotSignedIn
from mercato.identity.repository import IdentityRepository
from mercato.platform import Session
from mercato_contracts.keys import MalformedKey, parse_key


class KeyIntrospection:
    """Answers an organisation about its own keys and tokens, the operator about all."""

    def __init__(self, session: Session, authentication: Authentication) -> None:
        self._rows = IdentityRepository(session)
        self._authentication = authentication

    async def may_know_of_key(self, caller: Caller, text: str) -> bool:
        """Whether `text` looks like a key of the caller's organisation, or the caller is the operator."""
        if text.startswith(TOKEN_PREFIX):
            return False
        try:
            row = await self._rows.find_key(parse_key(text).key_id)
        except MalformedKey:
            return False
        return row is not None and (caller.is_operator or row.organisation_id == caller.organisation_id)

    async def find(self, caller: Caller, text: str) -> Key | ProvenToken | None:
        """What `text` is, where it is in force; `None` whatever else the reason, another organisation's too.

        Whose key it is is seen before its secret is tried: nobody can learn of others' keys, nor spend our time on it.
        """
        if text.startswith(TOKEN_PREFIX):
            return await self._find_token(caller, text)
        if not await self.may_know_of_key(caller, text):
            return None
        try:
            return await self._authentication.prove_key(text)
        except NotSignedIn:
            return None

    async def _find_token(self, caller: Caller, text: str) -> ProvenToken | None:
        try:
            token = await self._authentication.prove_token(text)
        except NotSignedIn:
            return None
        return token if caller.is_operator or token.organisation_id == caller.organisation_id else None
