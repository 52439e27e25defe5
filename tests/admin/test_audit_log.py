"""What happened is an entry, in the order of commits, under a signed head; who alters it is found."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mercato.admin import AuditPruning, audited_news, target_of
from mercato.admin.audit_rows import AuditRows
from mercato.admin.details import open_all
from mercato.identity import KeyChanged, PersonKeys
from mercato.platform import HeadKey, MarketplaceSecret, News, RequestContext, serving
from mercato_contracts.audit import AuditFinding, details_digest, head_bytes
from mercato_contracts.merkle import Frontier, is_consistent, leaf_hash, root_of
from tests.admin.conftest import Ledger
from tests.conftest import People, TestClock


def _problems(findings: Sequence[AuditFinding]) -> set[str]:
    return {finding.problem for finding in findings}


@pytest.mark.parametrize("kind", audited_news(), ids=lambda kind: kind.topic)
def test_every_kind_of_news_has_a_target(kind: type[News]) -> None:
    assert target_of(kind)[1], "name its target in admin/subjects.py"


async def test_an_entry_says_who_did_what_to_what_and_how_they_asked(ledger: Ledger, people: People) -> None:
    acme = await people.join("acme")
    context = RequestContext(
        request_id="req_1", address="10.1.2.0/24", authenticated="session", credential="ses_1",
        actor=acme.actor, organisation_id=acme.organisation_id,
    )  # fmt: skip
    async with ledger.database.transaction() as session:
        with serving(context):
            news = KeyChanged(by=acme.actor, key_id="key_9", organisation_id=acme.organisation_id)
            await ledger.wiring.outbox.add(session, news)
    assert await ledger.record() == 2
    async with ledger.database.transaction() as session:
        row = (await AuditRows(session).leaves(0, 10))[1]
        entry = await session.scalar(text("SELECT entry FROM audit_entries WHERE place = 1"))
        stored = await session.scalar(text("SELECT details FROM audit_entries WHERE place = 1"))
        (details,) = await open_all(session, [stored])
    assert "Acme" not in json.dumps(stored), "details at rest are sealed with the keys of those whom they name"
    assert details is not None
    core = json.loads(entry)
    assert core["actor"] == {"id": acme.actor, "kind": "user", "organisation": acme.organisation_id}
    assert (core["verb"], core["outcome"], core["request"]) == ("key.changed", "allowed", "req_1")
    assert core["target"] == {"type": "key", "id": "key_9"}
    assert core["organisation"] == acme.organisation_id
    assert "acme" not in entry, "the sealed part names nobody"
    assert details["actor_name"] == "Acme"
    assert (details["address"], details["authenticated"], details["credential"]) == ("10.1.2.0/24", "session", "ses_1")
    assert details_digest(details) == core["details_sha256"]
    assert row == (1, leaf_hash(entry.encode()))


async def test_changes_that_commit_at_once_get_places_without_waiting_for_each_other(ledger: Ledger) -> None:
    """Two administrative writes are open at the same time; neither waits for the other's end."""
    news = [KeyChanged(by=f"usr_{n}", key_id=f"key_{n}", organisation_id="org_1") for n in range(2)]
    async with asyncio.timeout(30):
        async with ledger.database.transaction() as first:
            await ledger.wiring.outbox.add(first, news[0])
            async with ledger.database.transaction() as second:
                await ledger.wiring.outbox.add(second, news[1])
            assert await ledger.record() == 0, "an older change is still open"
    assert await ledger.record() == 2


async def test_recorders_that_run_at_once_write_each_entry_once(ledger: Ledger) -> None:
    async def write(number: int) -> None:
        async with ledger.database.transaction() as session:
            news = KeyChanged(by="usr_1", key_id=f"key_{number}", organisation_id="org_1")
            await ledger.wiring.outbox.add(session, news)

    await asyncio.gather(*(write(number) for number in range(40)), ledger.record(), return_exceptions=True)
    await ledger.record()
    async with ledger.database.transaction() as session:
        places = [place for place, _ in await AuditRows(session).leaves(0, 100)]
        targets = set(await session.scalars(text("SELECT target_id FROM audit_entries")))
    assert places == list(range(40))
    assert len(targets) == 40


async def test_later_heads_only_add_to_earlier_ones(ledger: Ledger) -> None:
    heads = [await ledger.fill(count) for count in (3, 300, 200)]
    assert [head.size for head in heads] == [3, 303, 503]
    result = await ledger.check()
    assert result.holds is True
    assert result.entries == 503
    assert result.heads == 3
    assert result.unsealed == 0


