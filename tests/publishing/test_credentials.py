"""Vendors' credentials: whose they are, that they lie sealed, and that the pipeline presents them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mercato.identity import Caller, NotAllowed, Role
from mercato.platform import Database, MarketplaceSecret, Refusal
from mercato.publishing import Credentials, CredentialSeal, StoredCredential
from mercato.publishing.refusals import CredentialInUse, CredentialNotFound, CredentialRefused, TooManyCredentials
from tests.conftest import People, TestClock
from tests.publishing.conftest import Marketplace, Offer, VendorService
from tests.support.asgi import serve_app

SECRET = "sk-test-4f9a1c7e5b3d"
OTHER = "sk-test-anOtherOne99"
SEAL = CredentialSeal(MarketplaceSecret.of(bytes(32)))


async def put(place: Any, caller: Caller, name: str = "provider", value: str = SECRET) -> StoredCredential:
    async with place.database.transaction() as session:
        return await Credentials(session, place.clock, place.ids, place.outbox, SEAL).put(caller, name, value)


async def listed(place: Any, caller: Caller) -> list[StoredCredential]:
    async with place.database.transaction() as session:
        return await Credentials(session, place.clock, place.ids, place.outbox, SEAL).list_all(caller)


async def remove(place: Any, caller: Caller, name: str = "provider") -> None:
    async with place.database.transaction() as session:
        await Credentials(session, place.clock, place.ids, place.outbox, SEAL).remove(caller, name)


async def everything(database: Database) -> str:
    """Every row of every table, as text; bytes as hexadecimal digits and as letters."""
    said = []
    async with database.transaction() as session:
        tables = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        for table in tables.all():
            rows = (await session.execute(text(f'SELECT * FROM "{table}"'))).all()
            said += [cell.decode("latin-1") if isinstance(cell, bytes) else str(cell) for row in rows for cell in row]
    return "\n".join(said)


async def test_a_secret_lies_sealed_and_its_news_does_not_hold_it(
    idle: Marketplace, people: People, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor = await people.join("acme")
    stored = await put(idle, vendor)
    assert await put(idle, vendor) is not None
    await put(idle, vendor, value=OTHER)
    said, logged = await everything(idle.database), "".join(capfd.readouterr())
    assert "a credential changed" in logged
    for secret in (SECRET, OTHER):
        assert secret not in said
        assert secret.encode().hex() not in said
        assert secret not in logged
        assert secret not in repr(stored) + repr(await listed(idle, vendor))
    async with idle.database.transaction() as session:
        answer = (
            await session.scalars(
                text("SELECT payload FROM outbox_events WHERE topic = 'credential.changed' ORDER BY number")
            )
        ).all()
    changes = [(row["name"], row["change"], row["by"]) for row in answer]
    assert changes == [("provider", "set", vendor.actor)] * 2, "the same again is no change"


async def test_a_changed_secret_has_another_fingerprint_and_nonce_and_the_same_has_not(
    idle: Marketplace, people: People, clock: TestClock
) -> None:
    vendor, stranger = await people.join("acme"), await people.join("globex")
    first = await put(idle, vendor)
    was, made = first.row.fingerprint, first.row.created_at
    clock.advance(timedelta(hours=1))
    again = await put(idle, vendor)
    assert (again.row.fingerprint, again.row.changed_at) == (was, made)
    changed = await put(idle, vendor, value=OTHER)
    assert changed.row.fingerprint != was
    assert (changed.row.created_at, changed.row.changed_at) == (made, clock.now())
    second = await put(idle, vendor, name="second", value=OTHER)
    assert second.row.fingerprint == changed.row.fingerprint, "its owner sees that they are the same"
    assert second.row.sealed != changed.row.sealed
    foreign = await put(idle, stranger, value=OTHER)
    assert foreign.row.fingerprint != changed.row.fingerprint, "nobody else can tell"


async def test_what_was_sealed_for_one_place_opens_in_no_other(idle: Marketplace, people: People) -> None:
    vendor, stranger = await people.join("acme"), await people.join("globex")
    sealed = bytes((await put(idle, vendor)).row.sealed)
    owner = vendor.organisation_id
    assert SEAL.open(owner, "provider", sealed) == SECRET
    assert SEAL.open(stranger.organisation_id, "provider", sealed) is None
    assert SEAL.open(owner, "other", sealed) is None
    assert CredentialSeal(MarketplaceSecret.of(b"1" * 32)).open(owner, "provider", sealed) is None
    for place in range(len(sealed)):
        altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert SEAL.open(owner, "provider", altered) is None
    assert SEAL.open(owner, "provider", b"") is None


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("provider", "sk-secret\r\nHost: evil", "value"),
        ("provider", "sk-secret-line\n", "value"),
        ("provider", "sk-secret\0more", "value"),
        ("provider", " sk-secret-blank", "value"),
        ("provider", "sk-secret-tab\t", "value"),
        ("provider", "sk-sécret-letters", "value"),
        ("provider", "short", "value"),
        ("provider", "x" * 4_097, "value"),
        ("Not A Name", SECRET, "name"),
        ("-edge", SECRET, "name"),
        ("x" * 64, SECRET, "name"),
    ],
)
async def test_what_no_header_can_carry_is_refused_by_its_field(
    idle: Marketplace, people: People, name: str, value: str, field: str
) -> None:
    vendor = await people.join("acme")
    with pytest.raises(CredentialRefused) as refused:
        await put(idle, vendor, name, value)
    assert [error.field for error in refused.value.errors] == [field]
    assert value not in str(refused.value.to_problem(None))
    assert await listed(idle, vendor) == []


async def test_organisations_see_their_own_only_and_permission_is_asked(idle: Marketplace, people: People) -> None:
    vendor, stranger = await people.join("acme"), await people.join("globex")
    viewer = await people.join("initech", Role.VIEWER)
    await put(idle, vendor)
    assert await listed(idle, stranger) == []
    with pytest.raises(CredentialNotFound):
        await remove(idle, stranger)
    await put(idle, stranger, value=OTHER)
    await remove(idle, stranger)
    assert [stored.row.name for stored in await listed(idle, vendor)] == ["provider"]
    for attempt in (put(idle, viewer), listed(idle, viewer), remove(idle, viewer)):
        with pytest.raises(NotAllowed):
            await attempt


async def test_one_name_set_by_many_at_once_is_one_row(idle: Marketplace, people: People) -> None:
    vendor = await people.join("acme")
    await asyncio.gather(*(put(idle, vendor, value=f"sk-secret-number-{n}") for n in range(8)))
    (stored,) = await listed(idle, vendor)
    opened = SEAL.open(vendor.organisation_id, "provider", bytes(stored.row.sealed))
    assert opened is not None
    assert stored.row.fingerprint == SEAL.fingerprint(vendor.organisation_id, opened)


async def test_no_more_than_a_hundred(idle: Marketplace, people: People) -> None:
    vendor = await people.join("acme")
    for number in range(100):
        await put(idle, vendor, name=f"number-{number}")
    with pytest.raises(TooManyCredentials):
        await put(idle, vendor, name="one-more")
    await put(idle, vendor, name="number-7", value=OTHER)


async def test_the_whole_of_it_over_http(api: httpx.AsyncClient, people: People) -> None:
    await people.join("acme")
    signed = {"email": "acme@example.org", "password": "correct horse battery"}
    token = (await api.post("/api/sessions", json=signed)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    path = "/api/credentials/provider"
    assert (await api.put(path, json={"value": SECRET})).status_code == 401
    made = await api.put(path, json={"value": SECRET}, headers=headers)
    assert made.status_code == 200
    assert (await api.put(path, json={"value": SECRET}, headers=headers)).json() == made.json()
    (item,) = (await api.get("/api/credentials", headers=headers)).json()["items"]
    fields = {"name", "fingerprint", "created_by", "created_at", "changed_by", "changed_at", "used_by"}
    assert (item, set(item)) == (made.json(), fields)
    answers = [
        await api.put(path, json={"value": SECRET + "\n"}, headers=headers),
        await api.put(path, json={"value": [SECRET]}, headers=headers),
        await api.put(path, json={"value": SECRET, "name": SECRET}, headers=headers),
        await api.put(path, json={SECRET: SECRET}, headers=headers),
        await api.put(path, json={"value": SECRET * 1_000}, headers=headers),
        await api.put(f"/api/credentials/{'x' * 70}", json={"value": SECRET}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [422] * 6
    assert answers[0].json()["code"] == "credential_refused"
    assert answers[0].json()["errors"][0]["field"] == "value"
    for answer in (*answers[:3], *answers[4:]):
        assert SECRET not in answer.text
    assert (await api.get(path, headers=headers)).status_code == 405
    key = (await api.post("/api/keys", json={"kind": "ck", "name": "x"}, headers=headers)).json()["key"]
    consumer = {"Authorization": f"Bearer {key}"}
    assert (await api.get("/api/credentials", headers=consumer)).status_code == 403
    assert (await api.put(path, json={"value": OTHER}, headers=consumer)).status_code == 403
    assert (await api.delete(path, headers=headers)).status_code == 204
    gone = await api.delete(path, headers=headers)
    assert (gone.status_code, gone.json()["code"]) == (404, "credential_not_found")


class GuardedService(VendorService):
    """Answers only those who show `wanted` in `header`; echoes what it was shown where it is told to."""

    wanted = f"Bearer {SECRET}"
    header = "authorization"
    echoes = False

    async def guard(self, request: Request) -> Response:
        shown = request.headers.getlist(self.header)
        if shown != [self.wanted]:
            body = {"error": f"who are you, {shown}?"} if self.echoes else {"error": "who are you?"}
            return JSONResponse(body, 401, headers={"x-shown": str(shown)} if self.echoes else {})
        if self.echoes:
            said = {"x-shown": self.wanted, "content-type": f"text/{SECRET}"}
            return Response(f"You said {self.wanted}.", headers=said)
        return await self.greet(request)


@pytest.fixture
async def guarded() -> AsyncIterator[GuardedService]:
    service = GuardedService()
    app = Starlette(routes=[Route("/greeting", service.guard)])
    async with serve_app(app) as service.url:
        yield service


def asking(offer: Offer, service: GuardedService) -> Offer:
    credential = {"header": "Authorization", "prefix": "Bearer ", "secret": "provider"}
    offer.manifest["endpoint"] = {"url": service.url, "timeout_seconds": 5, "credential": credential}
    return offer


def found(dossier: Any) -> dict[int, list[tuple[str, str]]]:
    return {
        row.phase: [(finding["code"], finding["where"]) for finding in row.findings if finding["level"] == "error"]
        for row in dossier.evidence
        if row.outcome == "failed"
    }


async def test_the_pipeline_presents_it_and_the_release_remembers_which(
    marketplace: Marketplace, offer: Offer, people: People, guarded: GuardedService, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor = await people.join("acme")
    await put(marketplace, vendor)
    dossier = await marketplace.publish(vendor, asking(offer, guarded))
    assert [(row.phase, row.outcome) for row in dossier.evidence] == [(n, "passed") for n in range(1, 11)]
    assert guarded.calls > 3
    assert dossier.evidence[6].facts["measured"]
    (stored,) = await listed(marketplace, vendor)
    assert stored.used_by == ["acme/greeter"]
    assert SECRET not in await everything(marketplace.database)
    logged = "".join(capfd.readouterr())
    assert "phase ended" in logged
    assert SECRET not in logged
    with pytest.raises(CredentialInUse) as refused:
        await remove(marketplace, vendor)
    assert refused.value.facts["services"] == ["acme/greeter"]
    async with marketplace.database.transaction() as session:
        await session.execute(text("UPDATE releases SET status = 'yanked'"))
    await remove(marketplace, vendor)


async def test_one_that_is_missing_is_said_before_anything_is_called(
    marketplace: Marketplace, offer: Offer, people: People, guarded: GuardedService
) -> None:
    vendor, stranger = await people.join("acme"), await people.join("globex")
    await put(marketplace, stranger)
    dossier = await marketplace.publish(vendor, asking(offer, guarded))
    assert found(dossier) == {2: [("credential_missing", "endpoint.credential.secret")]}
    (finding,) = (each for each in dossier.evidence[1].findings if each["code"] == "credential_missing")
    assert "mp credentials set" in finding["fix"]
    assert guarded.calls == 0


async def test_one_that_was_swapped_with_anothers_is_not_sent(
    marketplace: Marketplace, offer: Offer, people: People, guarded: GuardedService
) -> None:
    vendor, stranger = await people.join("acme"), await people.join("globex")
    await put(marketplace, vendor, value=OTHER)
    foreign = await put(marketplace, stranger)
    async with marketplace.database.transaction() as session:
        swap = text("UPDATE vendor_credentials SET sealed = :sealed WHERE organisation_id = :owner")
        await session.execute(swap, {"sealed": foreign.row.sealed, "owner": vendor.organisation_id})
    dossier = await marketplace.publish(vendor, asking(offer, guarded))
    assert found(dossier) == {6: [("credential_unreadable", "endpoint.credential.secret")]}
    assert guarded.calls == 0


@pytest.mark.parametrize("value", [SECRET, OTHER])
async def test_evidence_never_holds_what_the_endpoint_says_back(
    marketplace: Marketplace, offer: Offer, people: People, guarded: GuardedService, value: str
) -> None:
    guarded.echoes = True
    vendor = await people.join("acme")
    await put(marketplace, vendor, value=value)
    dossier = await marketplace.publish(vendor, asking(offer, guarded))
    assert list(found(dossier)) == [6]
    assert value not in await everything(marketplace.database)
    assert value not in str([row.findings for row in dossier.evidence])


async def test_one_that_goes_while_a_submission_is_checked_stops_the_release(
    marketplace: Marketplace, offer: Offer, people: People, guarded: GuardedService
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    await put(marketplace, vendor)
    asking(offer, guarded).manifest["task"] = "speech"  # a person looks first
    submission = await marketplace.submit(vendor, offer)
    await marketplace.follow(vendor, submission.id, "waiting")
    await remove(marketplace, vendor)
    await marketplace.decide(operator, submission.id, "approve")
    dossier = await marketplace.follow(vendor, submission.id, "refused", "released")
    assert found(dossier) == {10: [("credential_missing", "endpoint.credential.secret")]}


def test_refusals_say_what_to_do() -> None:
    for kind in (CredentialRefused, CredentialNotFound, CredentialInUse, TooManyCredentials):
        assert issubclass(kind, Refusal)
        assert kind.fix
