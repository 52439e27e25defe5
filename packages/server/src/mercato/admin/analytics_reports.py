"""Reports out of inputs, with pandas: nothing here asks the database, and the same inputs give the same figures.

Money and counts stay whole numbers; shares are basis points, rounded down. pandas is imported where there is something
to compute, so that a worker of an idle marketplace does not hold it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mercato.admin.analytics_inputs import DAYS, Inputs, refused_days
from mercato.metering import Used

if TYPE_CHECKING:
    import pandas as pd

Rows = list[dict[str, Any]]
AHEAD = 28
MOST_MOVERS = 10
MOST_SEARCHES = 50
_WEEKDAYS = 7
_DAY = timedelta(days=1)


def make_reports(inputs: Inputs) -> dict[str, Rows]:
    """All of them, by name."""
    return {name: make(inputs) for name, make in REPORTS.items()}


def cohorts(inputs: Inputs) -> Rows:
    """Consumers by the month of their first call: how many called in each month from then on, and what they paid.

    Those who called before the first month that is looked at are in none.
    """
    months = inputs.spans.months
    if not inputs.monthly:
        return []
    frame = _frame(inputs.monthly)
    known = {each: _step(months, at) for each, at in inputs.first_calls.items()}
    frame["cohort"] = [known.get(each, -1) for each in frame["whose"]]
    frame = frame[(frame["cohort"] >= 0) & (frame["step"] >= frame["cohort"])]
    active = frame[frame["calls"] > 0].groupby(["cohort", "step"])["whose"].nunique().to_dict()
    charged = frame.groupby(["cohort", "step", "currency"])["charged"].sum().to_dict()
    rows: Rows = []
    for cohort in sorted(int(each) for each in frame["cohort"].unique()):
        later = range(cohort, len(months) - 1)
        currencies = sorted({name for of, _, name in charged if of == cohort})
        rows.append({
            "month": _day(months[cohort]),
            "size": int(frame[frame["cohort"] == cohort]["whose"].nunique()),
            "active": [int(active.get((cohort, step), 0)) for step in later],
            "charged": [
                {"currency": name, "nanos": [int(charged.get((cohort, step, name), 0)) for step in later]}
                for name in currencies
            ],
        })  # fmt: skip
    return rows


def retention(inputs: Inputs) -> Rows:
    """Week by week: who called, whether they had called the week before, and who stayed away."""
    if not inputs.weekly:
        return []
    weeks, frame = inputs.spans.weeks, _frame(inputs.weekly)
    by_week = frame[frame["calls"] > 0].groupby("step")["whose"].agg(set).to_dict()
    first = {each: _step(weeks, at) for each, at in inputs.first_calls.items()}
    rows: Rows = []
    for step in range(1, len(weeks) - 1):
        now, then = by_week.get(step, set()), by_week.get(step - 1, set())
        new = {each for each in now if first.get(each) == step}
        rows.append({
            "week": _day(weeks[step]),
            "active": len(now),
            "kept": len(now & then),
            "new": len(new),
            "returned": len(now - then - new),
            "lost": len(then - now),
            "kept_bp": len(now & then) * 10_000 // len(then) if then else None,
        })  # fmt: skip
    return rows


def funnel(inputs: Inputs) -> Rows:
    """Services by the month of their first submission: how many were released, how many others than their vendor
    called, and how long half of them took at most."""
    if not inputs.beginnings:
        return []
    import pandas as pd

    months = inputs.spans.months
    frame = pd.DataFrame({
        "step": [_step(months, each.submitted_at) for each in inputs.beginnings],
        "release": [_seconds(each.submitted_at, each.released_at) for each in inputs.beginnings],
        "call": [_seconds(each.released_at, inputs.services_called.get(each.service_id or ""))
                 for each in inputs.beginnings],
    })  # fmt: skip
    rows: Rows = []
    for step, month in frame.groupby("step"):
        rows.append({
            "month": _day(months[int(step)]),
            "submitted": len(month),
            "released": int(month["release"].notna().sum()),
            "called": int(month["call"].notna().sum()),
            "release_seconds": _middle(month["release"]),
            "call_seconds": _middle(month["call"]),
        })  # fmt: skip
    return rows


def forecast(inputs: Inputs) -> Rows:
    """By currency, the days so far and those ahead: what the same weekdays of the last eight weeks had on average, and
    the least and the most of them. Days before the first one with usage do not count."""
    days = [_day(start) for start in inputs.spans.days[:-1]]
    rows: Rows = []
    for currency in sorted({each.currency for each in inputs.daily}):
        frame = _by_step(inputs.daily, currency, DAYS)
        first = int(frame.index[frame["calls"] > 0].min()) if (frame["calls"] > 0).any() else DAYS
        whole_weeks = (DAYS - first) // _WEEKDAYS
        rows.append({
            "currency": currency,
            "weeks": whole_weeks,
            "days": [
                {"day": day, "calls": int(calls), "charged_nanos": int(charged)}
                for day, calls, charged in zip(days, frame["calls"], frame["charged"], strict=True)
            ],
            "ahead": _ahead(frame, whole_weeks, inputs.spans.days[-1]) if whole_weeks else [],
        })  # fmt: skip
    return rows


def _ahead(frame: "pd.DataFrame", weeks: int, today: datetime) -> Rows:
    """Each day that comes, by the same weekdays of so many weeks; whole numbers, rounded down."""
    rows: Rows = []
    for ahead in range(AHEAD):
        same = [DAYS - _WEEKDAYS * back + ahead % _WEEKDAYS for back in range(1, weeks + 1)]
        row: dict[str, Any] = {"day": _day(today + _DAY * ahead)}
        for name, column in (("calls", "calls"), ("charged_nanos", "charged")):
            values = [int(frame[column][place]) for place in same]
            row |= {name: sum(values) // weeks, f"{name}_low": min(values), f"{name}_high": max(values)}
        rows.append(row)
    return rows


def movers(inputs: Inputs) -> Rows:
    """Consumers and services whose last seven days differ most from the seven before, by money and then by calls."""
    rows: Rows = []
    for kind, used in sorted(inputs.moves.items()):
        if not used:
            continue
        sums = _frame(used).groupby(["currency", "whose", "step"])[["calls", "charged"]].sum()
        calls, charged = sums["calls"].to_dict(), sums["charged"].to_dict()
        found = [
            {
                "kind": kind, "id": whose, "currency": currency,
                "calls": int(calls.get((currency, whose, 1), 0)),
                "calls_before": int(calls.get((currency, whose, 0), 0)),
                "charged_nanos": int(charged.get((currency, whose, 1), 0)),
                "charged_before_nanos": int(charged.get((currency, whose, 0), 0)),
            }
            for currency, whose in sorted({(currency, whose) for currency, whose, _ in calls})
        ]  # fmt: skip
        for currency in sorted({each["currency"] for each in found}):
            of_it = [each for each in found if each["currency"] == currency and _change(each) != (0, 0)]
            rows += sorted(of_it, key=lambda each: (*(-abs(one) for one in _change(each)), each["id"]))[:MOST_MOVERS]
    return rows


def take(inputs: Inputs) -> Rows:
    """Month by month and by currency: what consumers were charged, and the marketplace's share."""
    return [
        {
            "month": each.month.isoformat(),
            "currency": each.currency,
            "charged_nanos": each.charged_nanos,
            "taken_nanos": each.taken_nanos,
            "taken_bp": each.taken_nanos * 10_000 // each.charged_nanos if each.charged_nanos > 0 else None,
        }
        for each in inputs.takings
    ]


