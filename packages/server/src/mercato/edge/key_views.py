"""A key as lists show it, with the names beside the ids."""

from collections.abc import Sequence

from mercato.edge.names import Names
from mercato.identity import Actors, Key, names_of_accounts
from mercato.metering import use_of_keys
from mercato.platform import Clock, Session
from mercato_contracts.identity import HeldService, KeyView


async def view_keys(session: Session, clock: Clock, keys: Sequence[Key]) -> list[KeyView]:
    """With who made each, when it called last, and what it is held to."""
    owners = {key.organisation_id for key in keys}
    use = await use_of_keys(session, clock, key_ids=[key.id for key in keys], consumer_ids=owners) if keys else {}
    makers = await Actors(session).find({key.created_by for key in keys})
    accounts = await names_of_accounts(session, {key.service_account_id for key in keys})
    held = {service for key in keys for service in key.held_services}
    names = await Names(session).services(held) if held else {}
    return [
        KeyView(
            id=key.id,
            kind="ck" if key.kind == "ck" else "vk",
            name=key.name,
            scopes=key.scopes,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            rotated_to=key.rotated_to,
            created_by=key.created_by,
            created_by_name=makers[key.created_by].name if key.created_by in makers else "",
            service_account_id=key.service_account_id,
            service_account_name=accounts.get(key.service_account_id or "", ""),
            last_used_at=use[key.id].last_used_at if key.id in use else None,
            services=[HeldService(id=each, name=names.get(each, "")) for each in key.held_services],
            addresses=key.held_addresses,
        )
        for key in keys
    ]
