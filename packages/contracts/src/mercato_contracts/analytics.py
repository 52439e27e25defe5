"""How the marketplace grows, for its operator: reports that are made every hour and read as they are."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.fields import CurrencyCode
from mercato_contracts.wire import Wire


class CohortMoney(Wire):
    """What a cohort was charged, in one currency."""

    currency: CurrencyCode
    nanos: list[int] = Field(description="In nano-units, month by month from the cohort's own on")


class Cohort(Wire):
    """Consumers whose first call was in one month."""

    month: date = Field(description="The month's first day, UTC")
    size: int = Field(description="How many consumers they are")
    active: list[int] = Field(description="How many of them called, month by month from their own on")
    charged: list[CohortMoney] = Field(description="What they were charged, one for each currency")


class WeekKept(Wire):
    """Consumers who called in one week, beside those of the week before."""

    week: date = Field(description="The week's Monday, UTC; the last week may not be over")
    active: int = Field(description="Consumers who called")
    kept: int = Field(description="Those of them who had called the week before")
    new: int = Field(description="Those who called for the first time")
    returned: int = Field(description="Those who had called before, but not the week before")
    lost: int = Field(description="Those who had called the week before and not in this one")
    kept_bp: int | None = Field(description="Of the week before, in basis points; null where nobody called in it")


class FunnelMonth(Wire):
    """Services that were submitted for the first time in one month, and how far they came since."""

    month: date = Field(description="The month's first day, UTC")
    submitted: int = Field(description="Services that were submitted")
    released: int = Field(description="Those of them that were released")
    called: int = Field(description="Those of them that others than their vendor have called")
    release_seconds: int | None = Field(description="Median time from the submission to the release; null: none yet")
    call_seconds: int | None = Field(description="Median time from the release to the first call; null: none yet")


class UsedDay(Wire):
    """One day's usage, UTC."""

    day: date = Field(description="The day, UTC")
    calls: int = Field(description="Calls")
    charged_nanos: int = Field(description="What they were charged, in nano-units")


class ExpectedDay(Wire):
    """A day ahead: the average of the same weekdays of the last weeks, the least and the most of them."""

    day: date = Field(description="The day, UTC; today is the first one")
    calls: int = Field(description="Calls that are expected")
    calls_low: int = Field(description="The fewest of these weekdays")
    calls_high: int = Field(description="The most of these weekdays")
    charged_nanos: int = Field(description="What is expected to be charged, in nano-units")
    charged_nanos_low: int = Field(description="The least of these weekdays, in nano-units")
    charged_nanos_high: int = Field(description="The most of these weekdays, in nano-units")


class CurrencyForecast(Wire):
    """Usage in one currency: 56 days that are over, and 28 ahead."""

    currency: CurrencyCode
    weeks: int = Field(description="Whole weeks of usage that the forecast goes by, at most 8; 0: too young for one")
    days: list[UsedDay] = Field(description="The days that are over, the oldest first")
    ahead: list[ExpectedDay] = Field(description="The days ahead; empty where usage is younger than a week")


class Mover(Wire):
    """A consumer or a service whose last seven days differ from the seven before."""

    kind: Literal["consumer", "service"] = Field(description="What moved")
    id: str = Field(description="The id of the organisation or service")
    name: str = Field(description="Its name; empty where it is gone")
    currency: CurrencyCode
    calls: int = Field(description="Calls in the last seven days")
    calls_before: int = Field(description="Calls in the seven days before")
    charged_nanos: int = Field(description="Charged in the last seven days, in nano-units")
    charged_before_nanos: int = Field(description="Charged in the seven days before, in nano-units")


class MonthTaken(Wire):
    """What the marketplace earned in one month and currency, by its ledger."""

    month: date = Field(description="The month's first day, UTC")
    currency: CurrencyCode
    charged_nanos: int = Field(description="What consumers were charged, fees and adjustments included, in nano-units")
    taken_nanos: int = Field(description="The marketplace's share of it, in nano-units")
    taken_bp: int | None = Field(description="The share in basis points; null where nothing was charged")


class MissedSearch(Wire):
    """Words that found nothing that fits in the last four weeks."""

    words: str | None = Field(
        description="The words, without capitals; null for all together that fewer than three askers used, or that "
        "look like an address, a number or a secret"
    )
    searches: int = Field(description="How many searches")
    askers: int = Field(description="How many asked; somebody who asked in two months counts twice")
    last_on: date = Field(description="The last day that somebody searched for them, UTC")


class RefusedCode(Wire):
    """How often access was refused with one code."""

    code: str = Field(description="The code; `mp explain CODE` says what it means")
    refusals: int = Field(description="Refusals in the last seven days, today included")
    refusals_before: int = Field(description="Refusals in the seven days before")


class AnalyticsView(Wire):
    """All reports, as they were made last."""

    made_at: datetime | None = Field(description="When they were made, UTC; null before the first time")
    until: datetime | None = Field(description="What came later is in none of them, UTC")
    digest: str = Field(description="SHA-256 of what they were made from: the same inputs give the same reports")
    cohorts: list[Cohort] = Field(description="Twelve months of new consumers")
    retention: list[WeekKept] = Field(description="Eleven weeks")
    funnel: list[FunnelMonth] = Field(description="Twelve months of new services, months without one left out")
    forecast: list[CurrencyForecast] = Field(description="One for each currency")
    movers: list[Mover] = Field(description="Ten of each kind and currency at most, the largest difference first")
    take: list[MonthTaken] = Field(description="Twelve months")
    searches: list[MissedSearch] = Field(
        default=[],
        description="Searches without results: 50 at most, the most wanted first, then all the others in one",
    )
    refusals: list[RefusedCode] = Field(
        default=[], description="Refusals of access (401, 403 and slowed attempts) by code, the most frequent first"
    )
