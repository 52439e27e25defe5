"""Status for everybody: public facts only, kept for half a minute, readable without a script."""

from datetime import timedelta
from html.parser import HTMLParser

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from mercato.consumption import WatchLevels
from tests.support.market import Customer, Market
from tests.support.statements import counted_at_server


async def acme(market: Market, name: str = "embedder") -> Customer:
    vendor = await market.people.join("acme")
    return await market.customer(*await market.list_service(vendor, name, availability_bp=9_990))


async def test_ninety_days_the_state_and_incidents_are_public_and_nothing_else(
    api: httpx.AsyncClient, market: Market
) -> None:
    customer = await acme(market)
    now = market.clock.now()
    for days, bad in ((0, 0), (3, 1), (89, 2), (90, 4)):
        at = now - timedelta(days=days)
        await market.take([market.event(customer, at=at, status=500 if n < bad else 200) for n in range(4)])
    market.clock.advance(timedelta(seconds=1))
    answer = await api.get("/api/status/acme/embedder")
    status = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=30")
    assert (status["state"], status["incidents"], len(status["days"])) == ("operational", [], 90)
    shares = {day["day"]: day["availability_bp"] for day in status["days"]}
    assert [shares["2026-11-02"], shares["2026-10-30"], shares["2026-10-31"], shares["2026-08-05"]] == [
        10_000, 7_500, None, 5_000,
    ]  # fmt: skip
    assert status["availability_bp"] == 9 * 10_000 // 12
    for secret in (customer.caller.organisation_id, customer.caller.organisation_slug, "calls", "127.0.0.1", "svc_"):
        assert secret not in answer.text


async def test_an_incident_opens_and_ends_in_public(api: httpx.AsyncClient, market: Market) -> None:
    customer = await acme(market)

    async def watch() -> None:
        async with market.database.transaction() as session:
            await WatchLevels(session, market.clock, market.ids, market.outbox).watch()

    await market.take([market.event(customer, status=503) for _ in range(20)])
    market.clock.advance(timedelta(seconds=1))
    await watch()
    status = (await api.get("/api/status/acme/embedder")).json()
    assert status["state"] == "outage"
    assert {(one["severity"], one["resolved_at"]) for one in status["incidents"]} == {("slow", None), ("fast", None)}
    listed = (await api.get("/api/status")).json()
    assert [(item["vendor"], item["name"], item["state"]) for item in listed["items"]] == [
        ("acme", "embedder", "outage")
    ]
    page = (await api.get("/status/acme/embedder")).text
    assert "still open" in page
    market.clock.advance(timedelta(hours=7))
    await market.take([market.event(customer) for _ in range(200)])
    market.clock.advance(timedelta(seconds=1))
    await watch()
    status = (await api.get("/api/status/acme/embedder")).json()
    assert (status["state"], [one["resolved_at"] is None for one in status["incidents"]]) == (
        "operational",
        [False, False],
    )


async def test_a_crowd_costs_one_question(api: httpx.AsyncClient, app: FastAPI, market: Market) -> None:
    customer = await acme(market)
    with counted_at_server(app) as asked:
        first = await api.get("/api/status/acme/embedder")
        after_first = sum("service_health" in statement for statement in asked)
        assert after_first > 0
        await market.take([market.event(customer, status=503)])
        for path in ("/api/status/acme/embedder", "/status/acme/embedder"):
            await api.get(path)
        assert (await api.get("/api/status/acme/embedder")).json() == first.json()
        assert sum("service_health" in statement for statement in asked) == after_first
    market.clock.advance(timedelta(seconds=31))
    assert (await api.get("/api/status/acme/embedder")).json()["availability_bp"] == 0


async def test_unlisted_services_have_no_status(api: httpx.AsyncClient, market: Market) -> None:
    await acme(market)
    assert (await api.get("/api/status/acme/nothing")).json()["code"] == "service_not_found"
    async with market.database.transaction() as session:
        await session.execute(text("UPDATE services SET status = 'withdrawn'"))
    assert (await api.get("/api/status/acme/embedder")).status_code == 404
    assert (await api.get("/api/status")).json()["items"] == []
    assert "No service is listed" in (await api.get("/status")).text


class Reader(HTMLParser):
    """What a browser without scripts sees."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br", "link", "img", "input", "hr"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


async def test_the_pages_are_whole_without_a_script_and_escape_what_vendors_wrote(
    api: httpx.AsyncClient, market: Market
) -> None:
    customer = await acme(market)
    await market.take([market.event(customer)])
    async with market.database.transaction() as session:
        await session.execute(text("UPDATE services SET title = '<script>alert(1)</script>&'"))
    for path, wanted in (("/status", "acme/embedder"), ("/status/acme/embedder", "Availability of the last 90 days")):
        answer = await api.get(path)
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        reader = Reader()
        reader.feed(answer.text)
        assert reader.open == []
        assert "<script>" not in answer.text
        assert "<script>alert(1)</script>&" in reader.said
        assert wanted in reader.said
        for link in reader.links:
            assert (await api.get(link)).status_code == 200


async def test_pages_of_services_give_each_once(api: httpx.AsyncClient, market: Market) -> None:
    vendor = await market.people.join("acme")
    for number in range(5):
        await market.list_service(vendor, f"service-{number}")
    seen: list[str] = []
    params: dict[str, str] = {"limit": "2"}
    while True:
        page = (await api.get("/api/status", params=params)).json()
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    assert sorted(seen) == [f"service-{number}" for number in range(5)]