def test_a_frontier_has_the_root_of_the_tree() -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(700)]
    frontier = Frontier()
    for number, leaf in enumerate(leaves, 1):
        frontier.add(leaf)
        assert frontier.root() == root_of(leaves[:number])
    pruned = Frontier()
    for start in (0, 256):
        pruned.add_subtree(8, root_of(leaves[start : start + 256]))
    for leaf in leaves[512:]:
        pruned.add(leaf)
    assert pruned.root() == root_of(leaves)
    with pytest.raises(ValueError, match="does not begin"):
        pruned.add_subtree(8, leaves[0])
    assert is_consistent(1, leaves[0], 1, leaves[0], [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET verb = 'nothing.happened' WHERE place = 1",
        "UPDATE audit_entries SET details = NULL WHERE place = 1",
        "DELETE FROM audit_entries WHERE place = 1",
        "TRUNCATE audit_entries",
        "DELETE FROM audit_heads",
        "UPDATE audit_nodes SET level = 9",
    ],
)
async def test_the_database_refuses_to_alter_the_log(ledger: Ledger, statement: str) -> None:
    await ledger.fill(3)
    with pytest.raises(DBAPIError, match="is only ever added to"):
        async with ledger.database.transaction() as session:
            await session.execute(text(statement))


_NEXT_UP = "UPDATE audit_entries SET place = place + 1000000 WHERE place >= {0}"
_SHIFT = "UPDATE audit_entries SET place = place - 1000000 + ({1}) WHERE place >= 1000000"


async def test_an_edited_text_is_found(ledger: Ledger) -> None:
    await ledger.fill(10)
    await ledger.tamper("UPDATE audit_entries SET entry = replace(entry, 'key_4', 'key_5') WHERE place = 4")
    result = await ledger.check()
    assert not result.holds
    assert {"edited", "head"} <= _problems(result.findings)


async def test_an_edit_that_fits_its_own_hash_is_found_by_the_head(ledger: Ledger) -> None:
    """Text, column and leaf are made to agree: only the root over them cannot be."""
    await ledger.fill(10)
    await ledger.tamper(
        "UPDATE audit_entries SET entry = replace(entry, 'key_4', 'key_5'), target_id = 'key_5' WHERE place = 4",
        "UPDATE audit_entries SET leaf = sha256('\\x00'::bytea || convert_to(entry, 'UTF8')) WHERE place = 4",
    )
    assert _problems((await ledger.check()).findings) == {"head"}


@pytest.mark.parametrize("column", ["actor_id", "organisation_id", "outcome", "verb", "target_id", "target_type", "id"])
async def test_an_edited_column_is_found(ledger: Ledger, column: str) -> None:
    await ledger.fill(3)
    await ledger.tamper(f"UPDATE audit_entries SET {column} = 'denied_' WHERE place = 1")
    assert _problems((await ledger.check()).findings) == {"edited"}


async def test_edited_details_are_found(ledger: Ledger) -> None:
    await ledger.fill(3)
    await ledger.tamper("""UPDATE audit_entries SET details = details || '{"actor_name": "Eve"}' WHERE place = 1""")
    assert _problems((await ledger.check()).findings) == {"edited"}


async def test_an_inserted_entry_is_found(ledger: Ledger) -> None:
    await ledger.fill(10)
    await ledger.tamper(
        _NEXT_UP.format(4),
        "INSERT INTO audit_entries SELECT 4, 'aud_forged', at, verb, outcome, actor_id, organisation_id, target_type,"
        " target_id, entry, leaf, details FROM audit_entries WHERE place = 3",
        _SHIFT.format(4, 1),
    )
    assert "head" in _problems((await ledger.check()).findings)


async def test_a_deleted_entry_is_found(ledger: Ledger) -> None:
    await ledger.fill(10)
    await ledger.tamper("DELETE FROM audit_entries WHERE place = 4")
    assert _problems((await ledger.check()).findings) == {"missing"}


async def test_a_deleted_entry_is_found_when_the_others_close_the_gap(ledger: Ledger) -> None:
    await ledger.fill(10)
    await ledger.tamper("DELETE FROM audit_entries WHERE place = 4", _NEXT_UP.format(5), _SHIFT.format(5, -1))
    assert not (await ledger.check()).holds


async def test_a_cut_tail_is_found_by_a_head_that_is_kept_outside(ledger: Ledger) -> None:
    await ledger.fill(5)
    await ledger.fill(5)
    await ledger.anchor()
    await ledger.tamper("DELETE FROM audit_entries WHERE place >= 5", "DELETE FROM audit_heads WHERE size > 5")
    result = await ledger.check()
    assert [(found.problem, found.place) for found in result.findings] == [("missing", None)]


