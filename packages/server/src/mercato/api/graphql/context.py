"""What the fields of one request share: the caller, the transaction, and one loader for each kind of row."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext

from mercato.edge.holds import authenticated
from mercato.edge.live_changes import LiveChanges
from mercato.edge.names import Names
from mercato.edge.viewing import refuse_while_viewing
from mercato.edge.wiring import Wiring
from mercato.identity import Caller, Directory, Organisation
from mercato.platform import Session
from mercato.publishing import Approval, Catalogue, Evidence, Oversight, Release, Service, Submission, Vote

_Row = TypeVar("_Row")
Note = Callable[[str, str], Awaitable[None]]
"""Tells the audit log of an operation of the API, by its name, and of what it changed."""


class Asked(BaseContext):
    """One request. Fields are resolved side by side, but a transaction answers one question at a time."""

    def __init__(self, caller: Caller, session: Session, wiring: Wiring, note: Note) -> None:
        super().__init__()
        self.note = note
        self.caller = caller
        self.wiring = wiring
        self.oversight = Oversight(session)
        self.names = Names(session)
        self._session = session
        self._turn = asyncio.Lock()
        self.organisations: DataLoader[str, Organisation | None] = self._loader(self._organisations)
        self.services: DataLoader[str, Service | None] = self._loader(self._services)
        self.releases: DataLoader[str, list[Release] | None] = self._loader(self.oversight.releases)
        self.submissions: DataLoader[str, Submission | None] = self._loader(self._submissions)
        self.evidence: DataLoader[str, list[Evidence] | None] = self._loader(self.oversight.evidence)
        self.approvals: DataLoader[str, tuple[Approval, list[Vote]] | None] = self._loader(self.oversight.approvals)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Session]:
        """The transaction, for one question."""
        async with self._turn:
            yield self._session

    def _loader(self, find: Callable[[Sequence[str]], Awaitable[dict[str, _Row]]]) -> "DataLoader[str, _Row | None]":
        async def load(keys: list[str]) -> Sequence[_Row | BaseException | None]:
            async with self.turn():
                found = await find(keys)
            return [found.get(key) for key in keys]

        return DataLoader(load_fn=load)

    async def _organisations(self, ids: Sequence[str]) -> dict[str, Organisation]:
        return {one.id: one for one in await Directory(self._session).find_many(set(ids))}

    async def _services(self, ids: Sequence[str]) -> dict[str, Service]:
        return {one.id: one for one in await Catalogue(self._session).find_services(set(ids))}

    async def _submissions(self, ids: Sequence[str]) -> dict[str, Submission]:
        return await self.oversight.submissions(self.caller, set(ids))


class Listening(BaseContext):
    """One connection that listens. Nothing of the database is held meanwhile."""

    def __init__(self, wiring: Wiring, live: LiveChanges, place: HTTPConnection, credential: str = "") -> None:
        super().__init__()
        self.connection_params: Any = None
        self.wiring = wiring
        self.live = live
        self.place = place
        self.credential = credential

    async def authenticate(self) -> Caller:
        """Who listens, as of now. Raises `NotSignedIn`."""
        async with self.wiring.database.transaction() as session:
            caller = await authenticated(self.place, self.wiring, session, self.credential)
        refuse_while_viewing(self.place, caller)
        return caller
