"""What a newcomer opens first."""

import httpx

from tests.e2e.marketplace import Marketplace


def test_the_control_api_shows_its_documentation_from_its_own_machine(marketplace: Marketplace) -> None:
    page = httpx.get(f"{marketplace.control_url}/docs")
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "swagger" in page.text.lower()
    assert "https://" not in page.text, "nothing is loaded from elsewhere"


def test_the_control_api_describes_itself(marketplace: Marketplace) -> None:
    document = httpx.get(f"{marketplace.control_url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/api/submissions", "/api/search", "/api/subscriptions", "/api/usage"} <= document["paths"].keys()
    assert not [path for path in document["paths"] if path.startswith("/internal")]


def test_every_process_says_that_it_lives(marketplace: Marketplace) -> None:
    for url in (marketplace.gateway.url, marketplace.control_url):
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{url}/readyz").json()["status"] == "ready"


def test_the_gateway_answers_nothing_without_a_key(marketplace: Marketplace) -> None:
    answer = httpx.get(f"{marketplace.gateway.url}/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key_missing")
    assert answer.headers["www-authenticate"].startswith("Bearer")
