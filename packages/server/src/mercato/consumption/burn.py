"""How fast an error budget burns, in whole numbers, and when to alert.

Source: Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs", approach 6, multiwindow, multi-burn-rate
alerts (table 5-8): an alert is on while its rule burns too fast over a long window and still does over a short one, a
twelfth as long. A budget for 30 days that burns 14.4 times too fast loses 2 % in one hour; at 6 times, 5 % in six
hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from mercato.consumption.health import Health
from mercato.metering import BOUNDS_US

Severity = Literal["fast", "slow"]
Objective = Literal["availability", "latency"]

LATENCY_BUDGET_BP = 500
"""Of a p95 target five answers in a hundred may be slower."""
# One failure among three calls is a burn rate of hundreds and tells nothing (the workbook, "Low-traffic services").
_LEAST_BAD = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """On while both windows burn more than `tenths` / 10 times as fast as the budget allows."""

    severity: Severity
    long: timedelta
    short: timedelta
    tenths: int


RULES = (
    Rule("fast", timedelta(hours=1), timedelta(minutes=5), 144),
    Rule("slow", timedelta(hours=6), timedelta(minutes=30), 60),
)
WINDOWS = tuple(sorted({span for rule in RULES for span in (rule.long, rule.short)}))


@dataclass(frozen=True, slots=True)
class Counted:
    """Calls, and how many of them burn the budget."""

    calls: int
    bad: int

    def burns(self, budget_bp: int, tenths: int) -> bool:
        """Whether more than `tenths` / 10 times the budget's share of these calls was bad."""
        return self.bad * 100_000 > tenths * self.calls * budget_bp

    def burn_hundredths(self, budget_bp: int) -> int:
        """The burn rate in hundredths, rounded down: 100 uses up the budget exactly at the end of its period."""
        return self.bad * 1_000_000 // (self.calls * budget_bp) if self.calls else 0


def count(health: Health, objective: Objective, p95_target_us: int = 0) -> Counted:
    """What counts for an objective. An answer counts as slow where its whole bucket lies above the target."""
    if objective == "availability":
        return Counted(health.calls, health.failed)
    floors = (0, *BOUNDS_US)
    slow = sum(n for floor, n in zip(floors, health.latency, strict=True) if floor >= p95_target_us)
    return Counted(sum(health.latency), slow)


def judge(rule: Rule, windows: Mapping[timedelta, Counted], budget_bp: int, *, is_on: bool) -> bool:
    """Whether the alert is active now.

    It becomes active when both windows burn too fast and at least five calls were bad. It ends when the long window no
    longer burns, or the short one has calls and does not: the absence of calls does not show recovery.
    """
    long, short = windows[rule.long], windows[rule.short]
    if is_on:
        over = not long.burns(budget_bp, rule.tenths) or (short.calls > 0 and not short.burns(budget_bp, rule.tenths))
        return not over
    burning = long.burns(budget_bp, rule.tenths) and short.burns(budget_bp, rule.tenths)
    return burning and long.bad >= _LEAST_BAD