async def test_a_log_that_is_written_anew_with_the_right_key_is_found_by_an_anchor(
    ledger: Ledger, clock: TestClock
) -> None:
    """Whoever has the database and the marketplace's key makes a log that holds in itself."""
    await ledger.fill(10)
    (anchor,) = await ledger.anchor()
    await ledger.tamper("TRUNCATE audit_entries", "TRUNCATE audit_heads", "TRUNCATE audit_nodes")
    clock.advance(timedelta(seconds=1))
    forged = await ledger.fill(10)
    assert forged.size == anchor.size
    result = await ledger.check()
    assert [found.problem for found in result.findings] == ["head"]
    assert "kept outside" in result.findings[0].detail


async def test_a_head_that_another_key_signed_is_found(ledger: Ledger) -> None:
    head = await ledger.fill(3)
    other = HeadKey(MarketplaceSecret.of(bytes(32)))
    signature = other.signer().sign(head_bytes(head.size, head.root, head.at))
    await ledger.tamper(f"UPDATE audit_heads SET key = '{other.public}', signature = '{signature}'")
    assert _problems((await ledger.check()).findings) == {"signature"}


async def test_pruning_keeps_the_roots_and_says_that_it_was_done(ledger: Ledger, clock: TestClock) -> None:
    await ledger.fill(600)
    await ledger.anchor()
    clock.advance(timedelta(days=400))
    async with ledger.database.transaction() as session:
        pruning = AuditPruning(session, clock, ledger.wiring.outbox)
        assert await pruning.prune(clock.now() - timedelta(days=365), by="retention") == 512
    await ledger.record()
    await ledger.seal()
    result = await ledger.check()
    assert result.holds is True
    assert result.findings == []
    assert result.pruned == 512
    assert result.entries == 89
    assert await ledger.fill(300)
    assert (await ledger.check()).holds


@pytest.mark.parametrize("until", [512, 100])
async def test_pruning_that_nothing_tells_of_is_found(ledger: Ledger, until: int) -> None:
    await ledger.fill(600)
    await ledger.anchor()
    await ledger.tamper(f"DELETE FROM audit_entries WHERE place < {until}")
    assert not (await ledger.check()).holds


async def test_nothing_is_sealed_over_a_log_that_was_altered(ledger: Ledger) -> None:
    from mercato.platform import ChainDamaged

    await ledger.fill(10)
    await ledger.tamper("UPDATE audit_entries SET leaf = sha256('forged') WHERE place = 4")
    await ledger.tell(1)
    await ledger.record()
    with pytest.raises(ChainDamaged):
        await ledger.seal()


async def test_a_person_can_be_erased_and_every_proof_holds(ledger: Ledger, people: People) -> None:
    acme = await people.join("acme")
    await ledger.fill(300)
    await ledger.anchor()
    async with ledger.database.transaction() as session:
        assert await AuditRows(session).erase_details(acme.actor) == 0, "nothing is stored unsealed"
        await PersonKeys(session, ledger.wiring.clock, ledger.wiring.ids).destroy(acme.actor)
        left = await session.scalar(text("SELECT count(*) FROM audit_entries WHERE audit_entries::text ~* 'acme'"))
    result = await ledger.check()
    assert (result.holds, result.erased, left) == (True, 1, 0)


async def test_details_from_before_they_were_sealed_are_erased_in_place(ledger: Ledger, people: People) -> None:
    acme = await people.join("acme")
    await ledger.fill(10)
    async with ledger.database.transaction() as session:
        stored = await session.scalar(text("SELECT details FROM audit_entries WHERE place = 0"))
        (opened,) = await open_all(session, [stored])
    details = json.dumps(opened).replace("'", "''").replace(":", "\\:")
    await ledger.tamper(f"UPDATE audit_entries SET details = '{details}' WHERE place = 0")
    assert (await ledger.check()).holds
    async with ledger.database.transaction() as session:
        assert await AuditRows(session).erase_details(acme.actor) == 1
    result = await ledger.check()
    assert (result.holds, result.erased) == (True, 1)


@pytest.mark.parametrize("change", [{}, {"reason": "another"}], ids=["as it was", "edited"])
async def test_details_that_an_older_release_sealed_in_another_form_are_held_against_their_digest(
    ledger: Ledger, people: People, change: dict[str, str]
) -> None:
    acme = await people.join("acme")
    await ledger.fill(3)
    async with ledger.database.transaction() as session:
        stored = await session.scalar(text("SELECT details FROM audit_entries WHERE place = 0"))
        (opened,) = await open_all(session, [stored])
        ring = await PersonKeys(session, ledger.wiring.clock, ledger.wiring.ids).ring([acme.actor])
    assert opened is not None
    spaced = json.dumps({**opened, **change}, indent=1).encode()
    sealed = json.dumps(ring.seal([acme.actor], spaced, ledger.wiring.ids)).replace(":", "\\:")
    await ledger.tamper(f"UPDATE audit_entries SET details = '{sealed}' WHERE place = 0")
    assert (await ledger.check()).holds is not bool(change)
