"""Reviews: only of who called, one an organisation, answered by the vendor, hidden with a reason, counted at once."""

import asyncio

import httpx

from tests.consumption.test_alerts import acme, calls, sign_in
from tests.consumption.test_measuring import figures_of, write_rows
from tests.support.market import Market

PATH = "/api/services/acme/embedder/review"


async def test_who_called_writes_one_review_and_changes_it(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customer = await acme(market)
    await write_rows(market, customer.service)
    mine = await sign_in(api, customer.caller)
    early = await api.put(PATH, json={"stars": 5}, headers=mine)
    assert (early.status_code, early.json()["code"]) == (403, "review_not_earned")
    await calls(market, customer, good=0, bad=3)
    assert (await api.put(PATH, json={"stars": 5}, headers=mine)).status_code == 403, "failed calls prove nothing"
    await calls(market, customer, good=1)
    written = (await api.put(PATH, json={"stars": 2, "words": " <b>slow</b> "}, headers=mine)).json()
    assert (written["stars"], written["words"]) == (2, "<b>slow</b>")
    changed = (await api.put(PATH, json={"stars": 4}, headers=mine)).json()
    assert (changed["id"], changed["stars"], changed["words"]) == (written["id"], 4, "")
    listed = (await api.get(f"{PATH}s")).json()["items"]
    assert [(one["organisation"], one["stars"]) for one in listed] == [(customer.caller.organisation_slug, 4)]
    figures, row = await figures_of(market, customer.service)
    assert (figures.stars, figures.reviews, row.facts["figures"]["rating"]) == (4, 1, 400)
    own = await api.put(PATH, json={"stars": 5}, headers=await sign_in(api, vendor))
    assert own.json()["code"] == "review_not_earned"
    assert (await api.put(PATH, json={"stars": 5})).status_code == 401
    for body in ({"stars": 0}, {"stars": 6}, {"stars": 3, "words": "x" * 2_001}, {"stars": 3, "title": "x"}):
        assert (await api.put(PATH, json=body, headers=mine)).status_code == 422
    assert (await api.delete(PATH, headers=mine)).status_code == 204
    assert (await api.delete(PATH, headers=mine)).json()["code"] == "review_not_found"
    assert (await figures_of(market, customer.service))[1].facts["figures"]["rating"] is None


async def test_the_vendor_answers_and_an_operator_hides_with_a_reason(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customer = await acme(market)
    await write_rows(market, customer.service)
    await calls(market, customer, good=1)
    mine, theirs = await sign_in(api, customer.caller), await sign_in(api, vendor)
    review = (await api.put(PATH, json={"stars": 1, "words": "rude"}, headers=mine)).json()["id"]
    assert (await api.put(f"/api/reviews/{review}/answer", json={"words": "x"}, headers=mine)).status_code == 404
    answered = await api.put(f"/api/reviews/{review}/answer", json={"words": "Thank you."}, headers=theirs)
    assert answered.json()["answer"] == "Thank you."
    assert (await api.post(f"/api/reviews/{review}/hide", json={"reason": "no"}, headers=theirs)).status_code == 422
    assert (await api.post(f"/api/reviews/{review}/hide", json={"reason": "spam"}, headers=theirs)).status_code == 403
    operator = await sign_in(api, await market.operator())
    hidden = await api.post(f"/api/reviews/{review}/hide", json={"reason": "an insult"}, headers=operator)
    assert hidden.json()["hidden_for"] == "an insult"
    assert (await api.get(f"{PATH}s")).json()["items"] == []
    assert (await api.get(f"{PATH}s/all", headers=theirs)).status_code == 403
    assert len((await api.get(f"{PATH}s/all", headers=operator)).json()["items"]) == 1
    assert (await figures_of(market, customer.service))[0].reviews == 0
    await api.post(f"/api/reviews/{review}/show", json={"reason": "a mistake"}, headers=operator)
    assert (await figures_of(market, customer.service))[0].stars == 1


async def test_reviews_at_once_are_all_counted(api: httpx.AsyncClient, market: Market) -> None:
    _, first = await acme(market)
    await write_rows(market, first.service)
    many = [first, *[await market.customer(first.service, first.plan) for _ in range(5)]]
    for each in many:
        await calls(market, each, good=1)
    headers = [await sign_in(api, each.caller) for each in many]
    answers = await asyncio.gather(*(api.put(PATH, json={"stars": 3}, headers=one) for one in headers))
    assert {answer.status_code for answer in answers} == {200}
    figures, row = await figures_of(market, first.service)
    assert (figures.stars, figures.reviews, row.facts["figures"]["reviews"]) == (18, 6, 6)


async def test_one_review_sent_many_times_at_once_is_one_review(api: httpx.AsyncClient, market: Market) -> None:
    _, customer = await acme(market)
    await write_rows(market, customer.service)
    await calls(market, customer, good=1)
    mine = await sign_in(api, customer.caller)
    answers = await asyncio.gather(*(api.put(PATH, json={"stars": stars}, headers=mine) for stars in (1, 2, 3, 4, 5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["id"] for answer in answers}) == 1
    (listed,) = (await api.get(f"{PATH}s")).json()["items"]
    figures, _ = await figures_of(market, customer.service)
    assert (figures.reviews, figures.stars) == (1, listed["stars"])


async def test_writing_hiding_and_answering_at_once_wait_for_each_other(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customer = await acme(market)
    await write_rows(market, customer.service)
    await calls(market, customer, good=1)
    mine, theirs = await sign_in(api, customer.caller), await sign_in(api, vendor)
    operator = await sign_in(api, await market.operator())
    review = (await api.put(PATH, json={"stars": 1}, headers=mine)).json()["id"]
    answers = await asyncio.gather(
        *(api.put(PATH, json={"stars": stars}, headers=mine) for stars in (2, 3, 4)),
        *(api.put(f"/api/reviews/{review}/answer", json={"words": "Thanks."}, headers=theirs) for _ in range(3)),
        *(api.post(f"/api/reviews/{review}/hide", json={"reason": "spam"}, headers=operator) for _ in range(3)),
    )
    assert [answer.status_code for answer in answers] == [200] * 9
    assert (await figures_of(market, customer.service))[0].reviews == 0


async def test_calls_of_another_service_or_organisation_earn_nothing(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customer = await acme(market)
    other = await market.customer(*await market.list_service(vendor, "other"))
    await write_rows(market, customer.service)
    await calls(market, other, good=1)
    for caller in (customer.caller, other.caller):
        refused = await api.put(PATH, json={"stars": 5}, headers=await sign_in(api, caller))
        assert (refused.status_code, refused.json()["code"]) == (403, "review_not_earned")
