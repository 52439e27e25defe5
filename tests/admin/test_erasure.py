"""The erasure of a person: who may ask, what stands against it, and what is left of them afterwards."""

import asyncio
import json
import signal
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from mercato.admin import ErasureWork, ExportWork, KeptErasure, Replay, kept_erasures
from mercato.app.settings import Settings
from mercato.edge.wiring import Wiring
from mercato.identity import PasswordChanged
from mercato.signals import DeskRecord
from tests.admin.conftest import Ledger
from tests.admin.erased_life import LEFT, MAIL, NAME, add, find_in_files, find_in_tables, live
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in, sign_up
from tests.conftest import People, TestClock
from tests.support.waiting import SECONDS
from tests.support.workflow_records import history_of


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


WORKER = Path(__file__).with_name("erasure_worker.py")


def work_of(wiring: Wiring) -> ErasureWork:
    return ErasureWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects, wiring.mail)


async def erase(api: httpx.AsyncClient, who: Headers, person: str) -> httpx.Response:
    return await api.post("/api/privacy/erasures", json={"person": person}, headers=who)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("code", ""))


class TestWhoMayAsk:
    async def test_everybody_for_themselves(self, api: httpx.AsyncClient) -> None:
        acme = await sign_up(api, "acme")
        await add(api, acme, role="viewer")
        ada = await sign_in(api, MAIL)
        answer = await erase(api, ada, "me")
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "running"
        assert (await api.get("/api/me", headers=ada)).status_code == 401, "access ends at once"
        assert code(await api.post("/api/sessions", json={"email": MAIL, "password": PASSWORD})) == (
            401,
            "wrong_password",
        )

    async def test_administrators_for_colleagues_and_nobody_for_strangers(
        self, api: httpx.AsyncClient, operator: Headers
    ) -> None:
        acme, globex = await sign_up(api, "acme"), await sign_up(api, "globex")
        ada = await add(api, acme)
        await add(api, acme, "vera@example.org", "Vera", "viewer")
        vera = await sign_in(api, "vera@example.org")
        assert code(await erase(api, vera, ada)) == (403, "not_allowed")
        assert code(await erase(api, globex, ada)) == (404, "not_found")
        first, again = await erase(api, acme, ada), await erase(api, acme, ada)
        assert first.json() == again.json()
        assert (await api.get("/api/privacy/erasures", headers=globex)).json()["items"] == []
        seen = (await api.get("/api/privacy/erasures", headers=operator)).json()["items"]
        assert [each["person"] for each in seen] == [ada]
        erasure = first.json()["id"]
        assert code(await api.get(f"/api/privacy/erasures/{erasure}", headers=globex)) == (404, "erasure_not_found")
        assert code(await api.get(f"/api/privacy/erasures/{erasure}", headers=vera)) == (403, "not_allowed")

    async def test_a_proof_that_is_old_is_no_proof_and_a_key_is_no_person(
        self, api: httpx.AsyncClient, clock: TestClock
    ) -> None:
        acme = await sign_up(api, "acme")
        ada = await add(api, acme)
        key = (await api.post("/api/keys", json={"kind": "ck", "name": "k"}, headers=acme)).json()["key"]
        by_key = {"Authorization": f"Bearer {key}"}
        assert code(await erase(api, by_key, ada)) == (403, "step_up_needed")
        clock.advance(timedelta(minutes=11))
        assert code(await erase(api, acme, ada)) == (403, "step_up_needed")
        assert (await api.get(f"/api/users/{ada}/sessions", headers=acme)).status_code == 200, "nothing was done"


