"""Mail about saved searches, by a real mail server: each fit is in one letter, at most one letter a day."""

import email
import email.policy
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest
from aiosmtpd.controller import Controller
from fastapi import FastAPI
from sqlalchemy import select, update

from mercato.adapters.mail import SmtpMail
from mercato.discovery import SAVED_SEARCH_LETTER, FitLetters
from mercato.discovery.saved_models import SavedSearchFit
from mercato.edge.wiring import running_of
from mercato.identity import Caller, Post, User
from mercato.publishing import Service
from tests.consumption.test_saved_searches import _save, _write
from tests.identity.test_sessions_and_passwords import Inbox
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market
from tests.support.ports import free_port


@dataclass
class MailRoom:
    """A mail server, and the post that sends to it only when a test says so."""

    inbox: Inbox
    post: Post

    async def send_all(self) -> int:
        """How many letters were due."""
        sent = 0
        while await self.post.send_next():
            sent += 1
        return sent

    def read(self) -> list[email.message.EmailMessage]:
        """What arrived, in order."""
        parsed = [
            email.message_from_bytes(each.original_content or b"", policy=email.policy.default)
            for each in self.inbox.letters
        ]
        assert all(isinstance(each, email.message.EmailMessage) for each in parsed)
        return parsed


@pytest.fixture
async def mail_room(app: FastAPI, market: Market) -> AsyncIterator[MailRoom]:
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    mail = SmtpMail(f"smtp://127.0.0.1:{controller.port}", "Mercato <post@mercato.example>", market.clock)
    wiring = replace(running_of(app).wiring, mail=mail)
    yield MailRoom(inbox, wiring.post({SAVED_SEARCH_LETTER: FitLetters("http://market.test").compose}))
    controller.stop()


@dataclass
class Shop:
    """A vendor whose releases fit what a buyer looks for."""

    market: Market
    vendor: Caller
    buyer: Caller
    saved: str

    async def release(self, *names: str) -> list[Service]:
        """New services in one transaction of the worker."""
        services = [(await self.market.list_service(self.vendor, name))[0] for name in names]
        await _write(self.market, *services)
        return services


@pytest.fixture
async def shop(api: httpx.AsyncClient, market: Market) -> Shop:
    vendor, buyer = await market.people.join("acme"), await market.people.join("buyer")
    headers = await sign_in(api, buyer)
    body = {"name": "vectors", "search": {"q": "embedder"}, "mail": True}
    saved = (await api.post("/api/saved-searches", json=body, headers=headers)).json()
    assert saved["mail_to"] == buyer.actor
    return Shop(market, vendor, buyer, saved["id"])


def _services_in(letter: email.message.EmailMessage) -> list[str]:
    return re.findall(r"http://market\.test/services/(\S+)", letter.get_content())


async def test_what_comes_together_is_one_letter_and_what_comes_later_the_next_days(
    shop: Shop, mail_room: MailRoom
) -> None:
    await shop.release("a-embedder", "b-embedder")
    assert await mail_room.send_all() == 1
    (letter,) = mail_room.read()
    assert letter["Subject"] == "2 services fit your saved search vectors"
    assert mail_room.inbox.letters[0].rcpt_tos == [letter["To"]]
    assert sorted(_services_in(letter)) == ["acme/a-embedder", "acme/b-embedder"]
    assert f"http://market.test/saved-searches/{shop.saved}" in letter.get_content()
    for name in ("c-embedder", "d-embedder"):
        shop.market.clock.advance(timedelta(hours=1))
        await shop.release(name)
        assert await mail_room.send_all() == 0, "a day has not passed"
    shop.market.clock.advance(timedelta(hours=22))
    assert await mail_room.send_all() == 1
    assert _services_in(mail_room.read()[1]) == ["acme/c-embedder", "acme/d-embedder"]
    shop.market.clock.advance(timedelta(days=3))
    assert await mail_room.send_all() == 0


async def test_a_letter_that_a_server_does_not_take_at_once_comes_again_with_the_same_fits(
    shop: Shop, mail_room: MailRoom
) -> None:
    mail_room.inbox.first = "451 try later"
    await shop.release("a-embedder")
    assert await mail_room.send_all() == 1
    assert mail_room.read() == []
    await shop.release("b-embedder")
    shop.market.clock.advance(timedelta(days=2))
    assert await mail_room.send_all() == 2
    assert sorted(map(tuple, map(_services_in, mail_room.read()))) == [("acme/a-embedder",), ("acme/b-embedder",)]
    assert mail_room.read()[0]["Subject"] == "acme/a-embedder fits your saved search vectors"
    async with shop.market.database.transaction() as session:
        letters = list(await session.scalars(select(SavedSearchFit.letter_id)))
    assert len(set(letters)) == len(letters) == 2
    assert None not in letters


async def test_nobody_gets_mail_who_did_not_ask_left_or_does_not_see_it_any_longer(
    api: httpx.AsyncClient, shop: Shop, mail_room: MailRoom
) -> None:
    market = shop.market
    other = await sign_in(api, await market.people.join("other"))
    assert (await _save(api, other, "quiet", q="embedder"))["mail_to"] is None
    (service,) = await shop.release("a-embedder")
    # It became private before the letter was sent.
    await market.add_release(service, "2.0.0", visibility="private", title="Still an embedder")
    await _write(market, service)
    assert await mail_room.send_all() == 1
    assert mail_room.read() == []
    # Whoever ended the mail gets none, also of what was found before.
    market.clock.advance(timedelta(days=2))
    await shop.release("b-embedder")
    headers = await sign_in(api, shop.buyer)
    await _save(api, headers, "vectors", q="embedder")
    assert await mail_room.send_all() == 1
    # Nor does somebody who can no longer sign in.
    body = {"name": "vectors", "search": {"q": "embedder"}, "mail": True}
    assert (await api.post("/api/saved-searches", json=body, headers=headers)).status_code == 200
    market.clock.advance(timedelta(days=2))
    await shop.release("c-embedder")
    async with market.database.transaction() as session:
        await session.execute(update(User).where(User.id == shop.buyer.actor).values(disabled_at=market.clock.now()))
    assert await mail_room.send_all() == 1
    assert mail_room.read() == []


async def test_a_key_cannot_ask_for_mail(api: httpx.AsyncClient, shop: Shop) -> None:
    key = (await shop.market.make_key(shop.buyer)).text
    body = {"name": "by-key", "search": {"q": "embedder"}, "mail": True}
    headers = {"authorization": f"Bearer {key}"}
    refused = await api.post("/api/saved-searches", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "mail_needs_person")
    taken = await api.post("/api/saved-searches", json=body | {"mail": False}, headers=headers)
    assert (taken.status_code, taken.json()["mail_to"]) == (200, None)
