"""Which release answers a call: ranges, pre-releases, canaries."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mercato_contracts.dataplane import SnapshotCanary
from mercato_gateway import semver
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Upstream
from tests.gateway.conftest import Stage
from tests.support.waiting import until

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "semver.json").read_text())


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [("", "1.4.0"), ("@^1.2", "1.4.0"), ("@~1.2", "1.2.3"), ("@1.2.3", "1.2.3"), ("@canary", "2.0.0-rc.1"),
    ("@>=2.0.0-rc.0", "2.0.0-rc.1"),
     ("@^0.9", "0.9.1"), ("@latest", "1.4.0"), ("@1.5.0", None), ("@3.x", None), ("@!!", None)],
)  # fmt: skip
async def test_the_highest_live_release_in_the_range_answers(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, wanted: str, chosen: str | None
) -> None:
    versions = {"0.9.1": "deprecated", "1.2.3": "live", "1.4.0": "live", "1.5.0": "yanked", "2.0.0-rc.1": "live"}
    releases = [
        a_release(version, [a_deployment(upstream.url + "/v1", upstream_model=version)], status=status)
        for version, status in versions.items()
    ]
    service = a_service("acme/embedder", releases, aliases={"canary": "2.0.0-rc.1"})
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        got = await client.post("/v1/embeddings", json={"model": f"acme/embedder{wanted}", "input": "x"})
    if chosen is None:
        assert got.status_code in (400, 404)
    else:
        assert upstream.received[0].json["model"] == chosen


@pytest.mark.parametrize(
    ("wanted", "canary_calls"),
    [("", 10), ("@latest", 10), ("@^1", 10), ("@~1.4", 0), ("@1.4.0", 0), ("@1.5.0", 40), ("@canary", 40)],
)
async def test_a_canary_takes_exactly_its_share_of_the_calls_whose_range_it_fits(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, wanted: str, canary_calls: int
) -> None:
    releases = [
        a_release(version, [a_deployment(upstream.url + "/v1", upstream_model=version)])
        for version in ("1.3.0", "1.4.0", "1.5.0")
    ]
    service = a_service(
        "acme/embedder", releases, aliases={"canary": "1.5.0"}, canary=SnapshotCanary(version="1.5.0", percent=25)
    )
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        for _ in range(40):
            body = {"model": f"acme/embedder{wanted}", "input": "x"}
            assert (await client.post("/v1/embeddings", json=body)).status_code == 200
        versions = [request.json["model"] for request in upstream.received]
        assert (versions.count("1.5.0"), versions.count("1.3.0")) == (canary_calls, 0)
        upstream.received.clear()
        control.put_service(service.model_copy(update={"aliases": {}, "canary": None}))

        async def promoted() -> bool:
            await client.post("/v1/embeddings", json={"model": "acme/embedder@canary", "input": "x"})
            await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "x"})
            return [request.json["model"] for request in upstream.received[-2:]] == ["1.5.0", "1.5.0"]

        await until(promoted)
    by_release = Counter(event.release_id for event in control.events.values())
    assert set(by_release) <= {release.id for release in releases}


async def test_a_canary_whose_range_has_nothing_else_takes_all_calls(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    release = a_release("2.0.0", [a_deployment(upstream.url + "/v1", upstream_model="2.0.0")])
    old = a_release("1.0.0", [a_deployment(upstream.url + "/v1", upstream_model="1.0.0")])
    service = a_service("acme/embedder", [release, old], canary=SnapshotCanary(version="2.0.0", percent=1))
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        for _ in range(3):
            await client.post("/v1/embeddings", json={"model": "acme/embedder@^2", "input": "x"})
    assert [request.json["model"] for request in upstream.received] == ["2.0.0"] * 3


async def test_a_canary_that_is_kept_out_of_routing_takes_no_share(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    releases = [
        a_release(version, [a_deployment(upstream.url + "/v1", upstream_model=version, weight=weight)])
        for version, weight in (("1.4.0", 100), ("1.5.0", 0))
    ]
    aliases, canary = {"canary": "1.5.0"}, SnapshotCanary(version="1.5.0", percent=99)
    service = a_service("acme/embedder", releases, aliases=aliases, canary=canary)
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:

        async def call(model: str) -> int:
            return (await client.post("/v1/embeddings", json={"model": model, "input": "x"})).status_code

        assert [await call("acme/embedder") for _ in range(5)] == [200] * 5
        assert await call("acme/embedder@canary") == 503
    assert [request.json["model"] for request in upstream.received] == ["1.4.0"] * 5


def test_semver_precedence_is_the_standards_own_example() -> None:
    alphas, betas = (
        ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta"],
        ["1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"],
    )
    order = [*alphas, *betas, "1.0.0-rc.1", "1.0.0"]
    parsed = [semver.parse_version(text) for text in order]
    assert parsed == sorted(parsed)
    assert len(set(parsed)) == len(parsed)
    assert not semver.matches(semver.parse_version("2.0.0-rc.1"), semver.parse_range("^1"))


@pytest.mark.parametrize("vector", VECTORS["ranges"], ids=lambda vector: vector["range"] or "empty")
def test_a_range_contains_what_npm_says(vector: dict[str, Any]) -> None:
    wanted = semver.parse_range(vector["range"])
    versions = VECTORS["versions"]
    assert [each for each in versions if semver.matches(semver.parse_version(each), wanted)] == vector["contains"]


@pytest.mark.parametrize("text", VECTORS["invalid_ranges"])
def test_refuses_what_is_no_range(text: str) -> None:
    with pytest.raises(semver.BadRange):
        semver.parse_range(text)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("^1.0.0-rc.1", "1.0.2+build.5"), (">=1.0.0-rc.1 <2", "1.0.2+build.5"), ("1.0.2+build.5", "1.0.2+build.5"),
        ("1.0.2", "1.0.2+build.5"), ("^1", "1.0.2+build.5"), ("1.0 - 1.1", "1.0.2+build.5"), ("*", "1.0.2+build.5"),
        ("", "1.0.2+build.5"), (">=1.1.0-alpha <1.1.0", "1.1.0-beta.1"), ("~2.0.0-rc", "2.0.0-rc.1"),
        ("<1.0.2 || 2.0.0-rc.1", "2.0.0-rc.1"), ("2.x", None), (">1.0.2", None), (">=1,<2", None), ("1.0.2+", None),
    ],
)  # fmt: skip
async def test_ranges_mean_what_they_mean_to_npm(stage: Stage, wanted: str, chosen: str | None) -> None:
    name = f"acme/ranged-{len(stage.control.services)}"
    releases = [
        a_release(version, [a_deployment(stage.upstream.url + "/v1", upstream_model=version)])
        for version in ("1.0.1", "1.0.2+build.5", "1.1.0-beta.1", "2.0.0-rc.1")
    ]
    service = a_service(name, releases)
    stage.control.put_service(service)
    key = a_subscriber(stage.control, subscribe(service))
    async with stage.gateway.client(key) as client:

        async def got() -> Any:
            answer = await client.post("/v1/embeddings", json={"model": f"{name}@{wanted}", "input": "x"})
            return answer if "service_not_found" not in answer.text else None

        answered = await until(got)
    if chosen is None:
        assert answered.status_code in (400, 404)
    else:
        assert stage.upstream.received[-1].json["model"] == chosen


async def test_a_canary_that_is_a_pre_release_is_tried_only_by_those_who_asked_for_no_range(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    releases = [
        a_release(version, [a_deployment(upstream.url + "/v1", upstream_model=version)])
        for version in ("1.4.0", "1.5.0-rc.1")
    ]
    service = a_service("acme/embedder", releases, canary=SnapshotCanary(version="1.5.0-rc.1", percent=50))
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    for wanted, canary_calls in (("", 5), ("@latest", 5), ("@*", 0), ("@^1", 0), ("@>=1.5.0-rc.0", 10)):
        upstream.received.clear()
        async with gateway.client(key) as client:
            for _ in range(10):
                await client.post("/v1/embeddings", json={"model": f"acme/embedder{wanted}", "input": "x"})
        assert [request.json["model"] for request in upstream.received].count("1.5.0-rc.1") == canary_calls, wanted
