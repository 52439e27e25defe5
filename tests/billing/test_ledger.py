"""The ledger balances whatever is sold, and nothing in it is ever changed."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mercato.billing.sales import Sale, Sold, add_up, fee_of, postings_of
from mercato.metering import Appraised
from mercato_contracts.dataplane import UsageEvent
from mercato_contracts.ids import make_id
from mercato_contracts.pricing import charge
from tests.support.market import TAKE_RATE_BP, Market

DAY = datetime(2026, 11, 2, tzinfo=UTC)


def priced(nanos: int, number: int, consumer: str = "org_1") -> Appraised:
    event = UsageEvent.model_construct(  # type: ignore[call-arg]  # only what the ledger reads
        id=make_id("use", int(DAY.timestamp() * 1000) + number * 7_200_000, bytes(10)),
        consumer_id=consumer, vendor_id="org_v", service_id="svc_1", subscription_id=f"sub_{consumer}",
        plan_id="pln_1", currency="USD", tokens_in=number, tokens_out=1, included=0, price_nanos=nanos,
    )  # fmt: skip
    return Appraised(event, event)


CALLS = st.lists(
    st.tuples(st.integers(0, 10**15), st.integers(0, 60), st.sampled_from(["org_1", "org_2", "org_v"])), max_size=40
)


@given(CALLS, st.integers(0, 10_000))
def test_whatever_is_sold_sums_to_zero_and_the_parts_to_the_whole(calls: list[tuple[int, int, str]], rate: int) -> None:
    sales = add_up((priced(*call) for call in calls), rate)
    lines = [line for sale in sales for line in postings_of("jrn_1", sale)]
    assert sum(line["amount_nanos"] for line in lines) == 0
    owed = sum(line["amount_nanos"] for line in lines if line["account_id"].startswith("consumer:"))
    assert owed == sum(nanos for nanos, _, _ in calls)
    assert sum(sale.calls for sale in sales) == len(calls)
    for sale in sales:
        assert 0 <= sale.fee_nanos <= sale.gross_nanos


@given(CALLS, st.integers(0, 10_000), st.integers(0, 40))
def test_sums_do_not_depend_on_how_calls_are_batched(calls: list[tuple[int, int, str]], rate: int, cut: int) -> None:
    def totals(*batches: list[tuple[int, int, str]]) -> dict[Sold, tuple[int, int, int]]:
        sums: dict[Sold, tuple[int, int, int]] = {}
        for batch in batches:
            for sale in add_up((priced(*call) for call in batch), rate):
                calls_, gross, fee = sums.get(sale.sold, (0, 0, 0))
                sums[sale.sold] = (calls_ + sale.calls, gross + sale.gross_nanos, fee + sale.fee_nanos)
        return sums

    assert totals(calls) == totals(calls[:cut], calls[cut:])


@given(
    prices=st.tuples(*[st.integers(0, 10**12)] * 3),
    unit=st.sampled_from([None, "requests", "tokens"]),
    included=st.integers(0, 10**6),
    tokens=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_covering_more_never_costs_more_and_never_covers_what_was_not_used(
    prices: tuple[int, int, int], unit: str | None, included: int, tokens: tuple[int, int]
) -> None:
    def cost(covered: int) -> tuple[int, int]:
        answer = charge(
            per_call_nanos=prices[0], per_1k_input_nanos=prices[1], per_1k_output_nanos=prices[2],
            included_unit=unit, included=covered, tokens_in=tokens[0], tokens_out=tokens[1],  # type: ignore[arg-type]
        )  # fmt: skip
        return answer.included, answer.nanos

    covered, nanos = cost(included)
    assert 0 <= nanos <= cost(0)[1]
    assert covered <= max(1, sum(tokens))
    assert cost(covered) == (covered, nanos)


def test_the_share_is_rounded_down_and_the_rest_is_the_vendors() -> None:
    assert [fee_of(nanos, TAKE_RATE_BP) for nanos in (0, 9, 10, 19, 10**18)] == [0, 0, 1, 1, 10**17]


async def test_many_batches_at_once_leave_a_ledger_whose_sum_is_zero(market: Market) -> None:
    service, plan = await market.list_service(await market.people.join("acme"), per_call_nanos=1_234_567)
    customers = [await market.customer(service, plan) for _ in range(4)]
    batches = [[market.event(customer) for customer in customers for _ in range(10)] for _ in range(8)]
    await asyncio.gather(*(market.take(batch) for batch in batches))
    balance = await market.trial_balance()
    assert balance.sums == {"USD": 0}
    by_kind: dict[str, int] = {}
    for account in balance.accounts:
        by_kind[account.kind] = by_kind.get(account.kind, 0) + account.balance_nanos
    gross, fee = 320 * 1_234_567, 320 * 123_456
    assert by_kind == {"consumer": gross, "vendor": fee - gross, "revenue": -fee}


async def test_currencies_are_kept_apart(market: Market) -> None:
    vendor = await market.people.join("acme")
    dollars = await market.customer(*await market.list_service(vendor, "one"))
    euros = await market.customer(*await market.list_service(vendor, "two", currency="EUR"))
    await market.take([market.event(dollars), market.event(euros)])
    assert (await market.trial_balance()).sums == {"USD": 0, "EUR": 0}
    closing = await market.close("2026-11")
    assert sorted(invoice.currency for invoice in closing.invoices) == ["EUR", "USD"]


@pytest.mark.parametrize(
    "table", ["journals", "postings", "invoices", "invoice_lines", "payouts", "payout_lines", "invoiced_postings"]
)
async def test_what_is_written_stays(market: Market, table: str) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    await market.take([market.event(await market.customer(service, plan))])
    await market.close("2026-11")
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(Exception, match="written once"):
            async with market.database.transaction() as session:
                await session.execute(text(statement))


async def test_postings_that_do_not_balance_are_refused_by_the_database(market: Market) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    await market.take([market.event(await market.customer(service, plan))])
    with pytest.raises(Exception, match="sum to zero"):
        async with market.database.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO postings (journal_id, account_id, item, amount_nanos, service_id, subscription_id,"
                    " plan_id, day, calls, tokens_in, tokens_out, included) SELECT journal_id, account_id, item, 1,"
                    " service_id, subscription_id, plan_id, day, 0, 0, 0, 0 FROM postings LIMIT 1"
                )
            )


def test_a_sale_of_nothing_still_says_how_many_calls_there_were() -> None:
    sold = Sold("usage", "org_1", "org_v", "svc_1", "sub_1", "pln_1", "USD", DAY.date())
    lines = postings_of("jrn_1", Sale(sold, calls=3))
    assert [line["calls"] for line in lines] == [3, 3, 0, 0]
