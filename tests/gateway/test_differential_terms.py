"""Whoever answers a call, it is charged to the nano-unit and held by every limit as `oracle_of_terms` says.

Clients call models by both doors; deployments fail, canaries run, plans, prices, caps, keys and fallbacks change in
between and while calls are in flight. A client's calls come one after another, so that what its limits refuse is
exact; the clients run side by side.
"""

import asyncio
import random

import pytest

from mercato_contracts.dataplane import (
    UsageEvent,
)
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.gateway import oracle_of_terms as oracle
from tests.gateway.expected import expect
from tests.gateway.terms_client import Client, Told, place_of
from tests.gateway.terms_market import Market
from tests.gateway.terms_upstream import CALLS_A_ROUND, CLIENTS, Back
from tests.support.waiting import until


def check_event(control: ControlPlane, event: UsageEvent, body: Told) -> None:
    """It says what the oracle says."""
    stage, tokens = body.stages[body.stage], body.paid
    asked = body.stages[0].service.id if body.stage else None
    expect(
        event,
        body,
        service_id=stage.service.id,
        vendor_id=stage.service.vendor_id,
        subscription_id=stage.subscription.id,
        plan_id=stage.plan.id,
        asked_service_id=asked,
        status=body.status,
        tokens_in=tokens.into,
        tokens_out=tokens.out,
        tokens_cached=tokens.cached,
        source=tokens.source,
        included=body.included,
        price_nanos=body.nanos,
        currency=stage.plan.currency,
        key_id=body.key_id,
        bytes_in=len(body.ask.text()),
    )
    claimed = body.believed.claimed
    expect(
        event,
        body,
        unpaid_tokens_in=body.tokens.into - tokens.into,
        unpaid_tokens_out=body.tokens.out - tokens.out,
        doubt=body.believed.doubt,
        claimed_tokens_in=None if claimed is None else claimed.into,
        claimed_tokens_out=None if claimed is None else claimed.out,
    )
    if body.place:
        ids = {place_of(each): (release.id, each.id) for release, each in stage.able()}
        assert (event.release_id, event.deployment_id) == ids[body.place]
    used: dict[str, int] = {}
    for lease, units in event.spends:
        scope = control.leases[lease].scope
        used[scope] = used.get(scope, 0) + units
    assert used == dict(oracle.spends(stage, tokens, body.included, body.nanos)), (body, event)


async def change_under_way(market: Market, clients: list[Client]) -> None:
    """Changes one thing while each client has a call in flight, which goes on by the terms that held at its start."""
    back = market.back
    back.gate.clear()
    back.waiting = 0
    calls = [asyncio.create_task(client.call(held=True)) for client in clients]
    await until(lambda: back.waiting + sum(call.done() for call in calls) == len(calls))
    await market.change()
    back.gate.set()
    await asyncio.gather(*calls)


async def run(seed: int, rounds: int, control: ControlPlane, start_gateway: StartGateway) -> None:
    rng, back = random.Random(seed), Back({})
    server = await asyncio.start_server(back.serve, "127.0.0.1", 0, limit=1 << 20)
    gateway = await start_gateway()
    market = Market(control, gateway, back, server.sockets[0].getsockname()[1], rng)
    market.open()
    clients = [Client(name, random.Random(f"{seed}-{name}"), gateway, market) for name in CLIENTS]
    for _ in range(rounds):
        await change_under_way(market, clients)
        for _ in range(CALLS_A_ROUND):
            await market.settled()
            await asyncio.gather(*(client.call() for client in clients))
    await market.settled()
    calls = {request_id: expected for client in clients for request_id, expected in client.calls.items()}
    await until(lambda: len(control.events) >= len(calls))
    events = {event.request_id: event for event in control.events.values()}
    assert events.keys() == calls.keys()
    for request_id, expected in calls.items():
        check_event(control, events[request_id], expected)
    assert gateway.events("call_broke") == []
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, *range(100, 110)])
async def test_every_call_is_held_and_charged_by_the_terms_of_its_moment(
    seed: int, control: ControlPlane, start_gateway: StartGateway
) -> None:
    await run(seed, 60, control, start_gateway)
