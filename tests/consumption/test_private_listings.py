"""A private service is there for its own organisation and those it names. For others no route knows it."""

import json
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import select

from mercato.edge.wiring import running_of
from mercato.identity import Caller
from mercato.platform.outbox import OutboxRow
from mercato.publishing import Catalogue, Release, Service
from mercato.publishing.models import Deployment
from mercato.signals.models import DeploymentRoundScore
from mercato_contracts.catalog import CatalogModel
from tests.console.browser import browser_of
from tests.consumption.test_alerts import calls
from tests.consumption.test_measuring import measure, write_rows
from tests.metering.test_usage_api import sign_in
from tests.support.governed import ask
from tests.support.market import Customer, Market

SECRET = "quokka"
_STREAMS = {"/api/consumption/snapshot", "/api/data/stream"}


@dataclass
class Scene:
    """A vendor with a public and a private service; who sees the latter, and who does not."""

    vendor: Caller
    friend: Caller
    stranger: Caller
    public: Service
    private: Service
    customer: Customer


async def _keep_private(market: Market, service: Service, *friends: str) -> None:
    await market.add_release(
        service, "1.1.0", visibility="private", visible_to=list(friends), title=f"The {SECRET} of embedders",
        tags=[f"{SECRET}-tag"], licence=f"LicenseRef-{SECRET}", regions=[f"{SECRET}-land"],
        plans=[{"name": f"{SECRET}-plan", "price": {"per_call": "0.001"}}],
    )  # fmt: skip


@pytest.fixture
async def scene(market: Market, app: FastAPI) -> Scene:
    """Both services are measured and reviewed alike, so that every list would have them."""
    vendor, friend, stranger = [await market.people.join(name) for name in ("acme", "friend", "stranger")]
    public, open_plan = await market.list_service(vendor, "embedder")
    private, plan = await market.list_service(vendor, SECRET)
    customer = Customer(friend, await market.make_key(friend), await market.subscribe(friend, plan), plan, private)
    other = await market.customer(public, open_plan)
    await _keep_private(market, private, "friend")
    await write_rows(market, public, private)
    await calls(market, customer, good=120, duration_us=20_000)
    await calls(market, other, good=120, duration_us=20_000)
    await measure(market)
    await _index(app)
    return Scene(vendor, friend, stranger, public, private, customer)


async def _index(app: FastAPI) -> None:
    keeper = running_of(app).index_keeper
    assert keeper is not None
    await keeper.build()


_SENT = {
    "search": {"q": SECRET}, "suggest": {"q": SECRET}, "facets": {"q": SECRET},
    "compare": {"service": f"acme/{SECRET}"}, "diff": {"from": "1.0.0", "to": "1.1.0"},
}  # fmt: skip


def _gets(app: FastAPI) -> list[str]:
    found = {
        context.path
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and "GET" in (context.original_route.methods or ())
    }
    return sorted(path for path in found if path and path not in _STREAMS)