def searches(inputs: Inputs) -> Rows:
    """What was looked for in vain in the last four weeks, the most wanted first. The words that fewer than three askers
    used stay unread: they are one row without words, which comes last."""
    shown, rest = [each for each in inputs.missed if each.words], [each for each in inputs.missed if not each.words]
    return [
        {
            "words": each.words or None,
            "searches": each.searches,
            "askers": each.askers,
            "last_on": _day(each.last_at),
        }
        for each in (*shown[:MOST_SEARCHES], *rest)
    ]


def refusals(inputs: Inputs) -> Rows:
    """What was refused by code: in the last seven days and in the seven before, the most frequent first."""
    if not inputs.refused:
        return []
    middle = refused_days(inputs.spans)[0] + _WEEKDAYS * _DAY
    now: Counter[str] = Counter()
    before: Counter[str] = Counter()
    for at, code, count in inputs.refused:
        (now if at >= middle else before)[code] += count
    codes = sorted(now.keys() | before.keys(), key=lambda code: (-now[code], -before[code], code))
    return [{"code": code, "refusals": now[code], "refusals_before": before[code]} for code in codes]


def _frame(used: Sequence[Used]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({
        "step": [each.step for each in used],
        "whose": [each.whose for each in used],
        "currency": [each.currency for each in used],
        "calls": pd.array([each.calls for each in used], dtype="int64"),
        "charged": pd.array([each.charged_nanos for each in used], dtype="int64"),
    })  # fmt: skip


def _by_step(used: Sequence[Used], currency: str, steps: int) -> "pd.DataFrame":
    """Calls and charges of every step, also of those without any."""
    frame = _frame([each for each in used if each.currency == currency])
    return frame.groupby("step")[["calls", "charged"]].sum().reindex(range(steps), fill_value=0)


def _change(mover: dict[str, Any]) -> tuple[int, int]:
    return mover["charged_nanos"] - mover["charged_before_nanos"], mover["calls"] - mover["calls_before"]


def _step(bounds: Sequence[datetime], at: datetime) -> int:
    """The step that `at` lies in, from 0; -1 before the first one."""
    return bisect_right(bounds, at) - 1


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _seconds(since: datetime | None, until: datetime | None) -> int | None:
    """A call counts at the start of its quarter hour, which may be before the release that it called."""
    return None if since is None or until is None else max(0, int((until - since).total_seconds()))


def _middle(values: "pd.Series[float]") -> int | None:
    """The median of those that are known, rounded down."""
    known = values.dropna()
    return None if known.empty else int(known.median())


REPORTS: dict[str, Callable[[Inputs], Rows]] = {
    "cohorts": cohorts,
    "retention": retention,
    "funnel": funnel,
    "forecast": forecast,
    "movers": movers,
    "take": take,
    "searches": searches,
    "refusals": refusals,
}
