"""Who stands behind an id: people, service accounts, keys, tokens and organisations, of any organisation."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mercato.identity.actor_rows import ActorRows
from mercato.platform import Session
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something with an id."""

    id: str
    kind: Literal["user", "key", "service_account", "organisation"]
    name: str
    organisation_id: str


class Actors:
    """Looks ids up for rooms that may know of everybody."""

    def __init__(self, session: Session) -> None:
        self._rows = ActorRows(session)

    async def find(self, ids: Collection[str]) -> dict[str, Actor]:
        """Those of these ids that exist; a question for each kind that is among them."""
        found: dict[str, Actor] = {}
        by_prefix = {prefix: [each for each in ids if each.startswith(f"{prefix}_")] for prefix in _PREFIXES}
        if users := by_prefix[id_prefix.USER]:
            found |= {row[0]: Actor(row[0], "user", row[1], row[2]) for row in await self._rows.users(users)}
        if keys := by_prefix[id_prefix.KEY]:
            rows = await self._rows.keys(keys)
            found |= {row[0]: Actor(row[0], "key", row[1], row[2]) for row in rows}
        if accounts := by_prefix[id_prefix.SERVICE_ACCOUNT]:
            rows = await self._rows.service_accounts(accounts)
            found |= {row[0]: Actor(row[0], "service_account", row[1], row[2]) for row in rows}
        if organisations := by_prefix[id_prefix.ORGANISATION]:
            rows = await self._rows.organisations(organisations)
            found |= {row[0]: Actor(row[0], "organisation", row[1], row[2]) for row in rows}
        return found

    async def operator_ids(self) -> set[str]:
        """The organisations of operators."""
        return await self._rows.operator_ids()


_PREFIXES = (id_prefix.USER, id_prefix.KEY, id_prefix.SERVICE_ACCOUNT, id_prefix.ORGANISATION)
