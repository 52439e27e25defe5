"""Every figure of docs/plans-prices-bills.md, computed with the functions that charge."""

from datetime import date
from typing import cast

import pytest

from mercato.billing.sales import Sale, Sold, fee_of, postings_of
from mercato_contracts.money import Money, parse_amount
from mercato_contracts.pricing import QuotaUnit, charge, is_owed
from tests.support.reader import ROOT

_PAGE = (ROOT / "docs" / "plans-prices-bills.md").read_text()
_TAKE_RATE_BP = 1000


def _rows(heading: str) -> list[list[str]]:
    """The first table below a heading, without its head."""
    text = _PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows: list[list[str]] = []
    for line in lines[head + 1 :]:
        if line.startswith("|---"):
            return rows[:-1]
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@pytest.mark.parametrize("row", _rows("What one call costs"), ids=lambda row: row[0])
def test_a_call_costs_what_the_page_says(row: list[str]) -> None:
    _, per_call, per_in, per_out, left, tokens_in, tokens_out, covered, owed = row
    included, _, unit = left.partition(" ")
    cost = charge(
        per_call_nanos=parse_amount(per_call),
        per_1k_input_nanos=parse_amount(per_in),
        per_1k_output_nanos=parse_amount(per_out),
        included_unit=cast(QuotaUnit, unit) if unit else None,
        included=int(included) if unit else 0,
        tokens_in=int(tokens_in),
        tokens_out=int(tokens_out),
    )
    assert (cost.included, cost.nanos) == (int(covered), int(owed))


def test_what_costs_nothing_is_what_the_page_says() -> None:
    for answers, owed in _rows("What costs nothing"):
        for status in answers.removesuffix(" of the service").split(", "):
            assert is_owed(int(status)) == (owed == "yes"), status


@pytest.mark.parametrize("row", _rows("From calls to a bill"), ids=lambda row: row[0])
def test_the_share_is_what_the_page_says(row: list[str]) -> None:
    gross, share, net = map(int, row[1:])
    assert share == fee_of(gross, _TAKE_RATE_BP)
    assert net == gross - share


def test_the_ledgers_lines_are_those_of_the_page() -> None:
    sold = Sold("usage", "c", "v", "s", "sub", "p", "USD", date(2026, 11, 1))
    lines = postings_of("j", Sale(sold, gross_nanos=525300, fee_nanos=fee_of(525300, _TAKE_RATE_BP)))
    assert sum(line["amount_nanos"] for line in lines) == 0
    for line in lines:
        account = line["account_id"].partition(":")[0]
        assert f"| {account} | {line['item']} | {line['amount_nanos']} |" in _PAGE


def test_the_month_adds_up() -> None:
    def nanos(calls: int, included: int) -> int:
        cost = charge(
            per_call_nanos=0, per_1k_input_nanos=10_000, per_1k_output_nanos=0, included_unit="tokens",
            included=included, tokens_in=1000, tokens_out=0,
        )  # fmt: skip
        return cost.nanos * calls

    lines = {line: int(amount) for line, amount in _rows("A month")}
    assert lines["Monthly fee"] == parse_amount(9)
    assert lines["10,000 calls that the month covers"] == nanos(10_000, 1000)
    assert lines["2,500 calls beyond it"] == nanos(2_500, 0)
    assert lines["Total"] == sum(amount for line, amount in lines.items() if line != "Total")
    assert f"That is {Money(lines['Total'], 'USD')!s}." in _PAGE
