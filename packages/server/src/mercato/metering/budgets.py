"""Budgets: caps that an organisation sets on itself or on one of its keys, in money, requests or tokens."""

from dataclasses import dataclass
from typing import Literal, cast

from mercato.identity import Caller, Key, Permission
from mercato.metering.counters import Counters, Level
from mercato.metering.models import Budget
from mercato.metering.refusals import BudgetKeyUnknown, BudgetNotFound
from mercato.metering.repository import UsageRepository
from mercato.platform import Clock, Outbox, Session
from mercato_contracts.dataplane import Limit, LimitUnit, LimitWindow

BudgetUnit = Literal["nanos", "requests", "tokens"]
BudgetWindow = Literal["minute", "day", "month"]


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget and how much of it is gone in its present window."""

    budget: Budget
    level: Level


class Budgets:
    """The caller's organisation's own caps. People with the right to make keys set them; a key cannot."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox, counters: Counters) -> None:
        self._session = session
        self._rows = UsageRepository(session)
        self._clock = clock
        self._outbox = outbox
        self._counters = counters

    async def put(
        self, caller: Caller, *, key_id: str | None, unit: BudgetUnit, window: BudgetWindow, cap: int
    ) -> BudgetState:
        """Set or change a cap. `unit` nanos counts nano-units of whatever currency the plans are in."""
        caller.require(Permission.KEYS_WRITE)
        if key_id is not None:
            await self._check_key(caller, key_id)
        budget = Budget(
            scope=budget_scope(caller.organisation_id, key_id, unit, window),
            organisation_id=caller.organisation_id,
            key_id=key_id,
            unit=unit,
            window=window,
            cap=cap,
            set_by=caller.actor,
            set_at=self._clock.now(),
        )
        await self._rows.put_budget(budget)
        await self._tell(caller)
        return (await self._with_levels([budget]))[0]

    async def list_all(self, caller: Caller) -> list[BudgetState]:
        """Every budget of the organisation and its keys."""
        caller.require(Permission.USAGE_READ)
        return await self._with_levels(await self._rows.budgets_of(caller.organisation_id))

    async def drop(self, caller: Caller, scope: str) -> None:
        """The cap is no more. Raises `BudgetNotFound`."""
        caller.require(Permission.KEYS_WRITE)
        if not await self._rows.drop_budget(caller.organisation_id, scope):
            raise BudgetNotFound(f"Your organisation has no budget {scope}.", scope=scope)
        await self._tell(caller)

    async def _with_levels(self, budgets: list[Budget]) -> list[BudgetState]:
        levels = await self._counters.read([budget_limit(budget) for budget in budgets])
        return [BudgetState(budget, level) for budget, level in zip(budgets, levels, strict=True)]

    async def _check_key(self, caller: Caller, key_id: str) -> None:
        key = await self._session.get(Key, key_id)
        if key is None or key.organisation_id != caller.organisation_id:
            raise BudgetKeyUnknown(f"Your organisation has no key {key_id}.", key=key_id)

    async def _tell(self, caller: Caller) -> None:
        await self._outbox.add(self._session, "budget.changed", organisation_id=caller.organisation_id)


class SetBudgets:
    """What other rooms may ask about budgets."""

    def __init__(self, session: Session) -> None:
        self._rows = UsageRepository(session)

    async def of(self, organisation_id: str, key_id: str) -> list[Limit]:
        """The caps of the organisation itself and of this key."""
        budgets = await self._rows.budgets_of(organisation_id)
        return [budget_limit(budget) for budget in budgets if budget.key_id in (None, key_id)]

    async def find(self, scopes: set[str]) -> list[Limit]:
        """The caps behind these scopes; unknown ones are left out."""
        return [budget_limit(budget) for budget in await self._rows.budgets(scopes)]


def budget_scope(organisation_id: str, key_id: str | None, unit: BudgetUnit, window: BudgetWindow) -> str:
    """`consumer:org_…:nanos:month` or `key:key_…:requests:minute`."""
    subject = f"key:{key_id}" if key_id is not None else f"consumer:{organisation_id}"
    return f"{subject}:{unit}:{window}"


def budget_limit(budget: Budget) -> Limit:
    """The budget as a limit; one of a minute is a bucket of its own size."""
    window = cast(LimitWindow, budget.window)
    return Limit(
        scope=budget.scope,
        unit=cast(LimitUnit, budget.unit),
        window=window,
        cap=budget.cap,
        burst=budget.cap if window == "minute" else 0,
    )
