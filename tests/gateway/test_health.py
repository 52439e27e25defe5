"""Deployments that fail are left alone, ever longer, never all of them; checks find who is ill and who is well."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mercato_gateway.route import Router
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Upstream, answer
from tests.support.ports import free_port
from tests.support.waiting import until

BODY = {"model": "acme/embedder", "input": "x"}


def deployments(count: int) -> list[Any]:
    """Real deployments of one release, without connections."""
    from mercato_gateway.catalog import Deployment, Release
    from mercato_gateway.upstream import Connector, Pool
    from mercato_gateway.wire import SnapshotDeployment, SnapshotRelease

    loop = asyncio.get_running_loop()
    connector = Connector(loop, allow_private=True, timeout=1)
    wires = [SnapshotDeployment(f"dep_{n}", f"http://127.0.0.1:{n + 1}/v1") for n in range(count)]
    release = Release(SnapshotRelease("rel_1", "1.0.0", "live", [], wires))
    release.deployments = [Deployment(wire, release, Pool(wire, connector)) for wire in wires]
    return release.deployments


def fail(router: Router, deployment: Any, now: float) -> None:
    for _ in range(5):
        router.failed(deployment, now)


async def test_ejections_double_and_are_forgiven_in_time() -> None:
    router, (one, two) = Router(), deployments(2)
    now, lasted = 1000.0, []
    for _ in range(9):
        fail(router, one, now)
        lasted.append(one.ejected_until - now)
        assert {router.choose(one.release, now).id for _ in range(20)} == {two.id}
        now = one.ejected_until + 1
    assert lasted == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    fail(router, one, now + 100)
    assert one.ejected_until - now == 105


async def test_never_more_than_half_are_ejected() -> None:
    for count, most in ((1, 0), (2, 1), (3, 1), (4, 2), (5, 2)):
        router, made = Router(), deployments(count)
        for deployment in made:
            fail(router, deployment, 1000.0)
        assert sum(deployment.ejected_until > 1000.0 for deployment in made) == most


async def test_an_ejected_deployment_is_better_than_none_but_a_cooldown_is_honoured() -> None:
    router, (one, two) = Router(), deployments(2)
    fail(router, one, 1000.0)
    router.cool_down(two, 30, 1000.0)
    assert router.choose(one.release, 1000.0) is one
    router.checked(two, 1000.0, well=True)
    assert two.ejected_until == 1030.0


async def test_three_failed_checks_eject_and_one_good_one_lets_back() -> None:
    router, (one, _) = Router(), deployments(2)
    for _ in range(2):
        router.checked(one, 1000.0, well=False)
    assert one.ejected_until <= 1000.0
    router.checked(one, 1000.0, well=False)
    assert one.ejected_until == 1005.0
    router.checked(one, 1001.0, well=True)
    assert one.ejected_until <= 1001.0


async def test_a_running_gateway_finds_an_ill_deployment_by_its_path_and_lets_it_back(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    ill = SimpleNamespace(status=500)
    asked: list[str] = []

    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        if request.target == "/ready":
            asked.append(request.method)
            writer.write(answer(ill.status, b"{}"))
        else:
            writer.write(answer(200, b"{}"))

    second = Upstream()
    await second.start()
    second.script = script
    places = [a_deployment(upstream.url + "/v1"), a_deployment(second.url + "/v1", health_path="/ready")]
    alone = a_service("acme/alone", [a_release("1.0.0", [a_deployment(second.url + "/v1", health_path="/alone")])])
    service = a_service("acme/embedder", [a_release("1.0.0", places)])
    control.put_service(service)
    control.put_service(alone)
    key = a_subscriber(control, subscribe(service), subscribe(alone))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        for name in ("acme/embedder", "acme/alone"):
            assert (await client.post("/v1/embeddings", json={**BODY, "model": name})).status_code == 200

        async def is_out() -> bool:
            return await gateway.metric("mercato_gateway_deployments_ejected") == 1

        await until(is_out, 90)
        before = len(second.received)
        for _ in range(10):
            assert (await client.post("/v1/embeddings", json=BODY)).status_code == 200
        assert [request.target for request in second.received[before:] if request.target != "/ready"] == []
        ill.status = 204

        async def is_back() -> bool:
            return await gateway.metric("mercato_gateway_deployments_ejected") == 0

        await until(is_back, 90)
    assert not any(request.target == "/alone" for request in second.received)
    await second.stop()


@pytest.mark.slow
async def test_where_no_path_is_declared_a_connection_tells(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    dead = a_deployment(f"http://127.0.0.1:{free_port()}/v1")
    service = a_service("acme/embedder", [a_release("1.0.0", [dead, a_deployment(upstream.url + "/v1")])])
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        await client.post("/v1/embeddings", json=BODY)  # from now on it is known, and checked without any call

        async def is_out() -> bool:
            return await gateway.metric("mercato_gateway_deployments_ejected") == 1

        await until(is_out, 90)
        before = await gateway.metric("mercato_gateway_retries_total")
        assert [(await client.post("/v1/embeddings", json=BODY)).status_code for _ in range(5)] == [200] * 5
        assert await gateway.metric("mercato_gateway_retries_total") == before
