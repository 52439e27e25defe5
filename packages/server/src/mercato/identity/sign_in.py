"""A person signed in: news once for each new session, whichever way it began."""

from datetime import datetime

from mercato.identity.news import SignedIn
from mercato.identity.tokens import AccessTokens
from mercato.platform import Outbox, Session


async def tell_sign_in(
    session: Session, outbox: Outbox, tokens: AccessTokens, access_token: str, now: datetime
) -> None:
    """Tell of the session that this access token belongs to; it was made in this transaction."""
    claims = tokens.check(access_token, now)
    await outbox.add(session, SignedIn(by=claims.user_id, session_id=claims.session_id))
