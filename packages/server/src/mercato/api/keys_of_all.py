"""The keys of every organisation, for operators: who made each, when it was used last, what it costs."""

from typing import Annotated

from fastapi import APIRouter, Query

from mercato.edge.caller import SignedIn
from mercato.edge.names import Called
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actor, Actors, Directory, Key, Keys
from mercato.metering import KeyUse, use_of_keys
from mercato_contracts.identity import HeldService
from mercato_contracts.standing import KeyOfAnyone, KeyOfAnyonePage

router = APIRouter(prefix="/api", tags=["operator"], route_class=TransactionalRoute)


@router.get("/marketplace/keys", summary="The keys of every organisation (operator)")
async def list_keys_of_all(
    caller: SignedIn,
    session: Transaction,
    parts: Parts,
    called: Called,
    organisation: Annotated[str | None, Query(max_length=64, description="Its short name: only its keys")] = None,
    after: After = None,
    limit: PageSize = 50,
) -> KeyOfAnyonePage:
    """In the order they were made, revoked and expired ones too. Use is read from the sums of quarter hours."""
    desk = Keys(session, parts.clock, parts.ids, parts.hasher, parts.outbox)
    owner = None if organisation is None else (await Directory(session).get_by_slug(organisation)).id
    keys = await desk.list_everyone(caller, organisation_id=owner, after=after, limit=limit)
    owners = {key.organisation_id for key in keys}
    use = await use_of_keys(session, parts.clock, key_ids=[key.id for key in keys], consumer_ids=owners)
    makers = await Actors(session).find({key.created_by for key in keys})
    names = await called.organisations(owners)
    held = await called.services({service for key in keys for service in key.held_services})
    items = [view_key_of_anyone(key, names, makers, use.get(key.id), held) for key in keys]
    return KeyOfAnyonePage(items=items, next=Page.of(keys, limit).next)


def view_key_of_anyone(
    key: Key, names: dict[str, str], makers: dict[str, Actor], use: KeyUse | None, held: dict[str, str]
) -> KeyOfAnyone:
    """The key with its owner, its maker and its use."""
    maker = makers.get(key.created_by)
    return KeyOfAnyone(
        id=key.id,
        kind=key.kind,
        name=key.name,
        organisation_id=key.organisation_id,
        organisation=names.get(key.organisation_id, ""),
        created_by=key.created_by,
        created_by_name="" if maker is None else maker.name,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        scopes=key.scopes,
        services=[HeldService(id=each, name=held.get(each, "")) for each in key.held_services],
        addresses=key.held_addresses,
        last_used_at=None if use is None else use.last_used_at,
        month_calls=0 if use is None else use.month_calls,
        month_nanos={} if use is None else use.month_nanos,
    )
