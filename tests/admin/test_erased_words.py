"""Whose words an erasure masks: the person's own, under every name that they had, and no stranger's."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.app.settings import Settings
from mercato.platform import Letter
from tests.admin.conftest import Ledger
from tests.admin.erased_life import add, find_in_files, find_in_tables
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in, sign_up
from tests.admin.test_erasure import erase, work_of
from tests.identity.scim_provider import provider_of
from tests.identity.test_sign_in import bearer


async def set_up_globex(api: httpx.AsyncClient, ledger: Ledger) -> Headers:
    """A stranger's organisation, with words in an open row and in the audit log."""
    globex = await sign_up(api, "globex")
    hook = {"url": "http://127.0.0.1:8080/hook", "description": "Calls our Large Language Model, ada@example.org"}
    assert (await api.post("/api/webhooks", json=hook, headers=globex)).status_code == 201
    for name in ("Large Language Model", "plain"):
        assert (await api.post("/api/keys", json={"kind": "ck", "name": name}, headers=globex)).status_code == 201
    await ledger.record()
    await ledger.seal()
    return globex


class TestFormerNames:
    async def test_are_erased_too(self, api: httpx.AsyncClient, ledger: Ledger, settings: Settings) -> None:
        provider = await provider_of(api)
        bob = (await provider.add())["id"]
        headers = bearer(provider.admin)
        note = {"kind": "ck", "name": "for Bob Stone, bob@acme.example"}
        assert (await api.post("/api/keys", json=note, headers=headers)).status_code == 201
        await ledger.wiring.mail.send(Letter("ltr_1", "bob@acme.example", "Welcome", "Bob Stone"))
        changes: list[dict[str, Any]] = [
            {"op": "replace", "path": "userName", "value": "robert@acme.example"},
            {"op": "replace", "path": "name", "value": {"givenName": "Robert", "familyName": "Granite"}},
        ]
        for change in changes:
            answer = await provider.patch(f"Users/{bob}", change)
            assert answer.status_code == 200, answer.text
        erasure = (await erase(api, headers, bob)).json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        await ledger.record()
        every = ("bob@acme.example", "Bob Stone", "robert@acme.example", "Robert Granite")
        async with ledger.database.transaction() as session:
            assert await find_in_tables(session, *every) == []
        assert find_in_files(settings.state, *every) == []


class TestWordsOfStrangers:
    @pytest.mark.parametrize(
        "name",
        ["Large Language Model", '"on_behalf_of": ""', ".* .*"],
    )
    async def test_nobody_rewrites_them_by_a_name(self, api: httpx.AsyncClient, ledger: Ledger, name: str) -> None:
        globex = await set_up_globex(api, ledger)
        before = await everything_of(api, globex)
        await sign_up(api, "acme")
        body = {"organisation": "mallory", "name": name, "email": "ada@example.org", "password": PASSWORD}
        answer = await api.post("/api/organisations", json=body)
        assert answer.status_code == 201, answer.text
        mallory = await sign_in(api, "ada@example.org")
        erasure = (await erase(api, mallory, "me")).json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        assert await everything_of(api, globex) == before
        async with ledger.database.transaction() as session:
            users = await session.execute(text("SELECT count(*) FROM users WHERE email = 'ada@example.org'"))
            assert users.scalar_one() == 0

    async def test_an_administrator_answers_for_their_own_organisation(
        self, api: httpx.AsyncClient, ledger: Ledger
    ) -> None:
        globex = await set_up_globex(api, ledger)
        before = await everything_of(api, globex)
        acme = await sign_up(api, "acme")
        named = await add(api, acme, "ada@example.org", "Large Language Model")
        hook = {"url": "http://127.0.0.1:8080/hook", "description": "Ask Large Language Model at ada@example.org"}
        assert (await api.post("/api/webhooks", json=hook, headers=acme)).status_code == 201
        await ledger.record()
        erasure = (await erase(api, acme, named)).json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        hooks = (await api.get("/api/webhooks", headers=acme)).json()["items"]
        assert [each["description"] for each in hooks] == ["Ask [erased] at [erased]"]
        assert await everything_of(api, globex) == before


async def everything_of(api: httpx.AsyncClient, who: Headers) -> list[object]:
    """What an organisation reads of itself."""
    found: list[object] = []
    for path in ("audit/entries", "webhooks", "keys", "users"):
        answer = await api.get(f"/api/{path}", headers=who)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
    return found
