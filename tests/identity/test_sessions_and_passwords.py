"""Sessions listed and ended, passwords changed and forgotten, invitations and their letters, through the API."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from fastapi import FastAPI

from mercato.adapters.mail import SmtpMail
from mercato.edge.wiring import Wiring, running_of
from mercato.identity import Post
from mercato.platform import OutboxFeed
from tests.conftest import TestClock
from tests.identity.test_sign_in import ACME, bearer, sign_in
from tests.support.ports import free_port

NEW = "another good password"


@pytest.fixture
async def tokens(api: httpx.AsyncClient) -> dict[str, str]:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await sign_in(api)


@pytest.fixture
def wiring(app: FastAPI) -> Wiring:
    return running_of(app).wiring


@pytest.fixture
async def post(wiring: Wiring) -> AsyncIterator[Post]:
    """The post, which reads the news but sends only what a test asks it to."""
    post, feed = wiring.post(), OutboxFeed(wiring.database)
    await feed.start([post.subscriber()], [])
    yield post
    await feed.close()


async def letter_to(post: Post, folder: Path, address: str) -> email.message.EmailMessage:
    """The first letter to this address, once it is written."""
    async with asyncio.timeout(120):
        while True:
            await post.send_next()
            for path in sorted(folder.glob("*.eml")):
                letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if letter["To"] == address:
                    return letter
            await asyncio.sleep(0.02)


def link_in(letter: email.message.EmailMessage) -> str:
    words: list[str] = letter.get_content().split()
    return next(word for word in words if word.startswith("http"))


class TestSessions:
    async def test_each_session_is_listed_with_where_it_was_begun(
        self, api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
    ) -> None:
        clock.advance(timedelta(seconds=1))
        login = {"email": "ada@acme.example", "password": ACME["password"]}
        second = await api.post("/api/sessions", json=login, headers={"user-agent": "Firefox/140 \x1b[31m"})
        items = (await api.get("/api/sessions", headers=bearer(second.json()))).json()["items"]
        assert [item["current"] for item in items] == [True, False]
        assert items[0]["device"] == "Firefox/140 [31m"
        assert items[0]["network"] == "127.0.0.0/24"

    async def test_a_session_that_was_ended_elsewhere_is_refused_at_once(
        self, api: httpx.AsyncClient, tokens: dict[str, str]
    ) -> None:
        other = await sign_in(api)
        items = (await api.get("/api/sessions", headers=bearer(tokens))).json()["items"]
        ended = next(item["id"] for item in items if not item["current"])
        assert (await api.delete(f"/api/sessions/{ended}", headers=bearer(tokens))).status_code == 204
        assert (await api.delete(f"/api/sessions/{ended}", headers=bearer(tokens))).status_code == 204
        assert (await api.get("/api/me", headers=bearer(other))).status_code == 401
        renewed = await api.post("/api/sessions/refresh", json={"refresh_token": other["refresh_token"]})
        assert renewed.status_code == 401
        assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 200

    async def test_all_others_end_at_once_and_this_one_goes_on(
        self, api: httpx.AsyncClient, tokens: dict[str, str]
    ) -> None:
        others = [await sign_in(api) for _ in range(3)]
        answer = await api.delete("/api/sessions", headers=bearer(tokens))
        assert answer.json() == {"ended": 3}
        assert {(await api.get("/api/me", headers=bearer(each))).status_code for each in others} == {401}
        assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 200

    async def test_a_strangers_session_is_unknown(self, api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        eve = {**ACME, "organisation": "evil", "email": "eve@evil.example"}
        joined = await api.post("/api/organisations", json=eve)
        hers = (await api.post("/api/sessions", json={"email": eve["email"], "password": eve["password"]})).json()
        mine = (await api.get("/api/sessions", headers=bearer(tokens))).json()["items"][0]["id"]
        assert (await api.delete(f"/api/sessions/{mine}", headers=bearer(hers))).status_code == 404
        path = f"/api/users/{joined.json()['user']['id']}/sessions"
        assert (await api.get(path, headers=bearer(tokens))).status_code == 404
        assert (await api.delete(path, headers=bearer(tokens))).status_code == 404

    async def test_an_administrator_ends_a_colleagues_sessions(
        self, api: httpx.AsyncClient, tokens: dict[str, str]
    ) -> None:
        bob = {"email": "bob@acme.example", "name": "Bob", "password": NEW, "role": "viewer"}
        added = (await api.post("/api/users", json=bob, headers=bearer(tokens))).json()
        his = (await api.post("/api/sessions", json={"email": bob["email"], "password": NEW})).json()
        path = f"/api/users/{added['id']}/sessions"
        assert len((await api.get(path, headers=bearer(tokens))).json()["items"]) == 1
        assert (await api.delete(path, headers=bearer(tokens))).json() == {"ended": 1}
        assert (await api.get("/api/me", headers=bearer(his))).status_code == 401
        back = (await api.post("/api/sessions", json={"email": bob["email"], "password": NEW})).json()
        users = (await api.get("/api/users", headers=bearer(back))).json()["items"]
        admin = next(user["id"] for user in users if user["role"] == "admin")
        refused = await api.delete(f"/api/users/{admin}/sessions", headers=bearer(back))
        assert refused.status_code == 403


class TestPasswords:
    async def test_a_new_password_ends_the_other_sessions(self, api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        other = await sign_in(api)
        body = {"current": ACME["password"], "new": NEW}
        changed = await api.put("/api/me/password", json=body, headers=bearer(tokens))
        assert changed.json() == {"ended": 1}
        assert (await api.get("/api/me", headers=bearer(other))).status_code == 401
        assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 200
        old = await api.post("/api/sessions", json={"email": "ada@acme.example", "password": ACME["password"]})
        assert old.status_code == 401
        assert (await api.post("/api/sessions", json={"email": "ada@acme.example", "password": NEW})).status_code == 201

    async def test_the_current_password_must_fit(self, api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        body = {"current": "x", "new": NEW}
        assert (await api.put("/api/me/password", json=body, headers=bearer(tokens))).status_code == 401
        short = await api.put(
            "/api/me/password", json={"current": ACME["password"], "new": "short"}, headers=bearer(tokens)
        )
        assert short.status_code == 422

    async def test_a_link_in_a_letter_sets_a_new_password_once(
        self, api: httpx.AsyncClient, tokens: dict[str, str], post: Post, wiring: Wiring, tmp_path: Path
    ) -> None:
        asked = await api.post("/api/password-resets", json={"email": "ADA@acme.example"})
        assert asked.status_code == 202
        letter = await letter_to(post, tmp_path / "state" / "mail", "ada@acme.example")
        link = link_in(letter)
        assert link.startswith(f"{wiring.client_url}/new-password/")
        body = {"token": link.rpartition("/")[2], "password": NEW}
        assert (await api.post("/api/password-resets/use", json=body)).status_code == 200
        assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 401
        again = await api.post("/api/password-resets/use", json=body)
        assert (again.status_code, again.json()["code"]) == (404, "password_reset_unknown")
        signed_in = await api.post("/api/sessions", json={"email": "ada@acme.example", "password": NEW})
        assert signed_in.status_code == 201

    async def test_nobody_learns_who_has_an_account_and_nobody_is_flooded(
        self, api: httpx.AsyncClient, tokens: dict[str, str], post: Post, tmp_path: Path
    ) -> None:
        unknown = await api.post("/api/password-resets", json={"email": "nobody@acme.example"})
        known = [await api.post("/api/password-resets", json={"email": "ada@acme.example"}) for _ in range(5)]
        assert {(each.status_code, each.text) for each in known} == {(unknown.status_code, unknown.text)}
        folder = tmp_path / "state" / "mail"
        await letter_to(post, folder, "ada@acme.example")
        marker = {"email": "last@acme.example", "role": "viewer"}
        assert (await api.post("/api/invitations", json=marker, headers=bearer(tokens))).status_code == 201
        await letter_to(post, folder, "last@acme.example")
        assert len(list(folder.glob("*.eml"))) == 3 + 1

    @pytest.mark.parametrize("token", ["", "x", "pwr_0123.", "pwr_0199.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "é" * 9])
    async def test_a_forged_link_is_refused(self, api: httpx.AsyncClient, token: str) -> None:
        answer = await api.post("/api/password-resets/use", json={"token": token, "password": NEW})
        assert (answer.status_code, answer.json()["code"]) == (404, "password_reset_unknown")

    async def test_a_link_is_good_for_an_hour(
        self, api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock, post: Post, tmp_path: Path
    ) -> None:
        await api.post("/api/password-resets", json={"email": "ada@acme.example"})
        token = link_in(await letter_to(post, tmp_path / "state" / "mail", "ada@acme.example")).rpartition("/")[2]
        clock.advance(timedelta(hours=1, seconds=1))
        answer = await api.post("/api/password-resets/use", json={"token": token, "password": NEW})
        assert answer.status_code == 404


class TestInvitations:
    async def test_who_is_invited_joins_with_the_role_and_once(
        self, api: httpx.AsyncClient, tokens: dict[str, str], post: Post, tmp_path: Path
    ) -> None:
        body = {"email": "Bob@acme.example", "role": "viewer"}
        invited = (await api.post("/api/invitations", json=body, headers=bearer(tokens))).json()
        letter = await letter_to(post, tmp_path / "state" / "mail", "bob@acme.example")
        assert link_in(letter) == invited["link"]
        token = invited["link"].rpartition("/")[2]
        shown = (await api.post("/api/invitations/show", json={"token": token})).json()
        assert {shown["organisation"]["slug"], shown["email"], shown["role"]} == {"acme", "bob@acme.example", "viewer"}
        joining = {"token": token, "name": "Bob", "password": NEW}
        answers = await asyncio.gather(*(api.post("/api/invitations/accept", json=joining) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 404, 404, 404, 404]
        signed_in = await api.post("/api/sessions", json={"email": "bob@acme.example", "password": NEW})
        me = (await api.get("/api/me", headers=bearer(signed_in.json()))).json()
        assert (me["organisation"], me["role"]) == ("acme", "viewer")
        listed = (await api.get("/api/invitations", headers=bearer(tokens))).json()["items"]
        assert [item["state"] for item in listed] == ["accepted"]

    async def test_a_withdrawn_or_old_invitation_opens_nothing(
        self, api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
    ) -> None:
        made = []
        for name in ("one", "two"):
            person = {"email": f"{name}@acme.example", "role": "admin"}
            made.append((await api.post("/api/invitations", json=person, headers=bearer(tokens))).json())
            clock.advance(timedelta(seconds=1))  # ids of one millisecond have no order
        path = f"/api/invitations/{made[0]['id']}"
        assert (await api.delete(path, headers=bearer(tokens))).status_code == 204
        clock.advance(timedelta(days=7, seconds=1))
        fresh = await sign_in(api)
        for each in made:
            token = each["link"].rpartition("/")[2]
            answer = await api.post("/api/invitations/accept", json={"token": token, "name": "X", "password": NEW})
            assert (answer.status_code, answer.json()["code"]) == (404, "invitation_unknown")
        states = [item["state"] for item in (await api.get("/api/invitations", headers=bearer(fresh))).json()["items"]]
        assert states == ["expired", "withdrawn"]

    async def test_nobody_invites_beyond_their_own_rights_or_into_another_organisation(
        self, api: httpx.AsyncClient, tokens: dict[str, str]
    ) -> None:
        beyond = {"email": "bob@acme.example", "role": "super_admin"}
        assert (await api.post("/api/invitations", json=beyond, headers=bearer(tokens))).status_code == 403
        eve = {**ACME, "organisation": "evil", "email": "eve@evil.example"}
        await api.post("/api/organisations", json=eve)
        hers = (await api.post("/api/sessions", json={"email": eve["email"], "password": eve["password"]})).json()
        mine = {"email": "bob@acme.example", "role": "viewer"}
        invited = (await api.post("/api/invitations", json=mine, headers=bearer(tokens))).json()
        assert (await api.delete(f"/api/invitations/{invited['id']}", headers=bearer(hers))).status_code == 404
        assert (await api.get("/api/invitations", headers=bearer(hers))).json()["items"] == []


class Inbox:
    """Takes letters like a mail server; answers the first with `first` where that is given."""

    def __init__(self, first: str | None = None) -> None:
        self.first = first
        self.letters: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:
        if self.first is not None:
            answer, self.first = self.first, None
            return answer
        self.letters.append(envelope)
        return "250 OK"


class TestMailServer:
    @pytest.mark.parametrize(("first", "arrives"), [(None, True), ("451 try later", True), ("550 no such box", False)])
    async def test_a_letter_arrives_unless_it_is_refused_for_good(
        self,
        api: httpx.AsyncClient,
        tokens: dict[str, str],
        wiring: Wiring,
        clock: TestClock,
        first: str | None,
        arrives: bool,
    ) -> None:
        inbox = Inbox(first)
        controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
        controller.start()
        mail = SmtpMail(f"smtp://127.0.0.1:{controller.port}", "Mercato <post@mercato.example>", clock)
        post = replace(wiring, mail=mail).post()
        feed = OutboxFeed(wiring.database)
        await feed.start([post.subscriber()], [])
        try:
            body = {"email": "bob@acme.example", "role": "viewer"}
            await api.post("/api/invitations", json=body, headers=bearer(tokens))
            async with asyncio.timeout(120):
                while not await post.send_next():
                    await asyncio.sleep(0.02)
            clock.advance(timedelta(minutes=1))
            await post.send_next()
        finally:
            await feed.close()
            controller.stop()
        assert [letter.rcpt_tos for letter in inbox.letters] == ([["bob@acme.example"]] if arrives else [])