class TestWhatStandsAgainstIt:
    async def test_a_legal_hold(self, api: httpx.AsyncClient, operator: Headers) -> None:
        acme = await sign_up(api, "acme")
        ada = await add(api, acme)
        path = f"/api/privacy/holds/{ada}"
        assert code(await api.put(path, json={"reason": "a lawsuit"}, headers=acme)) == (403, "not_allowed")
        placed = await api.put(path, json={"reason": "a lawsuit"}, headers=operator)
        assert (placed.status_code, placed.json()["reason"]) == (200, "a lawsuit")
        assert (await api.put(path, json={"reason": "again"}, headers=operator)).json() == placed.json()
        assert code(await erase(api, acme, ada)) == (409, "under_legal_hold")
        assert (await api.delete(path, headers=operator)).json()["lifted_at"] is not None
        assert code(await api.delete(path, headers=operator)) == (404, "not_found")
        assert (await erase(api, acme, ada)).status_code == 202

    async def test_a_hold_that_comes_too_late_says_so(self, api: httpx.AsyncClient, operator: Headers) -> None:
        acme = await sign_up(api, "acme")
        ada = await add(api, acme)
        assert (await erase(api, acme, ada)).status_code == 202
        late = await api.put(f"/api/privacy/holds/{ada}", json={"reason": "a lawsuit"}, headers=operator)
        assert code(late) == (409, "erasure_begun")

    async def test_of_a_hold_and_an_erasure_at_once_one_is_refused(
        self, api: httpx.AsyncClient, operator: Headers
    ) -> None:
        acme = await sign_up(api, "acme")
        for number in range(8):
            ada = await add(api, acme, f"ada{number}@example.org")
            hold = api.put(f"/api/privacy/holds/{ada}", json={"reason": "a lawsuit"}, headers=operator)
            answers = await asyncio.gather(hold, erase(api, acme, ada))
            assert sorted(answer.status_code // 100 for answer in answers) == [2, 4]
            assert {code(answer)[1] for answer in answers} & {"erasure_begun", "under_legal_hold"}

    async def test_no_copy_outlives_it(self, api: httpx.AsyncClient, ledger: Ledger) -> None:
        """A copy that was asked for before is written at every moment of the erasure."""
        wiring, acme = ledger.wiring, await sign_up(api, "acme")
        writer = ExportWork(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects)
        work = work_of(wiring)
        for number, moment in enumerate(("begin", "files", "shred", "end")):
            ada = await add(api, acme, f"ada{number}@example.org")
            asked = await api.post("/api/privacy/exports", json={"person": ada}, headers=acme)
            assert asked.status_code == 202, asked.text
            if moment == "begin":
                await writer.write(asked.json()["id"])
            erasure = (await erase(api, acme, ada)).json()["id"]
            refused = await api.post("/api/privacy/exports", json={"person": ada}, headers=acme)
            assert code(refused) == (409, "erasure_begun")
            await work.begin(erasure)
            await work.forget_files(erasure)
            if moment == "files":
                await writer.write(asked.json()["id"])
            await work.shred(erasure)
            if moment in {"shred", "end"}:
                await writer.write(asked.json()["id"])
            await work.end(erasure)
            assert [each.key async for each in wiring.objects.find_all("privacy/exports")] == []

    async def test_the_last_administrator_of_people_stays(self, api: httpx.AsyncClient, operator: Headers) -> None:
        acme = await sign_up(api, "acme")
        await add(api, acme, role="viewer")
        assert code(await erase(api, acme, "me")) == (409, "last_administrator")
        me = (await api.get("/api/me", headers=operator)).json()["actor"]
        assert code(await erase(api, operator, me)) == (409, "last_administrator")

    async def test_open_invoices_of_the_only_person(self, api: httpx.AsyncClient, ledger: Ledger) -> None:
        acme = await sign_up(api, "acme")
        me = (await api.get("/api/me", headers=acme)).json()
        async with ledger.database.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO invoices (id, number, consumer_id, currency, period, issued_at, total_nanos) "
                    "VALUES ('inv_1', 1, :org, 'USD', '2026-10', :at, 5)"
                ),
                {"org": me["organisation_id"], "at": ledger.wiring.clock.now()},
            )
        refused = await erase(api, acme, "me")
        assert code(refused) == (409, "invoices_open")
        assert refused.json()["facts"]["invoices"] == ["inv_1"]
        await add(api, acme)
        assert (await erase(api, acme, "me")).status_code == 202, "another administrator answers for them"

    async def test_two_administrators_who_erase_each_other_leave_one(self, api: httpx.AsyncClient) -> None:
        acme = await sign_up(api, "acme")
        ada = await add(api, acme)
        other = await sign_in(api, MAIL)
        me = (await api.get("/api/me", headers=acme)).json()["actor"]
        await add(api, acme, "vera@example.org", "Vera", "viewer")
        answers = await asyncio.gather(erase(api, acme, ada), erase(api, other, me))
        assert sorted(answer.status_code for answer in answers)[0] == 202
        assert sorted(answer.status_code for answer in answers)[1] in {401, 409}