async def _ask_all(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> list[httpx.Response]:
    """What a route answers; one that finds or compares, also to the parameters that could lead to the service."""
    asked: list[dict[str, str]] = [{}]
    asked += [sent for part, sent in _SENT.items() if part in path]
    answers = [await client.get(path, params=params, headers=headers) for params in asked]
    assert 429 not in [answer.status_code for answer in answers], "the walk outran its allowance"
    return answers


def _fill(path: str, name: str, service: Service) -> str:
    filled = path.replace("{vendor}", "acme").replace("{name}", name).replace("{service}", name)
    return filled.replace("{version}", "1.1.0").replace("{slug}", "acme").replace("{service_id}", service.id)


def _tells(answer: httpx.Response) -> bool:
    """Whether it holds more than the words that were sent."""
    return any(f"{word}" in answer.text for word in (f"The {SECRET}", f"{SECRET}-tag", f"{SECRET}-plan"))


@pytest.fixture
def unhurried(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is slowed down: the walk asks hundreds of times in one moment."""
    wiring = running_of(app).wiring
    for name in ("throttle", "guessing", "organisations"):
        monkeypatch.setattr(getattr(wiring, name), "take", lambda *_: {})


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("who", ["nobody", "stranger"])
async def test_no_route_tells_more_of_it_than_of_a_service_that_never_was(app: FastAPI, scene: Scene, who: str) -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test") as client:
        headers = await sign_in(client, scene.stranger) if who == "stranger" else {}
        walked = [0, 0]
        for path in _gets(app):
            if "{vendor}" in path or "{slug}" in path:
                walked[0] += 1
                asked = await _ask_all(client, _fill(path, SECRET, scene.private), headers)
                nothing = await _ask_all(client, _fill(path, "zzzzzz", scene.private), headers)
                assert [one.status_code for one in asked] == [one.status_code for one in nothing], path
                assert not any(map(_tells, asked)), path
            elif "{" not in path:
                walked[1] += 1
                assert not any(map(_tells, await _ask_all(client, path, headers))), path
        assert min(walked) >= 20, walked


async def test_those_who_may_see_it_find_it_everywhere(app: FastAPI, api: httpx.AsyncClient, scene: Scene) -> None:
    for who in (scene.vendor, scene.friend):
        headers = await sign_in(api, who)

        async def names(path: str, params: dict[str, str], headers: dict[str, str] = headers) -> str:
            answer = await api.get(path, params=params, headers=headers)
            assert answer.status_code == 200, (path, answer.text)
            return answer.text

        found = json.loads(await names("/api/search", {"q": "quokka embedders"}))
        assert found["items"][0]["name"] == f"acme/{SECRET}"
        assert found["items"][0]["private"] is True
        assert {one["value"] for one in found["facets"]["tag"]} == {f"{SECRET}-tag"}
        for path, params in (
            ("/api/suggest", {"q": SECRET[:4]}), ("/api/facets", {}), ("/api/categories", {}), ("/api/rankings", {}),
            ("/api/compare", {"service": f"acme/{SECRET}"}), (f"/api/services/acme/{SECRET}", {}),
            (f"/api/services/acme/{SECRET}/measured", {}),
            ("/api/status", {}), (f"/api/status/acme/{SECRET}", {}),
            (f"/api/services/acme/{SECRET}/diff", {"from": "1.0.0", "to": "1.1.0"}),
        ):  # fmt: skip
            assert SECRET in await names(path, params), path
        assert "visible_to" not in await names(f"/api/services/acme/{SECRET}", {}), (
            "who else sees it is nobody's business"
        )
        kept = await api.get("/api/rankings", headers=headers)
        assert kept.headers["cache-control"] == "private, no-store"


async def test_totals_facets_and_words_count_what_is_seen(api: httpx.AsyncClient, scene: Scene) -> None:
    stranger, vendor = await sign_in(api, scene.stranger), await sign_in(api, scene.vendor)
    seen = {}
    for name, headers in (("nobody", {}), ("stranger", stranger), ("vendor", vendor)):
        answer = (await api.get("/api/facets", headers=headers)).json()
        seen[name] = (answer["total"], sum(one["count"] for one in answer["facets"]["task"]))
    assert seen == {"nobody": (1, 1), "stranger": (1, 1), "vendor": (2, 2)}
    # A word that only a private listing has is as unknown as one that nobody has.
    known, unknown = [
        (await api.get("/api/search", params={"q": f"embeder {word}"})).json() for word in (SECRET, "zzzzzz")
    ]
    for answer in (known, unknown):
        answer.pop("understood")
        for item in answer["items"]:
            item.pop("score")
            item.pop("snippet")
    assert known == unknown


async def test_what_an_owner_asked_is_not_given_to_a_stranger_from_memory(api: httpx.AsyncClient, scene: Scene) -> None:
    vendor, stranger = await sign_in(api, scene.vendor), await sign_in(api, scene.stranger)
    for path in ("/api/search?q=quokka", "/api/suggest?q=quok", "/api/categories", "/api/status", "/api/rankings"):
        for headers, sees in ((vendor, True), ({}, False), (stranger, False), (vendor, True), ({}, False)):
            answer = await api.get(path, headers=headers)
            assert (f"acme/{SECRET}" in answer.text or f'"name":"{SECRET}"' in answer.text) is sees, path


async def test_strangers_are_refused_its_plans_keys_and_prices(
    api: httpx.AsyncClient, market: Market, scene: Scene
) -> None:
    stranger = await sign_in(api, scene.stranger)
    async with market.database.transaction() as session:
        (plan,) = await Catalogue(session).open_plans(scene.private.id)
    subscribed = await api.post("/api/subscriptions", json={"plan_id": plan.id}, headers=stranger)
    nothing = await api.post("/api/subscriptions", json={"plan_id": "pln_" + "0" * 32}, headers=stranger)
    assert (subscribed.status_code, subscribed.json()["code"]) == (nothing.status_code, nothing.json()["code"])
    held = {"kind": "ck", "name": "k", "services": [f"acme/{SECRET}"]}
    assert (await api.post("/api/keys", json=held, headers=stranger)).json()["code"] == "service_not_found"
    query = f'{{ service(id: "{scene.private.id}") {{ name }} }}'
    assert (await ask(api, stranger, query))["data"] == {"service": None}
    assert (await ask(api, await sign_in(api, scene.vendor), query))["data"] == {"service": {"name": SECRET}}
    taken = await api.post("/api/subscriptions", json={"plan_id": plan.id}, headers=await sign_in(api, scene.friend))
    assert taken.status_code in (200, 201, 409), "the friend has another plan of it already"


async def test_gateways_know_who_may_call(market: Market, scene: Scene) -> None:
    async with market.database.transaction() as session:
        routes = {route.name: route for route in await Catalogue(session).routes()}
    assert routes["embedder"].callers is None
    assert routes[SECRET].callers == [scene.vendor.organisation_id, scene.friend.organisation_id]


async def test_to_open_it_or_close_it_is_a_change_that_is_told(
    app: FastAPI, api: httpx.AsyncClient, market: Market, scene: Scene
) -> None:
    await market.add_release(scene.private, "2.0.0", title="Now for all")
    await write_rows(market, scene.private)
    await _index(app)
    assert (await api.get(f"/api/services/acme/{SECRET}")).json()["visibility"] == "public"
    assert (await api.get("/api/search", params={"q": SECRET})).json()["total"] >= 1
    diff = (await api.get(f"/api/services/acme/{SECRET}/diff", params={"from": "1.0.0", "to": "1.1.0"})).json()
    assert ("manifest.visibility", "breaking") in [(one["rule"], one["weight"]) for one in diff["changes"]]
    async with market.database.transaction() as session:
        rows = list(
            await session.scalars(
                select(OutboxRow.payload)
                .where(OutboxRow.topic == "service.visibility_changed")
                .order_by(OutboxRow.number)
            )
        )
    assert [row["after"]["visibility"] for row in rows] == ["private", "public"]


async def test_a_yank_of_the_private_version_does_not_open_the_service(
    api: httpx.AsyncClient, market: Market, scene: Scene
) -> None:
    vendor = await sign_in(api, scene.vendor)
    path = f"/api/services/acme/{SECRET}"
    yanked = await api.post(f"{path}/releases/1.1.0/yank", json={"reason": "broken"}, headers=vendor)
    assert yanked.status_code == 200, yanked.text
    shown = (await api.get(path, headers=vendor)).json()
    assert (shown["latest_version"], shown["visibility"]) == ("1.0.0", "private")
    assert (await api.get(path)).status_code == 404


async def test_the_public_catalogue_and_pages_leave_it_out(app: FastAPI, scene: Scene) -> None:
    async with browser_of(app) as browser:
        items = [CatalogModel.model_validate(one) for one in (await browser.get("/api/catalog")).json()["items"]]
        assert [one.name for one in items] == ["acme/embedder"]
        assert (await browser.get(f"/services/acme/{SECRET}")).status_code == 404
        assert SECRET not in (await browser.get("/vendors/acme")).text


async def test_the_leaderboard_has_a_private_deployment_for_those_only_who_see_its_service(
    api: httpx.AsyncClient, app: FastAPI, market: Market, scene: Scene
) -> None:
    own = [await _score(market, service) for service in (scene.public, scene.private)]
    operator = await market.operator()
    for caller, seen in ((None, 1), (scene.stranger, 1), (scene.friend, 2), (scene.vendor, 2), (operator, 2)):
        headers = {} if caller is None else await sign_in(api, caller)
        rows = (await api.get("/api/leaderboard", headers=headers)).json()["items"]
        assert sorted(row["deployment"] for row in rows) == sorted(own[:seen])
        assert [row["rank"] for row in rows] == list(range(1, seen + 1))
        claim = await api.get(f"/api/deployments/{own[1]}/reconciliation", headers=headers)
        assert claim.status_code == (200 if seen == 2 else 404)
    async with browser_of(app) as browser:
        page = (await browser.get("/leaderboard")).text
    assert page.count('<th scope="row">acme') == 1


async def test_operators_read_the_levels_of_a_private_service(
    api: httpx.AsyncClient, market: Market, scene: Scene
) -> None:
    operator = await market.operator()
    path = f"/api/services/acme/{SECRET}/sla"
    found = await api.get(path, headers=await sign_in(api, operator))
    assert found.status_code == 200
    assert max(window["calls"] for window in found.json()["windows"]) > 0
    assert (await api.get(path, headers=await sign_in(api, scene.stranger))).status_code == 404


async def _score(market: Market, service: Service) -> str:
    """Score a deployment of the service in one round; returns its id."""
    async with market.database.transaction() as session:
        query = select(Deployment.id).join(Release, Release.id == Deployment.release_id)
        deployment = (await session.scalars(query.where(Release.service_id == service.id).limit(1))).one()
        means = ("rank_ic", "contribution", "uniqueness", "churn", "turnover", "deflated_sharpe")
        figures: dict[str, object] = {"eras": [], **dict.fromkeys(means, 0.1)}
        session.add(
            DeploymentRoundScore(
                deployment_id=deployment, round_id="rnd_1", dataset_id="dat_1", number=1, vendor_id=service.vendor_id,
                vendor="acme", weight=0, figures=figures, at=market.clock.now(),
            )
        )  # fmt: skip
    return deployment
