"""Limits, quotas and budgets: exact under concurrency, never passed, all or nothing."""

import asyncio
from collections import Counter

import httpx

from tests.fakes.control_plane import ControlPlane, Lease
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_limit, a_subscriber
from tests.fakes.upstream import Received, Upstream, answer, held_until
from tests.support.waiting import until


async def burst(gateways: list[GatewayProcess], shop: Shop, calls: int) -> list[httpx.Response]:
    clients = [gateway.client(shop.key, limits=httpx.Limits(max_connections=100)) for gateway in gateways]
    try:
        return await asyncio.gather(
            *(clients[number % len(clients)].post("/v1/embeddings", json=shop.body()) for number in range(calls))
        )
    finally:
        for client in clients:
            await client.aclose()


async def test_a_quota_of_100_answers_exactly_100_of_400_concurrent_calls_on_two_workers(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    limit = a_limit("subscription", "requests", "month", 100)
    place = shop(limits=[limit])
    gateway = await start_gateway(workers=2)
    answers = await burst([gateway], place, 400)
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 300}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "quota_exceeded"
    assert int(refused.headers["retry-after"]) >= 1
    await until(lambda: len(control.events) == 100)
    assert control.spent(limit.scope) == 100


async def test_a_budget_is_never_passed_and_is_exact_to_the_nano(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    # Each call costs 5 + 7 tokens at 1000 a thousand = 12; the estimate of 6 tokens holds 11.
    budget = a_limit("consumer", "nanos", "month", 120)
    place = shop(plan={"per_call_nanos": 5, "per_1k_input_nanos": 1000}, key={"limits": [budget]})
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        codes = [(await client.post("/v1/embeddings", json=place.body())).status_code for _ in range(14)]
    answered = codes.count(200)
    await until(lambda: len(control.events) == answered)
    assert codes[-1] == 429
    assert sum(event.price_nanos for event in control.events.values()) == answered * 12 == control.spent(budget.scope)
    assert answered == 10


async def test_a_bucket_refuses_with_how_long_to_wait_and_tells_its_policy(
    shop: MakeShop, start_gateway: StartGateway
) -> None:
    place = shop(limits=[a_limit("subscription", "requests", "minute", 5)])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        answers = [await client.post("/v1/embeddings", json=place.body()) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 13
    assert all(answer.headers["ratelimit-policy"] == '"subscription-requests-minute";q=5;w=60' for answer in answers)
    assert [int(answer.headers["ratelimit"].split(";")[1][2:]) for answer in answers[:5]] == [4, 3, 2, 1, 0]


async def test_a_denied_scope_gives_the_others_back(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    wide, narrow = a_limit("subscription", "requests", "month", 1000), a_limit("key", "requests", "day", 2)
    place = shop(limits=[wide], key={"limits": [narrow]})
    gateway = await start_gateway()
    answers = await burst([gateway], place, 50)
    assert Counter(answer.status_code for answer in answers) == {200: 2, 429: 48}
    await gateway.stop()
    assert len(control.events) == 2
    assert control.spent(wide.scope) == control.spent(narrow.scope) == 2
    assert all(lease.closed for lease in control.leases.values())


async def test_what_is_included_goes_first_then_the_rest_is_priced(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    included = a_limit("subscription", "included:tokens", "month", 20)
    plan = {"per_1k_input_nanos": 1_000_000, "included_unit": "tokens", "included": 20, "overage": True}
    place = shop(plan=plan, limits=[included])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        for _ in range(4):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    await until(lambda: len(control.events) == 4)
    events = [control.events[key] for key in sorted(control.events)]
    assert sum(event.included for event in events) == 20 == control.spent(included.scope)
    assert [event.price_nanos for event in events] == [(7 - event.included) * 1000 for event in events]
    # Held by an estimate of 6 tokens; what a call used beyond it and beyond what is at hand is priced.
    assert [event.included for event in events] == [6, 6, 6, 2]


async def test_included_without_overage_refuses_when_it_is_used_up(shop: MakeShop, start_gateway: StartGateway) -> None:
    included = a_limit("subscription", "included:requests", "month", 3)
    plan = {"per_call_nanos": 9, "included_unit": "requests", "included": 3, "overage": False}
    place = shop(plan=plan, limits=[included])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        answers = [await client.post("/v1/embeddings", json=place.body()) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["error"]["code"] == "quota_exhausted"


async def test_what_a_call_used_beyond_the_quota_is_counted_up_to_the_quota(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, upstream: Upstream
) -> None:
    async def greedy(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, b'{"usage":{"prompt_tokens":500,"total_tokens":500}}'))

    upstream.script = greedy
    quota = a_limit("subscription", "tokens", "month", 100)
    place = shop(limits=[quota])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        codes = [(await client.post("/v1/embeddings", json=place.body())).status_code for _ in range(3)]
    assert codes == [200, 429, 429]
    (event,) = await until(lambda: list(control.events.values()))
    assert (event.tokens_in, event.unpaid_tokens_in, control.spent(quota.scope)) == (100, 400, 100)


async def test_after_a_call_much_larger_than_its_hold_all_that_is_left_can_be_had(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, upstream: Upstream
) -> None:
    counts = iter([900, *[7] * 20])

    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, b'{"usage":{"prompt_tokens":%d}}' % next(counts)))

    upstream.script = script
    quota = a_limit("subscription", "tokens", "month", 1000)
    place = shop(limits=[quota])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        codes = [(await client.post("/v1/embeddings", json=place.body())).status_code for _ in range(17)]
    # 6 are held for each: after 900 and fourteen times 7 there are 2 left.
    assert codes == [200] * 15 + [429] * 2
    await until(lambda: control.spent(quota.scope) == 998)


async def test_a_call_that_wants_too_much_does_not_keep_out_one_that_wants_less(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    quota = a_limit("subscription", "tokens", "month", 100)
    place = shop(limits=[quota])
    control.leases["lent"] = Lease(quota.scope, "another", "life", 40)
    control.counters[quota.scope].leases.append("lent")
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body(input="i" * 800))).status_code == 429
        control.counters[quota.scope].leases.remove("lent")  # given back unspent
        assert (await client.post("/v1/embeddings", json=place.body(input="i" * 320))).status_code == 200


async def test_held_slices_serve_while_the_control_plane_is_away_then_calls_are_refused(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop(limits=[a_limit("subscription", "requests", "month", 640)])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        await control.stop()
        codes: list[int] = []
        while not codes or codes[-1] == 200:
            last = await client.post("/v1/embeddings", json=place.body())
            codes.append(last.status_code)
        assert codes.count(200) >= 5
        assert (last.status_code, last.json()["error"]["code"]) == (503, "limits_unavailable")
        assert int(last.headers["retry-after"]) >= 1
        await control.start()

        async def served() -> bool:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 200

        await until(served)


async def test_calls_at_once_are_limited_and_given_back(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, upstream: Upstream
) -> None:
    gate = asyncio.Event()
    upstream.script = held_until(gate)
    place = shop(limits=[a_limit("subscription", "concurrent", "ever", 3)])
    gateway = await start_gateway()
    flood = asyncio.create_task(burst([gateway], place, 10))
    await until(lambda: len(upstream.received) == 3)

    async def seven_refused() -> bool:
        return await gateway.metric('mercato_gateway_refused_total{code="too_many_concurrent"}') == 7

    await until(seven_refused)
    gate.set()
    codes = Counter(answer.status_code for answer in await flood)
    assert codes == {200: 3, 429: 7}


async def test_one_call_at_a_time_is_never_too_many_whichever_worker_takes_it(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(limits=[a_limit("subscription", "concurrent", "ever", 1)])
    gateway = await start_gateway(workers=3)
    for _ in range(12):
        async with gateway.client(place.key) as client:  # a new connection, which any worker may take
            answer = await client.post("/v1/embeddings", json=place.body())
        assert answer.status_code == 200, answer.text


async def test_units_that_a_worker_does_not_use_come_to_the_one_that_needs_them(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    # Slices of this budget are no multiple of the price: what is left in each is too little for a call.
    budget = a_limit("consumer", "nanos", "month", 30 * 7)
    place = shop(plan={"per_call_nanos": 7}, key={"limits": [budget]})
    first, second = await start_gateway(name="first", workers=2), await start_gateway(name="second", workers=2)
    answers = await burst([first, second], place, 120)
    assert Counter(answer.status_code for answer in answers) == {200: 30, 429: 90}
    await until(lambda: control.spent(budget.scope) == 30 * 7)


async def test_a_scope_that_the_control_plane_refuses_harms_no_other_call(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    good = shop(limits=[a_limit("subscription", "requests", "month", 1000)])
    bad_limit = a_limit("subscription", "requests", "month", 1000)
    bad = shop(name="acme/other", limits=[bad_limit])
    del control.counters[bad_limit.scope]
    gateway = await start_gateway()
    good_answers, bad_answers = await asyncio.gather(burst([gateway], good, 20), burst([gateway], bad, 20))
    assert {answer.status_code for answer in good_answers} == {200}
    assert {answer.json()["error"]["code"] for answer in bad_answers} == {"limits_unavailable"}


async def test_an_answer_that_is_lost_on_its_way_costs_neither_a_call_nor_a_unit(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    limit = a_limit("subscription", "requests", "month", 20)
    place = shop(limits=[limit])
    gateway = await start_gateway()
    control.lease_answers_to_lose = 1
    answers = [answer for _ in range(3) for answer in await burst([gateway], place, 10)]
    assert Counter(answer.status_code for answer in answers) == {200: 20, 429: 10}
    lost = [lease for lease in control.leases.values() if lease.batch == "1"]
    assert lost
    assert all(lease.closed and lease.spent == 0 for lease in lost)
    await until(lambda: control.spent(limit.scope) == 20)


async def test_a_cap_that_is_raised_lets_calls_on_at_once_and_one_that_is_lowered_stops_them(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    limit = a_limit("key", "requests", "month", 5)
    place = shop(key={"limits": [limit]})
    grant = control.grants[place.key]
    gateway = await start_gateway()
    assert Counter(answer.status_code for answer in await burst([gateway], place, 8)) == {200: 5, 429: 3}

    async def change(cap: int) -> None:
        changed = limit.model_copy(update={"cap": cap})
        control.watch(changed)
        asked = control.introspections
        control.grants[place.key] = grant.model_copy(update={"limits": [changed]})
        control.consumer_changed(grant.consumer_id)

        async def heard() -> bool:
            async with gateway.client(place.key) as client:
                await client.get("/v1/models")
            return control.introspections > asked

        await until(heard)

    await change(400)
    assert Counter(answer.status_code for answer in await burst([gateway], place, 20)) == {200: 20}
    await change(25)
    assert Counter(answer.status_code for answer in await burst([gateway], place, 4)) == {429: 4}
    await until(lambda: control.spent(limit.scope) == 25)


async def test_slices_lent_after_the_gateway_gave_up_asking_come_back_without_another_call(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    limit = a_limit("subscription", "requests", "month", 5)
    place = shop(limits=[limit])
    gateway = await start_gateway()
    control.lease_batches_to_hold = 1
    (refused,) = await burst([gateway], place, 1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "limits_unavailable")
    await until(lambda: control.lease_batches)  # the first naming comes before the held batch lends
    control.lease_gate.set()
    await until(lambda: any(lease.batch == "1" for lease in control.leases.values()))
    await until(lambda: all(lease.closed for lease in control.leases.values() if lease.batch == "1"))
    answers = await burst([gateway], place, 8)
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 3}
    await until(lambda: control.spent(limit.scope) == 5)


async def test_no_subscription_and_no_service_are_told_apart(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    other = a_subscriber(control)
    gateway = await start_gateway()
    async with gateway.client(other) as client:
        unsubscribed = await client.post("/v1/embeddings", json=place.body())
        unknown = await client.post("/v1/embeddings", json={"model": "acme/nothing", "input": "x"})
        models = await client.get("/v1/models")
    assert (unsubscribed.status_code, unsubscribed.json()["error"]["code"]) == (403, "not_subscribed")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "service_not_found")
    assert models.json()["data"] == []
