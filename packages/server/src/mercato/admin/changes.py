"""Changes without news of a room: the edge records them from the request."""

from collections.abc import Mapping

from mercato.admin.news import RequestServed
from mercato.platform import Outbox, RequestContext, Session


async def tell_change(
    session: Session,
    outbox: Outbox,
    context: RequestContext,
    *,
    verb: str,
    operation: str,
    subject_id: str,
    names: Mapping[str, str],
) -> None:
    """Tell of what a request did, in the transaction of the change.

    `verb` is `noun.verb`; `names` are the parameters of the address.
    """
    news = RequestServed(
        by=context.actor,
        verb=verb,
        operation=operation,
        subject_type=verb.partition(".")[0],
        subject_id=subject_id,
        organisation_id=context.organisation_id,
        after=dict(names) or None,
    )
    await outbox.add(session, news)
