"""A suspended organisation's calls stop at a running gateway, and go on once it is reinstated."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.cli.conftest import Shop
from tests.support.waiting import eventually


@pytest.fixture
def operator(shop: Shop) -> Iterator[httpx.Client]:
    """The control API as the operator's administrator."""
    with httpx.Client(base_url=shop.url, timeout=60) as client:
        login = {"email": "admin@localhost", "password": shop.operator_password}
        token = client.post("/api/sessions", json=login).raise_for_status().json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield client


def test_calls_stop_and_go_on(shop: Shop, operator: httpx.Client) -> None:
    slug = f"late-payer-{time.time_ns()}"
    person = {"organisation": slug, "name": "Late", "email": f"{slug}@example.org", "password": "correct horse battery"}
    operator.post("/api/organisations", json=person).raise_for_status()
    login = {"email": person["email"], "password": person["password"]}
    token = operator.post("/api/sessions", json=login).raise_for_status().json()["access_token"]
    made = operator.post("/api/keys", json={"kind": "ck", "name": "n"}, headers={"authorization": f"Bearer {token}"})
    key = {"authorization": f"Bearer {made.raise_for_status().json()['key']}"}

    def status() -> int:
        return httpx.get(f"{shop.gateway}/v1/models", headers=key, timeout=60).status_code

    eventually(lambda: status() == 200, "the key is known to the gateway")
    operator.post(f"/api/organisations/{slug}/suspend", json={"reason": "unpaid"}).raise_for_status()
    eventually(lambda: status() in (401, 403), "the gateway refuses the suspended organisation's key")
    operator.post(f"/api/organisations/{slug}/reinstate", json={"reason": "paid"}).raise_for_status()
    eventually(lambda: status() == 200, "the gateway takes the key again")
