"""A copy of what is known of a person: everything that the data map names, and nothing of anybody else."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import jsonschema_rs
import pytest
from sqlalchemy import or_, select, text

from mercato.admin import ExportWork, PersonExports
from mercato.edge.wiring import Wiring
from mercato.platform import PERSONAL, ColumnKind, described_tables
from tests.admin.conftest import Ledger
from tests.admin.erased_life import MAIL, NAME, WORDS, add, live
from tests.admin.test_audit_api import Headers, sign_in, sign_up
from tests.conftest import People, TestClock


def work_of(wiring: Wiring) -> ExportWork:
    return ExportWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects)


async def ask(api: httpx.AsyncClient, who: Headers, person: str = "me") -> httpx.Response:
    return await api.post("/api/privacy/exports", json={"person": person}, headers=who)


async def fetch(api: httpx.AsyncClient, who: Headers, export_id: str) -> zipfile.ZipFile:
    found = (await api.get(f"/api/privacy/exports/{export_id}", headers=who)).json()
    assert found["state"] == "ready"
    link = found["url"].partition("/api/")[2]
    answer = await api.get(f"/api/{link}")
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == found["bytes"]
    return zipfile.ZipFile(io.BytesIO(answer.content))


class TestTheCopy:
    async def test_has_every_personal_column_of_every_row_of_theirs(
        self, api: httpx.AsyncClient, people: People, ledger: Ledger
    ) -> None:
        acme = await sign_up(api, "acme")
        ada = await live(api, acme, ledger, await people.operator())
        hers = await sign_in(api, MAIL)
        export = (await ask(api, hers)).json()
        await work_of(ledger.wiring).write(export["id"])
        archive = await fetch(api, hers, export["id"])
        compared = 0
        async with ledger.database.transaction() as session:
            for table, note in described_tables():
                own = note.columns_of(ColumnKind.PERSON)
                if not own or table.name == "person_exports":
                    continue
                rows = await session.execute(select(table).where(or_(*(table.columns[name] == ada for name in own))))
                expected = list(rows.mappings())
                if not expected:
                    continue
                document = json.loads(archive.read(f"data/{table.name}.json"))
                schema = json.loads(archive.read(f"schemas/{table.name}.schema.json"))
                jsonschema_rs.Draft202012Validator(schema).validate(document)
                assert len(document["rows"]) == len(expected), table.name
                personal = {name for name, column in note.columns.items() if column.kind in PERSONAL}
                for row in document["rows"]:
                    if (row.get("organisation_id") or "").startswith("filled"):
                        continue
                    assert personal <= row.keys(), table.name
                    assert (
                        not {name for name, column in note.columns.items() if column.kind is ColumnKind.SECRET}
                        & row.keys()
                    )
                    compared += 1
        assert compared > 20
        account = json.loads(archive.read("data/users.json"))["rows"][0]
        assert (account["email"], account["name"]) == (MAIL, NAME)
        reasons = [row["facts"] for row in json.loads(archive.read("data/desk_events.json"))["rows"]]
        assert any(isinstance(facts, dict) and facts.get("reason") == WORDS for facts in reasons), "sealed, and opened"

    async def test_a_session_that_acts_in_another_organisation_is_theirs_all_the_same(
        self, api: httpx.AsyncClient, people: People, ledger: Ledger
    ) -> None:
        acme = await sign_up(api, "acme")
        await sign_up(api, "globex")
        ada = await add(api, acme)
        await sign_in(api, MAIL)
        export = (await ask(api, acme, ada)).json()
        async with ledger.database.transaction() as session:
            move = text(
                "UPDATE login_sessions SET organisation_id = (SELECT id FROM organisations WHERE slug = 'globex') "
                "WHERE user_id = :ada RETURNING id"
            )
            assert len((await session.execute(move, {"ada": ada})).all()) == 1
        await work_of(ledger.wiring).write(export["id"])
        archive = await fetch(api, acme, export["id"])
        (row,) = json.loads(archive.read("data/login_sessions.json"))["rows"]
        assert {"device", "network"} <= row.keys()

    async def test_has_nothing_of_anybody_else(self, api: httpx.AsyncClient, people: People, ledger: Ledger) -> None:
        acme, globex = await sign_up(api, "acme"), await sign_up(api, "globex")
        await add(api, acme)
        await add(api, globex, "vera@example.org", "Vera Rubin")
        await add(api, acme, "grace@example.org", "Grace Hopper")
        await ledger.record()
        hers = await sign_in(api, MAIL)
        export = (await ask(api, hers)).json()
        await work_of(ledger.wiring).write(export["id"])
        archive = await fetch(api, hers, export["id"])
        for name in archive.namelist():
            content = archive.read(name).decode()
            for other in ("globex", "vera", "Rubin", "grace@", "Hopper", "acme@example.org"):
                assert other not in content, f"{other} in {name}"


class TestWhoMayHaveIt:
    @pytest.fixture
    async def acme(self, api: httpx.AsyncClient) -> Headers:
        return await sign_up(api, "acme")

    async def test_the_person_and_their_administrator(
        self, api: httpx.AsyncClient, acme: Headers, people: People, ledger: Ledger
    ) -> None:
        globex = await sign_up(api, "globex")
        ada = await add(api, acme, role="viewer")
        hers = await sign_in(api, MAIL)
        export = (await ask(api, hers)).json()
        assert export["url"] is None
        assert (await ask(api, acme, ada)).json()["id"] == export["id"], "one is under way"
        await work_of(ledger.wiring).write(export["id"])
        await add(api, acme, "vera@example.org", "Vera", "viewer")
        vera = await sign_in(api, "vera@example.org")
        path = f"/api/privacy/exports/{export['id']}"
        for who, status in ((hers, 200), (acme, 200), (vera, 404), (globex, 404)):
            assert (await api.get(path, headers=who)).status_code == status
        assert (await ask(api, vera, ada)).json()["code"] == "not_allowed"
        assert (await ask(api, globex, ada)).json()["code"] == "not_found"
        assert [each["id"] for each in await _listed(api, acme, ada)] == [export["id"]]
        assert await _listed(api, vera, ada) == await _listed(api, globex, ada) == []

    async def test_nobody_without_a_recent_proof(self, api: httpx.AsyncClient, acme: Headers, clock: TestClock) -> None:
        clock.advance(timedelta(minutes=11))
        assert (await ask(api, acme)).json()["code"] == "step_up_needed"
        key = await api.post("/api/keys", json={"kind": "ck", "name": "k"}, headers=acme)
        by_key = {"Authorization": f"Bearer {key.json()['key']}"}
        assert (await ask(api, by_key)).json()["code"] == "step_up_needed"

    async def test_for_seven_days(
        self, api: httpx.AsyncClient, acme: Headers, clock: TestClock, ledger: Ledger
    ) -> None:
        export = (await ask(api, acme)).json()
        await work_of(ledger.wiring).write(export["id"])
        found = (await api.get(f"/api/privacy/exports/{export['id']}", headers=acme)).json()
        clock.advance(timedelta(days=7, seconds=1))
        who = await sign_in(api, "acme@example.org")
        late = await api.get(f"/api/privacy/exports/{export['id']}", headers=who)
        assert (late.status_code, late.json()["code"]) == (404, "export_not_found")
        assert (await api.get(f"/api/{found['url'].partition('/api/')[2]}")).status_code >= 400
        wiring = ledger.wiring
        async with wiring.database.transaction() as session:
            desk = PersonExports(session, wiring.clock, wiring.ids, wiring.outbox, wiring.objects)
            assert await desk.forget() == 1
        assert [each async for each in wiring.objects.find_all("privacy")] == []


async def _listed(api: httpx.AsyncClient, who: Headers, person: str) -> list[dict[str, Any]]:
    answer = await api.get("/api/privacy/exports", params={"person": person}, headers=who)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
