"""Whether a key is in force, for those who are shown it: token introspection as RFC 7662 means it."""

from mercato.identity.authentication import Authentication
from mercato.identity.caller import Caller
from mercato.identity.models import Key
from mercato.identity.refusals import NotSignedIn
from mercato.identity.repository import IdentityRepository
from mercato.platform import Session
from mercato_contracts.keys import MalformedKey, parse_key


class KeyIntrospection:
    """Answers an organisation about its own keys, the operator about all."""

    def __init__(self, session: Session, authentication: Authentication) -> None:
        self._rows = IdentityRepository(session)
        self._authentication = authentication

    async def find(self, caller: Caller, text: str) -> Key | None:
        """The key `text`, where it is in force; `None` whatever else the reason, another organisation's key too.

        Whose key it is is seen before its secret is tried: nobody can learn of others' keys, nor spend our time on it.
        """
        try:
            row = await self._rows.find_key(parse_key(text).key_id)
        except MalformedKey:
            return None
        if row is None or not (caller.is_operator or row.organisation_id == caller.organisation_id):
            return None
        try:
            return await self._authentication.prove_key(text)
        except NotSignedIn:
            return None
