"""Budgets: caps that an organisation sets on itself, its keys or its services, in money, requests, tokens or calls
at once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from mercato.identity import Caller, Directory, Key, Permission, newest_keys
from mercato.metering.counters import Counters, Level
from mercato.metering.models import Budget
from mercato.metering.news import BudgetChanged
from mercato.metering.refusals import BudgetKeyUnknown, BudgetNotFound
from mercato.metering.repository import UsageRepository
from mercato.platform import Clock, Outbox, Session
from mercato_contracts.dataplane import Limit, LimitUnit, LimitWindow

BudgetUnit = Literal["nanos", "requests", "tokens", "concurrent"]
BudgetWindow = Literal["second", "minute", "day", "month", "ever"]
BudgetSide = Literal["consumer", "vendor"]


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget and how much of it is gone in its present window; `key_id` is the newest key that it caps."""

    budget: Budget
    level: Level
    key_id: str | None


class Budgets:
    """The caller's organisation's own caps. People with the right to make keys set them; a key cannot."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox, counters: Counters) -> None:
        self._session = session
        self._rows = UsageRepository(session)
        self._clock = clock
        self._outbox = outbox
        self._counters = counters

    async def put(
        self,
        caller: Caller,
        *,
        key_id: str | None,
        unit: BudgetUnit,
        window: BudgetWindow,
        cap: int,
        side: BudgetSide = "consumer",
    ) -> BudgetState:
        """Set or change a cap. `unit` nanos counts nano-units of whatever currency the plans are in.

        On the vendor's `side` it counts all calls of the organisation's services.
        """
        caller.require(Permission.KEYS_WRITE)
        lineage_id = None if key_id is None else await self._lineage_of(caller, key_id)
        budget = Budget(
            scope=budget_scope(caller.organisation_id, lineage_id, unit, window, side),
            organisation_id=caller.organisation_id,
            key_id=lineage_id,
            unit=unit,
            window=window,
            cap=cap,
            set_by=caller.actor,
            set_at=self._clock.now(),
        )
        await self._rows.put_budget(budget)
        await self._tell(caller, budget.scope)
        return (await self._with_levels([budget]))[0]

    async def list_all(self, caller: Caller) -> list[BudgetState]:
        """Every budget of the organisation and its keys."""
        caller.require(Permission.USAGE_READ)
        return await self._with_levels(await self._rows.budgets_of(caller.organisation_id))

    async def drop(self, caller: Caller, scope: str) -> None:
        """Remove the cap. `scope` may name any key of the lineage. Raises `BudgetNotFound`, `BudgetKeyUnknown`."""
        caller.require(Permission.KEYS_WRITE)
        kind, _, rest = scope.partition(":")
        if kind == "key":
            key_id, _, counted = rest.partition(":")
            scope = f"key:{await self._lineage_of(caller, key_id)}:{counted}"
        if not await self._rows.drop_budget(caller.organisation_id, scope):
            raise BudgetNotFound(f"Your organisation has no budget {scope}.", scope=scope)
        await self._tell(caller, scope)

    async def _with_levels(self, budgets: list[Budget]) -> list[BudgetState]:
        levels = await self._counters.read([budget_limit(budget) for budget in budgets])
        newest = await newest_keys(self._session, {budget.key_id for budget in budgets if budget.key_id is not None})
        return [
            BudgetState(budget, level, key_id=newest.get(budget.key_id or ""))
            for budget, level in zip(budgets, levels, strict=True)
        ]

    async def _lineage_of(self, caller: Caller, key_id: str) -> str:
        lineage_id = await Directory(self._session).find_lineage(caller.organisation_id, key_id)
        if lineage_id is None:
            raise BudgetKeyUnknown(f"Your organisation has no key {key_id}.", key=key_id)
        return lineage_id

    async def _tell(self, caller: Caller, scope: str) -> None:
        side: BudgetSide = "vendor" if scope.startswith("vendor:") else "consumer"
        news = BudgetChanged(by=caller.actor, organisation_id=caller.organisation_id, side=side)
        await self._outbox.add(self._session, news)


class SetBudgets:
    """What other rooms may ask about budgets."""

    def __init__(self, session: Session) -> None:
        self._rows = UsageRepository(session)

    async def of(self, key: Key) -> list[Limit]:
        """The caps of the key's organisation and of its lineage: keys that share a lineage share one count."""
        budgets = await self._rows.budgets_of(key.organisation_id)
        own = (f"consumer:{key.organisation_id}:", f"key:{key.lineage_id}:")
        return [budget_limit(budget) for budget in budgets if budget.scope.startswith(own)]

    async def of_vendors(self, vendor_ids: Collection[str]) -> dict[str, list[Limit]]:
        """What vendors allow all calls of their services together, by vendor."""
        limits: dict[str, list[Limit]] = {vendor_id: [] for vendor_id in vendor_ids}
        for budget in await self._rows.budgets_of_vendors(vendor_ids):
            limits[budget.organisation_id].append(budget_limit(budget))
        return limits

    async def find(self, scopes: set[str]) -> list[Limit]:
        """The caps behind these scopes; unknown ones are left out."""
        return [budget_limit(budget) for budget in await self._rows.budgets(scopes)]


def budget_scope(
    organisation_id: str, lineage_id: str | None, unit: BudgetUnit, window: BudgetWindow, side: BudgetSide = "consumer"
) -> str:
    """`consumer:org_…:nanos:month`, `key:key_…:requests:minute` or `vendor:org_…:requests:day`."""
    subject = f"key:{lineage_id}" if lineage_id is not None else f"{side}:{organisation_id}"
    return f"{subject}:{unit}:{window}"


def budget_limit(budget: Budget) -> Limit:
    """The budget as a limit; one of a second or minute is a bucket of its own size."""
    window = cast(LimitWindow, budget.window)
    return Limit(
        scope=budget.scope,
        unit=cast(LimitUnit, budget.unit),
        window=window,
        cap=budget.cap,
        burst=budget.cap if window in ("second", "minute") else 0,
    )
