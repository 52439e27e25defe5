"""Reports of analytics beside the same figures counted in plain Python, on inputs that nobody chose."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from mercato.admin.analytics_inputs import DAYS, MONTHS, WEEKS, Inputs, Spans, spans_at
from mercato.admin.analytics_reports import AHEAD, MOST_MOVERS, make_reports
from mercato.billing import Taking
from mercato.metering import Used
from mercato.publishing import Beginning

NOW = datetime(2026, 8, 19, 10, 22, tzinfo=UTC)
SPANS = spans_at(NOW)
WHO = ("org_1", "org_2", "org_3", "org_4")
BIG = 2**53 + 1
"""One more than a float can tell from its neighbour: money that passes through floats is found."""

_nanos = some.sampled_from((0, 1, 7, BIG, 3 * BIG + 2, -5))


def _used(steps: int, whose: Sequence[str]) -> some.SearchStrategy[list[Used]]:
    one = some.builds(
        Used, step=some.integers(0, steps - 1), whose=some.sampled_from(whose),
        currency=some.sampled_from(("EUR", "USD")),
        calls=some.integers(0, 9), charged_nanos=_nanos,
    )  # fmt: skip
    return some.lists(one, max_size=40, unique_by=lambda used: (used.step, used.whose, used.currency))


def _time(after_days: int = 400) -> some.SearchStrategy[datetime]:
    return some.integers(0, after_days * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds))


@some.composite
def inputs(draw: some.DrawFn) -> Inputs:
    submitted = draw(some.lists(_time(200), max_size=12))
    beginnings, called = [], {}
    for number, at in enumerate(submitted):
        wait = draw(some.none() | some.integers(0, 10**6))
        released = None if wait is None else at + timedelta(seconds=wait)
        service = f"svc_{number}" if released or draw(some.booleans()) else None
        beginnings.append(Beginning("org_1", f"n{number}", service, at, released))
        if released is not None and draw(some.booleans()):
            called[f"svc_{number}"] = released + timedelta(seconds=draw(some.integers(-900, 10**6)))
    months = _months()
    return Inputs(
        spans=SPANS,
        monthly=draw(_used(MONTHS, WHO)),
        weekly=draw(_used(WEEKS, WHO)),
        daily=draw(_used(DAYS, ("",))),
        moves={"consumer": draw(_used(2, WHO)), "service": draw(_used(2, [f"svc_{each}" for each in range(20)]))},
        first_calls=draw(some.dictionaries(some.sampled_from(WHO), _time())),
        beginnings=beginnings,
        services_called=called,
        takings=[Taking(month, "USD", draw(_nanos), draw(_nanos)) for month in months],
    )


def _months() -> list[date]:
    return [start.date() for start in SPANS.months[:-1]]


def test_spans_end_with_the_quarter_hour_that_began() -> None:
    assert SPANS.moves[-1] == SPANS.months[-1] == SPANS.weeks[-1] == datetime(2026, 8, 19, 10, 30, tzinfo=UTC)
    assert (SPANS.months[0], len(SPANS.months)) == (datetime(2025, 9, 1, tzinfo=UTC), MONTHS + 1)
    assert SPANS.weeks[-2] == datetime(2026, 8, 17, tzinfo=UTC)
    assert (SPANS.days[0], SPANS.days[-1]) == (datetime(2026, 6, 24, tzinfo=UTC), datetime(2026, 8, 19, tzinfo=UTC))
    first = spans_at(datetime(2026, 1, 1, 0, 0, tzinfo=UTC))
    assert first.months[0] == datetime(2025, 2, 1, tzinfo=UTC)
    assert list(first.months) == sorted(set(first.months))


def place(bounds: Sequence[datetime], at: datetime) -> int:
    return sum(1 for bound in bounds if bound <= at) - 1


@settings(max_examples=60, deadline=None)
@given(inputs())
def test_cohorts(given_: Inputs) -> None:
    known = {who: place(SPANS.months, at) for who, at in given_.first_calls.items()}
    expected = []
    for cohort in range(MONTHS):
        own = [each for each in given_.monthly if known.get(each.whose) == cohort and each.step >= cohort]
        if not own:
            continue
        steps = range(cohort, MONTHS)
        expected.append({
            "month": SPANS.months[cohort].date().isoformat(),
            "size": len({each.whose for each in own}),
            "active": [len({each.whose for each in own if each.step == step and each.calls}) for step in steps],
            "charged": [
                {"currency": currency, "nanos": [
                    sum(each.charged_nanos for each in own if (each.step, each.currency) == (step, currency))
                    for step in steps
                ]}
                for currency in sorted({each.currency for each in own})
            ],
        })  # fmt: skip
    assert make_reports(given_)["cohorts"] == expected


@settings(max_examples=60, deadline=None)
@given(inputs())
def test_retention(given_: Inputs) -> None:
    found = make_reports(given_)["retention"]
    assert len(found) == (WEEKS - 1 if given_.weekly else 0)
    for step, row in enumerate(found, start=1):
        now = {each.whose for each in given_.weekly if each.step == step and each.calls}
        then = {each.whose for each in given_.weekly if each.step == step - 1 and each.calls}
        assert row["week"] == SPANS.weeks[step].date().isoformat()
        first = given_.first_calls
        new = {who for who in now if who in first and place(SPANS.weeks, first[who]) == step}
        assert (row["active"], row["kept"], row["lost"]) == (len(now), len(now & then), len(then - now))
        assert (row["new"], row["returned"]) == (len(new), len(now - then - new))
        assert row["kept_bp"] == (None if not then else 10_000 * len(now & then) // len(then))


@settings(max_examples=60, deadline=None)
@given(inputs())
def test_funnel(given_: Inputs) -> None:
    rows = {row["month"]: row for row in make_reports(given_)["funnel"]}
    by_month: dict[str, list[Beginning]] = {}
    for each in given_.beginnings:
        by_month.setdefault(each.submitted_at.replace(day=1).date().isoformat(), []).append(each)
    assert rows.keys() == by_month.keys()
    for month, own in by_month.items():
        released = [each for each in own if each.released_at is not None]
        called = [each for each in released if each.service_id in given_.services_called]
        waits = [(each.released_at - each.submitted_at).total_seconds() for each in released if each.released_at]
        after = [
            max(0, (given_.services_called[str(each.service_id)] - each.released_at).total_seconds())
            for each in called
            if each.released_at
        ]
        row = rows[month]
        assert (row["submitted"], row["released"], row["called"]) == (len(own), len(released), len(called))
        assert row["release_seconds"] == (int(median(waits)) if waits else None)
        assert row["call_seconds"] == (int(median(after)) if after else None)


@settings(max_examples=60, deadline=None)
@given(inputs())
def test_forecast(given_: Inputs) -> None:
    found = {row["currency"]: row for row in make_reports(given_)["forecast"]}
    assert found.keys() == {each.currency for each in given_.daily}
    for currency, row in found.items():
        own = {each.step: each for each in given_.daily if each.currency == currency}
        used = [step for step, each in own.items() if each.calls]
        weeks = (DAYS - min(used)) // 7 if used else 0
        assert row["weeks"] == weeks
        assert [day["charged_nanos"] for day in row["days"]] == [
            own[step].charged_nanos if step in own else 0 for step in range(DAYS)
        ]
        assert len(row["ahead"]) == (AHEAD if weeks else 0)
        for ahead, day in enumerate(row["ahead"]):
            at = SPANS.days[-1] + timedelta(days=ahead)
            steps = [step for step in range(DAYS) if SPANS.days[step].weekday() == at.weekday()][-weeks:]
            values = [own[step].charged_nanos if step in own else 0 for step in steps]
            assert day["day"] == at.date().isoformat()
            assert (day["charged_nanos"], day["charged_nanos_low"], day["charged_nanos_high"]) == (
                sum(values) // weeks, min(values), max(values)
            )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(inputs())
def test_movers(given_: Inputs) -> None:
    found = make_reports(given_)["movers"]
    for kind, used in given_.moves.items():
        for currency in ("EUR", "USD"):
            rows = []
            for who in {each.whose for each in used if each.currency == currency}:
                own = [each for each in used if (each.whose, each.currency) == (who, currency)]
                sums = {(each.step, name): getattr(each, name) for each in own for name in ("calls", "charged_nanos")}
                calls, before = sums.get((1, "calls"), 0), sums.get((0, "calls"), 0)
                charged, paid = sums.get((1, "charged_nanos"), 0), sums.get((0, "charged_nanos"), 0)
                if (calls, charged) != (before, paid):
                    rows.append((-abs(charged - paid), -abs(calls - before), who, calls, before, charged, paid))
            shown = [each for each in found if (each["kind"], each["currency"]) == (kind, currency)]
            names = ("id", "calls", "calls_before", "charged_nanos", "charged_before_nanos")
            assert [tuple(each[name] for name in names) for each in shown] == [
                row[2:] for row in sorted(rows)[:MOST_MOVERS]
            ]


@settings(max_examples=30, deadline=None)
@given(inputs())
def test_take_and_digests(given_: Inputs) -> None:
    rows: list[dict[str, Any]] = make_reports(given_)["take"]
    for row, taking in zip(rows, given_.takings, strict=True):
        assert row["taken_nanos"] == taking.taken_nanos
        share = taking.taken_nanos * 10_000 // taking.charged_nanos if taking.charged_nanos > 0 else None
        assert row["taken_bp"] == share
    assert given_.digest() == given_.digest()


def test_nothing_needs_no_pandas() -> None:
    """A worker of an idle marketplace does not hold it."""
    nothing = Inputs(SPANS, [], [], [], {"consumer": [], "service": []}, {}, [], {}, [])
    made = make_reports(nothing)
    assert list(made) == ["cohorts", "retention", "funnel", "forecast", "movers", "take", "searches", "refusals"]
    assert not any(made.values())


def test_other_inputs_have_another_digest() -> None:
    spans: Spans = SPANS
    one = Inputs(spans, [Used(0, "org_1", "USD", 1, 1)], [], [], {}, {}, [], {}, [])
    other = Inputs(spans, [Used(0, "org_1", "USD", 1, 2)], [], [], {}, {}, [], {}, [])
    assert one.digest() != other.digest()
