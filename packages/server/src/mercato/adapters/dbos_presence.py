"""Which workers live, and who goes on with the workflows of those that do not.

Every worker says every few seconds that it lives. Whoever looks next takes over what a silent one left; several may do
so at once, as DBOS hands each workflow to one of them. A worker that was only cut off, and comes back, may have a step
in hand that another one runs too: steps may run twice, and DBOS records what the new owner found.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.platform import Database, Holding, Session, hold_name, let_name_go, list_holdings, note_name

log = structlog.get_logger(__name__)

_PREFIX = "worker/"
_UNKNOWN = "unknown"
_PENDING = text(
    "SELECT DISTINCT executor_id, coalesce(application_version, '') AS version FROM dbos.workflow_status"
    " WHERE status = 'PENDING' AND executor_id IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a worker.

    `unknown` is for one that never gave a sign of life: it may be of a release before this one, at work beside us.
    """

    looks: timedelta = timedelta(seconds=5)
    gone: timedelta = timedelta(seconds=20)
    unknown: timedelta = timedelta(minutes=10)
    remembered: timedelta = timedelta(days=1)


class WorkerPresence:
    """Of the worker that DBOS knows as `executor`, at this version of its workflows."""

    def __init__(
        self,
        database: Database,
        workflows: DbosWorkflows,
        *,
        executor: str,
        version: str,
        patience: Patience | None = None,
    ) -> None:
        self._database = database
        self._workflows = workflows
        self._executor = executor
        self._version = version
        self._holder = f"{version}/{token_hex(8)}"
        self._patience = patience or Patience()

    async def arrive(self) -> None:
        """Say that this worker lives, before it takes up what it left."""
        async with self._database.transaction() as session:
            await hold_name(session, _PREFIX + self._executor, self._holder)

    async def run(self) -> None:
        """Say so again and again, and look after the others; until cancelled."""
        while True:
            await asyncio.sleep(self._patience.looks.total_seconds())
            try:
                await self.look()
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.warning("the other workers could not be looked after", error=str(error))
            except Exception as error:
                log.error("looking after the other workers failed; it is tried again", exc_info=error)

    async def leave(self) -> None:
        """What this worker left unfinished may be taken over at once."""
        async with self._database.transaction() as session:
            await let_name_go(session, _PREFIX + self._executor, self._holder)
            # Known, and gone: nobody waits for it as for one of another release.
            await note_name(session, _PREFIX + self._executor, f"{self._version}/", age=self._patience.gone)

    async def look(self) -> None:
        """Once."""
        async with self._database.transaction() as session:
            before = await hold_name(session, _PREFIX + self._executor, self._holder)
            dead, outdated = await self._find_dead(session)
        if before is not None and before != self._holder:
            fix = "give each worker a host name or a --port of its own"
            log.error("another worker has the name of this one", executor=self._executor, fix=fix)
        if dead:
            log.warning("the workflows of workers that are gone are taken over", workers=sorted(dead))
            await self._workflows.take_over(sorted(dead))
        if outdated:
            log.warning("the workflows of an earlier version's workers are started anew", workers=sorted(outdated))
            await self._workflows.start_anew(sorted(outdated))

    async def _find_dead(self, session: Session) -> tuple[set[str], set[str]]:
        """Dead workers with unfinished workflows: of our version, and of versions that no living worker has."""
        if await session.scalar(text("SELECT to_regclass('dbos.workflow_status')")) is None:
            return set(), set()
        holdings = {each.name.removeprefix(_PREFIX): each for each in await list_holdings(session, _PREFIX)}
        living = {name for name, each in holdings.items() if each.age < self._patience.gone}
        at_work = {holdings[name].holder.partition("/")[0] for name in living}
        pending = [(row.executor_id, row.version) for row in await session.execute(_PENDING)]
        await self._note_unknown(session, {name for name, _ in pending} - holdings.keys())
        gone = [(name, version) for name, version in pending if name in holdings and name not in living]
        await self._forget(session, [each for each in holdings.values() if each.age > self._patience.remembered], gone)
        dead = {name for name, version in gone if version == self._version}
        return dead, {name for name, version in gone if version not in at_work and version != self._version}

    async def _forget(self, session: Session, old: Iterable[Holding], gone: Iterable[tuple[str, str]]) -> None:
        """Workers of containers have another name at each start."""
        waits = {_PREFIX + name for name, _ in gone}
        for each in old:
            if each.name not in waits:
                await let_name_go(session, each.name, each.holder)

    async def _note_unknown(self, session: Session, names: Iterable[str]) -> None:
        """From now on they are waited for."""
        for name in names:
            await note_name(session, _PREFIX + name, _UNKNOWN, age=self._patience.gone - self._patience.unknown)
