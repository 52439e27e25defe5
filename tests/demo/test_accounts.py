"""The demonstration's comparison of books finds every way in which they can disagree."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from demo.accounts import Books, Metered, PriceList
from demo.clients import CUT_OFF, Call
from demo.report import Report
from mercato_contracts.manifest import ServiceManifest

MANIFEST = ServiceManifest.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "examples" / "embedder" / "service.yaml").read_text())
)
PRICES = PriceList({("works/embedder", plan.name): plan for plan in MANIFEST.plans})
PRICE = 600  # 30 tokens at 20,000 nano-dollars a thousand


def _call(number: int, status: int = 200) -> Call:
    request_id = f"req_{number}" if status else ""
    code = "" if status else CUT_OFF
    return Call(
        "fund", "works/embedder", "per-token", status, request_id, code, 30 if status == 200 else 0, 0, 0.0, 0.1
    )


def _event(number: int) -> Metered:
    return Metered(f"use_{number}", f"req_{number}", "fund", "works", "works/embedder", 200, 30, 0, PRICE)


CALLS = [_call(1), _call(2), _call(3, status=429), _call(4, status=0)]
EVENTS = [_event(1), _event(2)]


def _disagreements(calls: list[Call], events: list[Metered]) -> list[str]:
    report = Report()
    books = Books(calls, events, PRICES)
    books.check_each(report)
    books.check_sums(report)
    return report.disagreements


def test_books_that_agree_are_silent() -> None:
    assert _disagreements(CALLS, EVENTS) == []


def test_a_call_that_was_cut_off_may_be_metered_and_is_owed() -> None:
    events = [*EVENTS, _event(99)]
    assert _disagreements(CALLS, events) == []
    assert Books(CALLS, events, PRICES).of_consumer("fund").nanos == 3 * PRICE


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda events: events[:1], "without a usage event"),
        (lambda events: [*events, replace(events[0], id="use_other")], "counted twice"),
        (lambda events: [*events, _event(3)], "refused calls with a usage event"),
        (lambda events: [*events, _event(98), _event(99)], "nobody made"),
        (lambda events: [replace(events[0], tokens_in=31), events[1]], "metered otherwise"),
        (lambda events: [replace(events[0], price_nanos=PRICE + 1), events[1]], "metered otherwise"),
        (lambda events: [replace(events[0], consumer="student"), events[1]], "consumer student"),
        (lambda events: [replace(events[0], vendor="other"), events[1]], "vendor other"),
    ],
)
def test_a_disagreement_is_named(spoil: Callable[[list[Metered]], list[Metered]], named: str) -> None:
    assert any(named in what for what in _disagreements(CALLS, spoil(EVENTS)))


def test_an_answer_without_a_request_id_is_a_disagreement() -> None:
    nameless = [replace(CALLS[0], request_id=""), *CALLS[1:]]
    assert any("no client can name" in what for what in _disagreements(nameless, EVENTS))
