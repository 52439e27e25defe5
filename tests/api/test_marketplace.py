"""What the marketplace says of itself to anybody: where its gateway is."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings


async def test_without_an_address_of_its_own_the_gateway_is_at_its_port(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/marketplace")
    assert (answer.status_code, answer.json()) == (200, {"gateway_url": None, "gateway_port": 8080})


async def test_an_operators_address_of_the_gateway_is_named(settings: Settings, database_url: str) -> None:
    named = settings.model_copy(update={"gateway_public_url": "https://gateway.market.example/", "gateway_port": 9080})
    app: FastAPI = create_app(build_wiring(named, database_url), list(ROLES))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://m.test") as api,
    ):
        body = (await api.get("/api/marketplace")).json()
    assert body == {"gateway_url": "https://gateway.market.example", "gateway_port": 9080}


@pytest.mark.parametrize("url", ["gateway.example", "ftp://gateway.example", "https://gateway.example/?x=1"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(gateway_public_url=url)


async def test_a_malformed_request_is_explained_in_words(api: httpx.AsyncClient) -> None:
    wrong = {"organisation": "Acme_", "name": "Acme", "email": "nobody", "password": "short", "slug": "x"}
    problem = (await api.post("/api/organisations", json=wrong)).json()
    assert {error["field"]: error["message"] for error in problem["errors"]} == {
        "organisation": "must be lower-case letters, digits and inner hyphens, at most 63",
        "email": "must be an e-mail address such as ada@acme.example",
        "password": "is too short: the least length is 12",
        "slug": "is not a known field",
    }
    assert "short" not in problem["detail"]
