"""Keys held to services and addresses: set with the key, told to gateways, enforced at the control API too."""

from typing import Any

import httpx
import pytest

from tests.consumption.test_internal import introspect
from tests.support.market import Market

_PASSWORD = "correct horse battery"


async def sign_in(api: httpx.AsyncClient, slug: str) -> dict[str, str]:
    answer = await api.post("/api/sessions", json={"email": f"{slug}@example.org", "password": _PASSWORD})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def make(api: httpx.AsyncClient, who: dict[str, str], kind: str = "ck", **held: Any) -> dict[str, Any]:
    answer = await api.post("/api/keys", json={"kind": kind, "name": "held", **held}, headers=who)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_gateways_learn_what_a_key_is_held_to_and_lists_show_it(
    gateway: httpx.AsyncClient, api: httpx.AsyncClient, market: Market
) -> None:
    service, _ = await market.list_service(await market.people.join("acme"))
    await market.people.join("globex")
    who = await sign_in(api, "globex")
    key = await make(api, who, services=["acme/embedder"], addresses=["203.0.113.77/24", "2001:DB8::1"])
    assert key["services"] == [{"id": service.id, "name": "acme/embedder"}]
    grant = await introspect(gateway, key["key"])
    assert (grant["services"], grant["addresses"]) == ([service.id], ["203.0.113.0/24", "2001:db8::1/128"])
    [listed] = (await api.get("/api/keys", headers=who)).json()["items"]
    assert (listed["services"], listed["addresses"]) == (key["services"], grant["addresses"])
    assert (listed["created_by_name"], listed["last_used_at"]) == ("Globex", None)
    rotated = (await api.post(f"/api/keys/{key['id']}/rotate", json={}, headers=who)).json()
    assert (rotated["services"], rotated["addresses"]) == (listed["services"], listed["addresses"])
    lifted = await api.put(f"/api/keys/{rotated['id']}/hold", json={}, headers=who)
    assert (lifted.json()["services"], lifted.json()["addresses"]) == ([], [])
    free = await introspect(gateway, rotated["key"])
    assert (free["services"], free["addresses"]) == (None, None)


@pytest.mark.parametrize(
    ("held", "code"),
    [
        ({"services": ["acme/nothing"]}, "service_not_found"),
        ({"services": ["nothing"]}, "malformed_request"),
        ({"addresses": ["203.0.113.999"]}, "malformed_request"),
        ({"addresses": ["10.0.0.0/64"]}, "malformed_request"),
        ({"addresses": ["localhost"]}, "malformed_request"),
        ({"addresses": ["10.0.0.1"] * 51}, "malformed_request"),
    ],
)
async def test_a_hold_that_means_nothing_is_refused(
    api: httpx.AsyncClient, market: Market, held: dict[str, Any], code: str
) -> None:
    await market.people.join("globex")
    answer = await api.post("/api/keys", json={"kind": "ck", "name": "x", **held}, headers=await sign_in(api, "globex"))
    assert answer.json()["code"] == code


async def test_the_control_api_takes_a_held_key_from_its_addresses_only(api: httpx.AsyncClient, market: Market) -> None:
    await market.people.join("globex")
    who = await sign_in(api, "globex")
    here = await make(api, who, addresses=["127.0.0.0/8"])
    there = await make(api, who, kind="vk", addresses=["203.0.113.7"])
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {here['key']}"})).status_code == 200
    refused = await api.get("/api/me", headers={"Authorization": f"Bearer {there['key']}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "key_held_to_addresses")
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": there["key"],
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "dep_0193c4a1b2c37d4e8f90a1b2c3d4e5f6",
    }
    assert (await api.post("/api/oauth/token", data=form)).status_code == 403


async def test_nobody_holds_the_key_of_another_organisation(api: httpx.AsyncClient, market: Market) -> None:
    await market.people.join("globex")
    await market.people.join("acme")
    key = await make(api, await sign_in(api, "globex"))
    answer = await api.put(
        f"/api/keys/{key['id']}/hold", json={"addresses": ["10.0.0.1"]}, headers=await sign_in(api, "acme")
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "key_not_found")
