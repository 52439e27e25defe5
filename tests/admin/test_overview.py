"""The operator's first screen, announcements and maintenance, the settings, everybody's keys."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.edge.wiring import Wiring, running_of
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import Headers, sign_in, sign_up
from tests.conftest import People, TestClock


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


@pytest.fixture
def wiring(app: FastAPI) -> Wiring:
    return running_of(app).wiring


async def _announce(api: httpx.AsyncClient, who: Headers, **body: Any) -> dict[str, Any]:
    answer = await api.post("/api/announcements", json=body, headers=who)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_the_overview_is_one_request_and_for_operators(api: httpx.AsyncClient, operator: Headers) -> None:
    acme = await sign_up(api, "acme")
    thrown = await api.post(
        "/api/kill-switches", json={"scope": "vendor", "target": "acme", "reason": "a drill"}, headers=operator
    )
    assert thrown.status_code == 201, thrown.text
    found = (await api.get("/api/overview", headers=operator)).json()
    assert found["health"] == "unknown", "nothing probes a test"
    assert {each["name"] for each in found["services"]} >= {"gateway", "worker", "postgresql"}
    assert found["approvals"] == {"waiting": 0, "oldest_seconds": None, "oldest": []}
    assert (found["money"], found["calls"]["calls"], found["open_disputes"]) == ([], 0, 0)
    assert [each["kind"] for each in found["incidents"]] == ["kill switch"]
    assert (await api.get("/api/overview", headers=acme)).status_code == 403


async def test_during_maintenance_only_operators_change_anything(
    api: httpx.AsyncClient, operator: Headers, wiring: Wiring, clock: TestClock, ledger: Ledger
) -> None:
    acme = await sign_up(api, "acme")
    until = (clock.now() + timedelta(minutes=10)).isoformat()
    made = await _announce(api, operator, kind="maintenance", text="The disk grows.", ends_at=until)
    await wiring.notices.load()
    key = {"kind": "ck", "name": "laptop"}
    refused = await api.post("/api/keys", json=key, headers=acme)
    assert (refused.status_code, refused.json()["code"]) == (503, "under_maintenance")
    assert refused.headers["retry-after"] == "600"
    assert "The disk grows." in refused.json()["detail"]
    assert (await api.get("/api/keys", headers=acme)).status_code == 200
    assert (await api.post("/api/keys", json=key, headers=operator)).status_code == 201
    assert await sign_in(api, "acme@example.org")
    shown = (await api.get("/api/announcements", headers=acme)).json()["items"]
    assert [(each["text"], each["in_force"]) for each in shown] == [("The disk grows.", True)]
    assert (await api.get("/api/overview", headers=operator)).json()["under_maintenance"] is True
    ended = await api.post(f"/api/announcements/{made['id']}/end", headers=operator)
    assert ended.json()["in_force"] is False
    await wiring.notices.load()
    assert (await api.post("/api/keys", json=key, headers=acme)).status_code == 201
    await ledger.record()
    entries = (await api.get("/api/audit/entries", params={"target": made["id"]}, headers=operator)).json()["items"]
    assert [each["core"]["verb"] for each in entries] == ["announcement.changed", "announcement.changed"]


async def test_a_notice_stands_on_every_page_until_it_is_ended(
    api: httpx.AsyncClient, operator: Headers, wiring: Wiring
) -> None:
    made = await _announce(api, operator, kind="notice", text="Prices <b>fall</b>.")
    await wiring.notices.load()
    for path in ("/sign-in", "/status", "/nowhere"):
        assert "Prices &lt;b&gt;fall&lt;/b&gt;." in (await api.get(path, headers={"accept": "text/html"})).text
    await api.post(f"/api/announcements/{made['id']}/end", headers=operator)
    await wiring.notices.load()
    assert "Prices" not in (await api.get("/sign-in")).text


async def test_maintenance_that_is_still_to_come_begins_and_ends_by_itself(
    api: httpx.AsyncClient, operator: Headers, wiring: Wiring, clock: TestClock
) -> None:
    start = clock.now() + timedelta(minutes=5)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=5)).isoformat()}
    await _announce(api, operator, kind="maintenance", text="Later.", **times)
    await wiring.notices.load()
    for minutes, expected in ((0, 201), (6, 503), (6, 201)):
        clock.advance(timedelta(minutes=minutes))
        name = f"acme-{clock.now():%M}"
        body = {"organisation": name, "name": name, "email": f"{name}@x.org", "password": "correct horse battery"}
        assert (await api.post("/api/organisations", json=body)).status_code == expected


async def test_an_announcement_reaches_every_process(api: httpx.AsyncClient, operator: Headers, wiring: Wiring) -> None:
    from mercato.admin import AnnouncementChanged

    subscriber = wiring.notices.subscriber()
    assert subscriber.kinds == (AnnouncementChanged,)
    await _announce(api, operator, text="New prices on Monday.")
    await subscriber.handle([])
    assert [row.text for row in wiring.notices.current()] == ["New prices on Monday."]


async def test_only_operators_announce_and_periods_make_sense(
    api: httpx.AsyncClient, operator: Headers, clock: TestClock
) -> None:
    acme = await sign_up(api, "acme")
    assert (await api.post("/api/announcements", json={"text": "Hello"}, headers=acme)).status_code == 403
    assert (await api.get("/api/announcements?all_of_them=true", headers=acme)).status_code == 403
    for wrong in ({"ends_at": "2020-01-01T00:00:00Z"}, {"starts_at": "2026-11-02T10:00:00"}, {"text": ""}):
        answer = await api.post("/api/announcements", json={"text": "Hello", **wrong}, headers=operator)
        assert answer.status_code == 422, answer.text
    assert (await api.post("/api/announcements/ann_none/end", headers=operator)).status_code == 404


async def test_settings_show_their_source_and_no_secret(
    api: httpx.AsyncClient, operator: Headers, wiring: Wiring, database_url: str
) -> None:
    answer = await api.get("/api/settings", headers=operator)
    found = {each["name"]: each for each in answer.json()["items"]}
    assert (found["MERCATO_PORT"]["value"], found["MERCATO_PORT"]["source"]) == ("8000", "default")
    assert found["MERCATO_ALLOW_PRIVATE_ENDPOINTS"]["source"] == "given"
    assert found["signing.key"]["source"] == "generated"
    assert wiring.gateway_token not in answer.text
    acme = await sign_up(api, "acme")
    refused = await api.get("/api/settings", headers=acme)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def test_a_password_in_an_address_is_not_shown() -> None:
    from mercato.app.settings import Settings
    from mercato.app.shown_settings import shown_settings

    settings = Settings(
        DATABASE_URL="postgresql://me:hush@db/x", redis_url="redis://:hush@r:6379/0", smtp_url="smtp://u:hush@m:25"
    )
    assert "hush" not in str(shown_settings(settings))


async def test_operators_see_whose_keys_there_are_and_who_made_them(api: httpx.AsyncClient, operator: Headers) -> None:
    for slug in ("acme", "globex"):
        who = await sign_up(api, slug)
        assert (await api.post("/api/keys", json={"kind": "ck", "name": "laptop"}, headers=who)).status_code == 201
    everyone = (await api.get("/api/marketplace/keys", headers=operator)).json()["items"]
    assert sorted((each["organisation"], each["created_by_name"]) for each in everyone) == [
        ("acme", "Acme"),
        ("globex", "Globex"),
    ]
    assert everyone[0]["last_used_at"] is None
    one = await api.get("/api/marketplace/keys", params={"organisation": "globex"}, headers=operator)
    assert [each["organisation"] for each in one.json()["items"]] == ["globex"]
    assert (await api.get("/api/marketplace/keys", headers=who)).status_code == 403
