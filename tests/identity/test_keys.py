"""Keys: what they carry, how they end, what is stored of them."""

from datetime import timedelta

import psycopg
import pytest

from mercato.identity import (
    Authentication,
    Caller,
    Keys,
    NewKey,
    NotSignedIn,
    ProvenKeys,
    RememberedTokens,
    SecretHasher,
)
from mercato.identity.permissions import Role
from mercato.identity.refusals import KeyIsOver, KeyNotFound, ScopesTooWide
from mercato.identity.tokens import AccessTokens
from mercato.platform import Database, Ids, Outbox
from tests.conftest import People, TestClock


class Desk:
    """Keys and authentication, each call its own transaction."""

    def __init__(
        self, database: Database, clock: TestClock, ids: Ids, hasher: SecretHasher, outbox: Outbox, tokens: AccessTokens
    ) -> None:
        self.database, self.clock, self.ids, self.hasher = database, clock, ids, hasher
        self.outbox, self.tokens, self.proven = outbox, tokens, ProvenKeys()

    async def make(self, caller: Caller, scopes: list[str] | None = None, days: int | None = None) -> NewKey:
        expires = None if days is None else self.clock.now() + timedelta(days=days)
        async with self.database.transaction() as session:
            keys = Keys(session, self.clock, self.ids, self.hasher, self.outbox)
            return await keys.make(caller, kind="ck", name="test", scopes=scopes, expires_at=expires)

    async def rotate(self, caller: Caller, key: NewKey, grace: timedelta) -> NewKey:
        async with self.database.transaction() as session:
            return await Keys(session, self.clock, self.ids, self.hasher, self.outbox).rotate(caller, key.row.id, grace)

    async def revoke(self, caller: Caller, key_id: str) -> None:
        async with self.database.transaction() as session:
            await Keys(session, self.clock, self.ids, self.hasher, self.outbox).revoke(caller, key_id)

    async def who(self, text: str) -> Caller:
        async with self.database.transaction() as session:
            authentication = Authentication(
                session, self.clock, self.hasher, self.tokens, self.proven, RememberedTokens()
            )
            return await authentication.authenticate(text)


@pytest.fixture
def desk(
    database: Database, clock: TestClock, ids: Ids, hasher: SecretHasher, outbox: Outbox, access_tokens: AccessTokens
) -> Desk:
    return Desk(database, clock, ids, hasher, outbox, access_tokens)


async def test_a_key_speaks_for_its_organisation_with_its_scopes_only(desk: Desk, people: People) -> None:
    acme = await people.join("acme")
    key = await desk.make(acme, scopes=["call"])
    caller = await desk.who(key.text)
    assert caller.organisation_id == acme.organisation_id
    assert caller.role is Role.SERVICE_ACCOUNT
    assert caller.permissions == {"call"}


async def test_the_secret_is_stored_nowhere(desk: Desk, people: People, database_url: str) -> None:
    key = await desk.make(await people.join("acme"))
    secret = key.text.rpartition("_")[2][:43]
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f'SELECT t::text FROM "{table}" t').fetchall():
                assert secret not in row


async def test_scopes_beyond_the_kind_are_refused(desk: Desk, people: People) -> None:
    with pytest.raises(ScopesTooWide) as refusal:
        await desk.make(await people.join("acme"), scopes=["call", "services:publish", "nonsense"])
    assert refusal.value.facts["refused"] == ["nonsense", "services:publish"]


async def test_a_revoked_key_is_refused_at_once_though_it_was_proven(desk: Desk, people: People) -> None:
    acme = await people.join("acme")
    key = await desk.make(acme)
    await desk.who(key.text)
    await desk.revoke(acme, key.row.id)
    with pytest.raises(NotSignedIn, match="revoked"):
        await desk.who(key.text)


async def test_a_key_ends_when_it_expires(desk: Desk, people: People, clock: TestClock) -> None:
    key = await desk.make(await people.join("acme"), days=1)
    await desk.who(key.text)
    clock.advance(timedelta(days=1))
    with pytest.raises(NotSignedIn, match="expired"):
        await desk.who(key.text)


async def test_a_rotated_key_lives_for_its_grace(desk: Desk, people: People, clock: TestClock) -> None:
    acme = await people.join("acme")
    old = await desk.make(acme)
    new = await desk.rotate(acme, old, timedelta(hours=1))
    clock.advance(timedelta(minutes=59))
    await desk.who(old.text)
    await desk.who(new.text)
    clock.advance(timedelta(minutes=1))
    await desk.who(new.text)
    with pytest.raises(NotSignedIn, match="expired"):
        await desk.who(old.text)


async def test_a_grace_never_outlives_the_old_expiry(desk: Desk, people: People, clock: TestClock) -> None:
    acme = await people.join("acme")
    old = await desk.make(acme, days=1)
    clock.advance(timedelta(hours=23))
    new = await desk.rotate(acme, old, timedelta(days=7))
    assert new.row.expires_at == old.row.expires_at
    clock.advance(timedelta(hours=1))
    for key in (old, new):
        with pytest.raises(NotSignedIn, match="expired"):
            await desk.who(key.text)


async def test_a_key_is_rotated_once(desk: Desk, people: People) -> None:
    acme = await people.join("acme")
    old = await desk.make(acme)
    await desk.rotate(acme, old, timedelta(hours=1))
    with pytest.raises(KeyIsOver):
        await desk.rotate(acme, old, timedelta(hours=1))


async def test_another_organisations_key_is_not_there(desk: Desk, people: People) -> None:
    acme, rival = await people.join("acme"), await people.join("rival")
    key = await desk.make(acme)
    with pytest.raises(KeyNotFound):
        await desk.revoke(rival, key.row.id)
    with pytest.raises(KeyNotFound):
        await desk.rotate(rival, key, timedelta(0))


@pytest.mark.parametrize("damage", [lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"), lambda text: text[:40]])
async def test_a_mistyped_key_is_refused_by_its_checksum(desk: Desk, people: People, damage: object) -> None:
    key = await desk.make(await people.join("acme"))
    assert callable(damage)
    with pytest.raises(NotSignedIn, match="checksum"):
        await desk.who(damage(key.text))


async def test_a_well_formed_key_of_another_marketplace_is_refused(desk: Desk, people: People, ids: Ids) -> None:
    from mercato_contracts.keys import make_key

    key = await desk.make(await people.join("acme"))
    with pytest.raises(NotSignedIn, match="no such key"):
        await desk.who(make_key("ck", key.row.id, ids.secret(32)))
    with pytest.raises(NotSignedIn, match="no such key"):
        await desk.who(make_key("ck", ids.new("key"), ids.secret(32)))
