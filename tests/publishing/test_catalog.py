"""The public catalogue: for anybody, from memory, and never more than five seconds old."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from mercato.app.control import build_wiring, create_app
from mercato.app.settings import Settings
from mercato.platform import Database
from mercato.publishing import DeploymentHolds, Service
from mercato.publishing.models import Deployment
from mercato_contracts.catalog import CatalogPage
from tests.conftest import People, TestClock
from tests.support.market import Market

_SITE = "https://desk.example"


async def _read(api: httpx.AsyncClient, after: str = "", **headers: str) -> httpx.Response:
    return await api.get("/api/catalog", params={"after": after}, headers=headers)


@pytest.mark.slow
async def test_more_than_a_hundred_vendors_are_read_page_by_page(
    api: httpx.AsyncClient,
    market: Market,
    people: People,
) -> None:
    for number in range(105):
        vendor = await people.join(f"vendor-{number}")
        await market.list_service(vendor, "one")
        await market.list_service(vendor, "two")
    first = CatalogPage.model_validate((await _read(api)).json())
    assert len(first.items) == 200
    rest = CatalogPage.model_validate((await _read(api, first.next or "")).json())
    assert (len(rest.items), rest.next) == (10, None)
    names = {each.name for each in first.items + rest.items}
    assert len(names) == 210
    assert {each.vendor for each in first.items + rest.items} == {f"vendor-{number}" for number in range(105)}
    assert {each.status for each in first.items} == {"live"}


async def test_what_did_not_change_is_not_sent_again(
    api: httpx.AsyncClient,
    market: Market,
    people: People,
    clock: TestClock,
) -> None:
    await market.list_service(await people.join("acme"))
    answer = await _read(api)
    assert answer.headers["cache-control"] == "public, max-age=5"
    for sent in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
        again = await _read(api, **{"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
    clock.advance(timedelta(seconds=6))
    assert (await _read(api, **{"if-none-match": answer.headers["etag"]})).status_code == 304, "read anew, and the same"


async def test_withdrawn_and_held_services_show_within_five_seconds(
    api: httpx.AsyncClient,
    market: Market,
    people: People,
    clock: TestClock,
    database: Database,
) -> None:
    vendor = await people.join("acme")
    gone, _ = await market.list_service(vendor, "gone")
    await market.list_service(vendor, "held")
    assert len((await _read(api)).json()["items"]) == 2
    async with database.transaction() as session:
        await session.execute(update(Service).where(Service.id == gone.id).values(status="withdrawn"))
        for deployment in await session.scalars(select(Deployment.id)):
            await DeploymentHolds(session, clock, market.outbox).hold_deployment(
                deployment, holder="test", reason="for a while", by="usr_test"
            )
    assert len((await _read(api)).json()["items"]) == 2, "from memory"
    clock.advance(timedelta(seconds=6))
    (item,) = (await _read(api)).json()["items"]
    assert (item["name"], item["status"]) == ("acme/held", "held")


@pytest.mark.parametrize("after", ["svc_1", "'; drop table services", "svc_" + "g" * 32])
async def test_a_page_that_is_none_is_refused(api: httpx.AsyncClient, after: str) -> None:
    assert (await _read(api, after)).status_code == 422


async def test_scripts_of_listed_sites_may_read_it_and_no_others(
    settings: Settings, database_url: str, clock: TestClock
) -> None:
    allowing = settings.model_copy(update={"cors_origins": f"{_SITE},https://other.example"})
    app = create_app(build_wiring(allowing, database_url, clock), ["publishing"])
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://m") as api:
        answer = await _read(api, origin=_SITE)
        assert answer.headers["access-control-allow-origin"] == _SITE
        assert "access-control-allow-credentials" not in answer.headers
        assert "access-control-allow-origin" not in (await _read(api, origin="https://evil.example")).headers
        asked = {
            "origin": _SITE,
            "access-control-request-method": "GET",
            "access-control-request-headers": "if-none-match",
        }
        assert (await api.options("/api/catalog", headers=asked)).status_code == 200
        asked["origin"] = "https://evil.example"
        assert (await api.options("/api/catalog", headers=asked)).status_code == 400


async def test_no_site_is_listed_unless_the_operator_does(api: httpx.AsyncClient) -> None:
    assert "access-control-allow-origin" not in (await _read(api, origin=_SITE)).headers
