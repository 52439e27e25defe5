"""A marketplace that rotates its keys while it runs: people stay signed in, heads verify, rows are sealed anew."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Select, select, text

from mercato.adapters.ring_file import RingFile
from mercato.app.settings import Settings
from mercato.identity import FactorSeal, SsoSecrets
from mercato.identity.models import SecondFactor, SsoProvider
from mercato.platform import Database, KeyRing, MarketplaceSecret, SystemClock
from mercato.publishing import CredentialSeal
from mercato.publishing.models import VendorCredential
from mercato.webhooks import SecretSeal
from mercato.webhooks.models import WebhookEndpoint, WebhookSecret
from mercato_cli.signatures import is_signed
from mercato_contracts.head_keys import PublishedHeadKeys, keys_led_to
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import PASSWORD, sign_up
from tests.conftest import People, TestClock
from tests.support.waiting import until

SOON = timedelta(minutes=2)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_NONCE = b"n" * 12


@pytest.fixture
def file(settings: Settings) -> RingFile:
    """The keys of the marketplace of this test."""
    return RingFile(settings.signing_key_file)


async def _rotate(file: RingFile, ledger: Ledger, clock: TestClock) -> None:
    """A new key, which the running control plane reads by itself; then it takes over."""
    ring = file.change(lambda ring: ring.add(os.urandom(32), clock.now() + SOON))
    await until(lambda: len(ledger.wiring.log_key.published()) == len(ring.keys))
    clock.advance(2 * SOON)


class TestWhileItRuns:
    async def test_people_stay_signed_in(
        self, api: httpx.AsyncClient, ledger: Ledger, file: RingFile, clock: TestClock
    ) -> None:
        await sign_up(api, "acme")
        answer = await api.post("/api/sessions", json={"email": "acme@example.org", "password": PASSWORD})
        held = answer.json()
        bearer = {"authorization": f"Bearer {held['access_token']}"}
        await _rotate(file, ledger, clock)
        assert (await api.get("/api/me", headers=bearer)).status_code == 200
        renewed = await api.post("/api/sessions/refresh", json={"refresh_token": held["refresh_token"]})
        assert renewed.status_code == 200, renewed.text
        newer = {"authorization": f"Bearer {renewed.json()['access_token']}"}
        assert (await api.get("/api/me", headers=newer)).status_code == 200

    async def test_heads_verify_after_the_rotation_and_after_the_retirement(
        self, api: httpx.AsyncClient, ledger: Ledger, file: RingFile, clock: TestClock
    ) -> None:
        first = await ledger.fill(3)
        await ledger.anchor()
        await _rotate(file, ledger, clock)
        second = await ledger.fill(3)
        await ledger.anchor()
        assert first.key != second.key
        found = await ledger.check()
        assert (found.holds, found.heads, found.anchors) == (True, 2, 2)
        file.change(lambda ring: ring.retire(ring.keys[0].id))
        await until(lambda: ledger.wiring.log_key.published()[0].state == "retired")
        found = await ledger.check()
        assert (found.holds, found.findings) == (True, [])
        published = PublishedHeadKeys.model_validate((await api.get("/api/audit/keys")).json()).items
        assert [each.key for each in published] == [first.key, second.key]
        assert keys_led_to(first.key, published, is_signed) == {first.key, second.key}
        page = await api.get("/trust")
        assert page.text.count(first.key) == 1

    async def test_a_head_by_a_key_that_is_not_of_the_ring_is_found(
        self, ledger: Ledger, file: RingFile, clock: TestClock
    ) -> None:
        head = await ledger.fill(3)
        await _rotate(file, ledger, clock)
        await ledger.tamper(f"UPDATE audit_heads SET key = '{'A' * 43}=' WHERE size = {head.size}")
        assert {each.problem for each in (await ledger.check()).findings} == {"signature"}


async def _at_least(count: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await count() >= wanted


async def _fill(database: Database, people: People, secret: MarketplaceSecret, count: int) -> None:
    """Something of every kind that is sealed, and so many credentials."""
    acme = await people.join("acme")
    owner, user = acme.organisation_id, acme.actor
    credentials = CredentialSeal(secret)
    async with database.transaction() as session:
        session.add_all(
            VendorCredential(
                organisation_id=owner, name=f"c{number}", sealed=credentials.seal(owner, f"c{number}", _NONCE, "sk-1"),
                fingerprint="f", created_by=user, created_at=LONG_AGO, changed_by=user, changed_at=LONG_AGO,
            )
            for number in range(count)
        )  # fmt: skip
        session.add(SecondFactor(
            id="fac_1", user_id=user, name="phone", created_at=LONG_AGO, last_step=0,
            sealed_secret=FactorSeal(secret).seal(user, "fac_1", _NONCE, b"seed"),
        ))  # fmt: skip
        session.add(SsoProvider(
            organisation_id=owner, issuer="https://id.example.org", client_id="c",
            sealed_secret=SsoSecrets(secret).seal(owner, "https://id.example.org", _NONCE, "client"),
            groups_claim="groups", role_of_group={}, default_role=None, domains=[], has_passwords=True,
            created_at=LONG_AGO, changed_at=LONG_AGO, worked_at=None,
        ))  # fmt: skip
        session.add(WebhookEndpoint(
            id="whe_1", organisation_id=owner, url="https://h.example", event_types=[], description="",
            created_by=user, created_at=LONG_AGO, failing_since=None, disabled_at=None, disabled_reason="",
        ))  # fmt: skip
        await session.flush()
        session.add(WebhookSecret(
            endpoint_id="whe_1", number=1, sealed=SecretSeal(secret).seal("whe_1", _NONCE, b"w" * 32),
            created_at=LONG_AGO, expires_at=None,
        ))  # fmt: skip


async def _opens(database: Database, secret: MarketplaceSecret, count: int) -> None:
    """Every row has its content still."""
    async with database.transaction() as session:
        names = [f"c{number}" for number in range(count)]
        (owner,) = {row.organisation_id for row in (await session.scalars(_all(SsoProvider))).all()}
        credentials = {row.name: row for row in (await session.scalars(_all(VendorCredential))).all()}
        opened = {name: CredentialSeal(secret).open(owner, name, credentials[name].sealed) for name in names}
        assert set(opened.values()) == {"sk-1"}
        (provider,) = (await session.scalars(_all(SsoProvider))).all()
        assert SsoSecrets(secret).open(owner, provider.issuer, provider.sealed_secret) == "client"
        (factor,) = (await session.scalars(_all(SecondFactor))).all()
        assert FactorSeal(secret).open(factor) == b"seed"
        (hook,) = (await session.scalars(_all(WebhookSecret))).all()
        assert SecretSeal(secret).open("whe_1", hook.sealed) == b"w" * 32


def _all(model: type) -> Select[Any]:
    return select(model)


class TestRetire:
    """`mercato secrets retire`, as an operator runs it."""

    async def _run(self, settings: Settings, *words: str) -> tuple[int, str]:
        process = await self._start(settings, *words)
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def _start(self, settings: Settings, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mercato.app.main", "--state", str(settings.state), "secrets", *words,
            env={**os.environ, "DATABASE_URL": str(settings.database_url)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def test_it_seals_everything_anew_and_drops_the_secret(
        self, settings: Settings, file: RingFile, database: Database, people: People
    ) -> None:
        old = MarketplaceSecret(file.read(), SystemClock())
        await _fill(database, people, old, 250)
        ring = file.change(lambda ring: ring.add(os.urandom(32), LONG_AGO))
        code, said = await self._run(settings, "list")
        assert code == 0, said
        assert "250 vendors' credentials" in said
        assert all(key.secret is None or key.secret.hex() not in said for key in ring.keys)
        code, said = await self._run(settings, "retire", old.ring.last.id)
        assert code == 0, said
        assert "250 vendors' credentials" in said
        await _opens(database, MarketplaceSecret(KeyRing((file.read().last,)), SystemClock()), 250)
        kept = file.read().keys[0]
        assert (kept.secret, kept.public) == (None, old.ring.last.public)
        assert old.all[0].hex() not in file.path.read_text()
        async with database.transaction() as session:
            topics = (
                await session.scalars(text("SELECT payload FROM outbox_events WHERE topic = 'secret.changed'"))
            ).all()
        assert [(row["secret_id"], row["change"]) for row in topics] == [(kept.id, "retired")]

    @pytest.mark.slow
    async def test_killed_in_the_middle_it_leaves_everything_readable_and_goes_on_when_it_runs_again(
        self, settings: Settings, file: RingFile, database: Database, people: People
    ) -> None:
        count = 3_000
        old = MarketplaceSecret(file.read(), SystemClock())
        await _fill(database, people, old, count)
        ring = file.change(lambda ring: ring.add(os.urandom(32), LONG_AGO))
        both, newest = MarketplaceSecret(ring, SystemClock()), MarketplaceSecret(KeyRing((ring.last,)), SystemClock())

        async def sealed_anew() -> int:
            async with database.transaction() as session:
                rows = (await session.scalars(_all(VendorCredential))).all()
            seal = CredentialSeal(newest)
            return sum(seal.open(row.organisation_id, row.name, row.sealed) is not None for row in rows)

        for wanted in (1, 1_000):
            process = await self._start(settings, "retire", ring.keys[0].id)
            await until(lambda wanted=wanted: _at_least(sealed_anew, wanted))  # type: ignore[misc]
            process.kill()
            await process.wait()
            await _opens(database, both, count)
        assert await sealed_anew() < count, "it was killed in the middle"
        assert file.read() == ring
        code, said = await self._run(settings, "retire", ring.keys[0].id)
        assert code == 0, said
        await _opens(database, newest, count)

    @pytest.mark.slow
    async def test_it_refuses_in_plain_words_while_something_depends_on_the_key(
        self, settings: Settings, file: RingFile, people: People
    ) -> None:
        first = file.read().last.id
        for words, said in (
            (("retire", first), "run `mercato secrets rotate` first"),
            (("retire", "00000000"), "`mercato secrets list` prints their ids"),
            (("rotate", "--in", "60"), "takes over at"),
            (("retire", first), "run `mercato secrets rotate` first"),
            (("retire", (lambda: file.read().last.id)), "takes over at"),
        ):
            code, answer = await self._run(settings, *(each() if callable(each) else each for each in words))
            assert (code, said in answer) == (0 if words[0] == "rotate" else 1, True), answer
        file.change(lambda ring: KeyRing.of(ring.keys[0].secret or b"").add(os.urandom(32), datetime.now(UTC)))
        code, answer = await self._run(settings, "retire", first)
        assert (code, "stored answers that" in answer, "--at-once" in answer) == (1, True, True), answer
        code, answer = await self._run(settings, "retire", first, "--at-once")
        assert code == 0, answer
        code, answer = await self._run(settings, "retire", first)
        assert (code, "retired already" in answer) == (1, True), answer