class TestWhatIsLeft:
    @pytest.fixture
    async def ada(self, api: httpx.AsyncClient, people: People, ledger: Ledger) -> str:
        self.operator = await people.operator()
        self.by_operator = await sign_in(api, "operator@example.org")
        self.acme = await sign_up(api, "acme")
        return await live(api, self.acme, ledger, self.operator)

    async def test_nothing_of_her_name_and_every_chain_holds(
        self, api: httpx.AsyncClient, ledger: Ledger, ada: str, settings: Settings
    ) -> None:
        async with ledger.database.transaction() as session:
            assert len(await find_in_tables(session, MAIL, NAME)) > 30
        assert find_in_files(settings.state, MAIL)
        answer = await erase(api, self.by_operator, ada)
        erasure = answer.json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        await ledger.record()
        await ledger.seal()
        async with ledger.database.transaction() as session:
            assert await find_in_tables(session, MAIL, NAME, json.dumps(NAME)[1:-1]) == []
            assert await find_in_tables(session, LEFT), "the rest of the words stays"
            assert await DeskRecord(session, ledger.wiring.clock).check(ledger.wiring.log_key) == 1
        assert find_in_files(settings.state, MAIL, NAME) == []
        assert [path.name for path in (settings.state / "mail").iterdir()] == ["ltr_2.eml"]
        check = await ledger.check()
        assert (check.holds, check.findings) == (True, [])
        assert check.erased > 0
        done = (await api.get(f"/api/privacy/erasures/{erasure}", headers=self.acme)).json()
        assert done["state"] == "done"
        assert done["counts"]["users"] == 1
        entries = await api.get("/api/audit/entries", params={"verb": "subject.erased"}, headers=self.by_operator)
        (entry,) = entries.json()["items"]
        assert entry["core"]["target"] == {"type": "user", "id": ada}
        assert entry["details"]["target_name"] == "Erased person"
        assert (await api.get("/api/me", headers=self.acme)).status_code == 200, "her colleagues stay"

    async def test_a_second_time_changes_nothing(self, api: httpx.AsyncClient, ledger: Ledger, ada: str) -> None:
        erasure = (await erase(api, self.acme, ada)).json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        first = (await api.get(f"/api/privacy/erasures/{erasure}", headers=self.acme)).json()
        await work_of(ledger.wiring).do_all(erasure)
        assert (await api.get(f"/api/privacy/erasures/{erasure}", headers=self.acme)).json() == first
        assert (await erase(api, self.acme, ada)).json() == first

    async def test_what_came_late_is_unreadable(self, api: httpx.AsyncClient, ledger: Ledger, ada: str) -> None:
        """News from before the erasure that becomes an entry afterwards."""
        erasure = (await erase(api, self.acme, ada)).json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        async with ledger.database.transaction() as session:
            await ledger.wiring.outbox.add(session, PasswordChanged(by=ada, user_id=ada))
        await ledger.record()
        found = (await api.get("/api/audit/entries", params={"verb": "password.changed"}, headers=self.acme)).json()
        assert [(item["details"], item["details_erased"]) for item in found["items"]] == [(None, True)]

    async def test_a_restored_database_forgets_again(
        self, api: httpx.AsyncClient, ledger: Ledger, ada: str, database_url: str
    ) -> None:
        """The erasure is on a list in the object store; the restored database knows nothing of it."""
        erasure = (await erase(api, self.by_operator, ada)).json()["id"]
        work = work_of(ledger.wiring)
        await work.begin(erasure)
        async with ledger.database.transaction() as session:
            # As the backup had it: nobody had asked yet.
            await session.execute(text("DELETE FROM erasures"))
        (line,) = [line async for line in kept_erasures(ledger.wiring.objects)]
        assert MAIL.encode() not in line
        again = Replay(ledger.database, ledger.wiring.clock, ledger.wiring.outbox, work)
        assert await again.replay(KeptErasure.read(line))
        assert not await again.replay(KeptErasure.read(line))
        await ledger.record()
        async with ledger.database.transaction() as session:
            assert await find_in_tables(session, MAIL, NAME) == []
        with pytest.raises(ValueError, match="no line"):
            KeptErasure.read(b"{}")

    async def test_a_name_of_one_word_is_masked_where_its_owner_wrote_it(
        self, api: httpx.AsyncClient, ledger: Ledger, ada: str
    ) -> None:
        may = await add(api, self.acme, "may@example.org", "May", "viewer")
        body = {"kind": "ck", "name": "what may be called"}
        assert (await api.post("/api/keys", json=body, headers=self.acme)).status_code == 201
        erasure = (await erase(api, self.acme, may)).json()["id"]
        await work_of(ledger.wiring).do_all(erasure)
        async with ledger.database.transaction() as session:
            assert await find_in_tables(session, "what may be called"), "somebody else wrote it"
            assert await find_in_tables(session, "may@example.org") == []


