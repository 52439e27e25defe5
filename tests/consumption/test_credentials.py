"""What deployments present to their endpoints reaches gateways with the routes, and nobody else."""

import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.edge.wiring import Wiring, running_of
from mercato.identity import Caller
from mercato.publishing import Credentials, Lifecycle, Service, ServiceChanged
from tests.consumption.test_snapshot import Line, listening
from tests.support.market import Market

SECRET = "sk-test-4f9a1c7e5b3d"
OTHER = "sk-test-anOtherOne99"
ASKED = {"header": "X-Api-Key", "prefix": "Key ", "secret": "provider"}


class Vault:
    """The running control plane's own credentials, as their owners change them."""

    def __init__(self, market: Market, wiring: Wiring) -> None:
        self.market = market
        self.seal = wiring.credential_seal

    async def put(self, vendor: Caller, value: str = SECRET, name: str = "provider") -> None:
        async with self.market.database.transaction() as session:
            desk = Credentials(session, self.market.clock, self.market.ids, self.market.outbox, self.seal)
            await desk.put(vendor, name, value)

    async def remove(self, vendor: Caller) -> None:
        async with self.market.database.transaction() as session:
            desk = Credentials(session, self.market.clock, self.market.ids, self.market.outbox, self.seal)
            await desk.remove(vendor, "provider")


@pytest.fixture
def vault(market: Market, app: FastAPI) -> Vault:
    return Vault(market, running_of(app).wiring)


async def guarded(market: Market, vendor: Caller, name: str = "embedder") -> Service:
    """A listed service whose second release asks for a credential, and whose first does not."""
    service, _ = await market.list_service(vendor, name)
    endpoint = {"url": "http://127.0.0.1:9/v1", "credential": ASKED}
    await market.add_release(service, "1.1.0", endpoint=endpoint)
    return service


def places(line: Line) -> dict[str, Any]:
    """The one deployment of each version."""
    return {release["version"]: release["deployments"][0] for release in line["releases"]}


def presents(service: Service, value: str | None) -> Any:
    def fits(line: Line) -> bool:
        if line["type"] != "service" or line["id"] != service.id:
            return False
        place = places(line)["1.1.0"]
        if value is None:
            return (place["credential"], place["weight"]) == (None, 0)
        return (place["credential"], place["weight"]) == ({"header": "x-api-key", "value": value}, 100)

    return fits


async def test_a_deployment_that_asks_for_one_gets_it_and_its_sibling_does_not(
    gateway: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    vendor = await market.people.join("acme")
    await vault.put(vendor)
    service = await guarded(market, vendor)
    async with listening(gateway) as listener:
        _, line = await listener.until(presents(service, f"Key {SECRET}"))
    assert places(line)["1.0.0"]["credential"] is None


async def test_each_vendor_has_its_own_under_the_same_name(
    gateway: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    acme, globex = await market.people.join("acme"), await market.people.join("globex")
    await vault.put(acme, SECRET)
    await vault.put(globex, OTHER)
    ours, theirs = await guarded(market, acme), await guarded(market, globex)
    async with listening(gateway) as listener:
        await listener.until(presents(ours, f"Key {SECRET}"))
        await listener.until(presents(theirs, f"Key {OTHER}"))


async def test_a_changed_one_is_told_of_its_services_only(
    gateway: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    acme, globex = await market.people.join("acme"), await market.people.join("globex")
    for vendor in (acme, globex):
        await vault.put(vendor)
    ours, theirs = await guarded(market, acme), await guarded(market, globex)
    async with listening(gateway) as one, listening(gateway) as two:
        expected = {listener: len(listener.lines) for listener in (one, two)}
        await vault.put(acme, OTHER)
        began = time.monotonic()
        for listener, after in expected.items():
            came, _ = await listener.until(presents(ours, f"Key {OTHER}"), after)
            print(f"told in {came - began:.3f} s")
            assert not any(line.get("id") == theirs.id for _, line in listener.lines[after:])


async def test_without_its_secret_a_deployment_takes_no_calls(
    gateway: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    vendor = await market.people.join("acme")
    await vault.put(vendor)
    service = await guarded(market, vendor)
    async with listening(gateway) as listener:
        async with market.database.transaction() as session:
            await Lifecycle(session, market.clock, market.outbox).withdraw(vendor, "acme", "embedder")
        await vault.remove(vendor)
        async with market.database.transaction() as session:
            await session.execute(text("UPDATE services SET status = 'listed'"))
            await market.outbox.add(session, ServiceChanged(by="usr_1", service_id=service.id))
        _, line = await listener.until(presents(service, None))
        assert places(line)["1.0.0"]["weight"] == 100
        await vault.put(vendor, OTHER)
        await listener.until(presents(service, f"Key {OTHER}"))


async def test_rows_that_were_swapped_are_sent_to_nobody(
    gateway: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    acme, globex = await market.people.join("acme"), await market.people.join("globex")
    await vault.put(acme, SECRET)
    await vault.put(globex, OTHER)
    ours, theirs = await guarded(market, acme), await guarded(market, globex)
    swap = """
        UPDATE vendor_credentials AS mine SET sealed = other.sealed
        FROM vendor_credentials AS other WHERE other.organisation_id <> mine.organisation_id
    """
    async with market.database.transaction() as session:
        await session.execute(text(swap))
    async with listening(gateway) as listener:
        for service in (ours, theirs):
            await listener.until(presents(service, None))
        assert not any(secret in str(listener.lines) for secret in (SECRET, OTHER))


async def test_a_yanked_release_takes_its_secret_to_nobody(
    gateway: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    vendor = await market.people.join("acme")
    await vault.put(vendor)
    await guarded(market, vendor)
    async with market.database.transaction() as session:
        lifecycle = Lifecycle(session, market.clock, market.outbox)
        await lifecycle.retire_release(vendor, "acme", "embedder", "1.1.0", "yanked", "leaked")
    async with listening(gateway) as listener:
        assert SECRET not in str(listener.lines)


async def test_no_public_page_and_no_stranger_to_the_gateways_shows_it(
    gateway: httpx.AsyncClient, api: httpx.AsyncClient, market: Market, vault: Vault
) -> None:
    vendor = await market.people.join("acme")
    await vault.put(vendor)
    await guarded(market, vendor)
    token = (
        await api.post("/api/sessions", json={"email": "acme@example.org", "password": "correct horse battery"})
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    pages = ("/api/catalog", "/api/deployments", "/api/search?q=embedder")
    seen = [await api.get(path, headers=headers) for path in pages]
    assert [answer.status_code for answer in seen] == [200] * 3
    seen.append(await gateway.get("/internal/snapshot", headers=headers))
    assert seen[-1].status_code == 401
    for answer in seen:
        assert SECRET not in answer.text