class TestThatItSurvives:
    @pytest.mark.parametrize(
        "moment",
        [
            "in entries",
            *(
                pytest.param(moment, marks=pytest.mark.slow)
                for moment in ("in begin", "after files", 'in mask "keys"', "in shred", "in end")
            ),
        ],
    )
    async def test_a_worker_killed_at_any_moment(
        self, workflow_engine: str, moment: str, api: httpx.AsyncClient, people: People, ledger: Ledger,
        settings: Settings, database_url: str,
    ) -> None:  # fmt: skip
        acme = await sign_up(api, "acme")
        ada = await live(api, acme, ledger, await people.operator())
        operator = await sign_in(api, "operator@example.org")
        erasure = (await erase(api, operator, ada)).json()["id"]
        arguments = [str(WORKER), database_url, str(settings.state), ledger.wiring.clock.now().isoformat()]
        doomed = await asyncio.create_subprocess_exec(sys.executable, *arguments, moment)
        async with asyncio.timeout(SECONDS):
            assert await doomed.wait() == -signal.SIGKILL
        next_life = await asyncio.create_subprocess_exec(sys.executable, *arguments)
        try:
            async with asyncio.timeout(SECONDS):
                while (await api.get(f"/api/privacy/erasures/{erasure}", headers=acme)).json()["state"] != "done":
                    assert next_life.returncode is None
                    await asyncio.sleep(0.05)
        finally:
            next_life.terminate()
            await next_life.wait()
        await ledger.record()
        async with ledger.database.transaction() as session:
            # Every schema: the engine's own records too.
            assert await find_in_tables(session, MAIL, NAME) == []
        assert find_in_files(settings.state, MAIL, NAME) == []
        if workflow_engine == "temporal":
            history = history_of(f"erase-person:{erasure}")
            assert erasure in history
            assert MAIL not in history
            assert NAME not in history
        assert (await ledger.check()).holds
        answer = await api.get("/api/audit/entries", params={"verb": "subject.erased"}, headers=acme)
        assert len(answer.json()["items"]) == 1
