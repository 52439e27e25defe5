"""Nobody changes the past of the log unseen: not a vendor, not the operator, not who writes to the database."""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mercato.datasets import Round
from mercato.platform import HeadKey, MarketplaceSecret, Refusal
from mercato.signals import SignalLog
from mercato_contracts.merkle import is_consistent, is_included, leaf_hash
from mercato_contracts.signals import SignalProof, TreeHead, tree_head_bytes
from tests.signals.conftest import Desk, Writer


def _holds(proof: SignalProof) -> bool:
    path = [bytes.fromhex(step) for step in proof.path]
    leaf = leaf_hash(proof.entry.encode())
    return is_included(proof.place, proof.head.size, leaf, path, bytes.fromhex(proof.head.root))


def _is_signed(head: TreeHead, key: str) -> bool:
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
    try:
        public.verify(base64.b64decode(head.signature), tree_head_bytes(head.size, head.root, head.at))
    except InvalidSignature:
        return False
    return True


async def _prove(desk: Desk, entry_id: str) -> SignalProof:
    async with desk.database.transaction() as session:
        return await SignalLog(session, desk.clock).prove(entry_id)


async def _many(desk: Desk, batches: int, size: int) -> tuple[Writer, Round, list[str]]:
    """Entries of one era, each with other scores; ids in their order."""
    writer, found = await desk.writer("acme"), await desk.open(eras=100)
    panel = await desk.panel_of(found)
    ids: list[str] = []
    for batch in range(batches):
        writes = [
            desk.write(writer, found, era, dict.fromkeys(panel.names(era), round(batch / 1000, 4)))
            for era in range(found.first_era, found.first_era + size)
        ]
        body = json.dumps({"contract": "signal-write-batch/1", "writes": writes}).encode()
        ids += [receipt.id for receipt in await desk.take(writer, body)]
    return writer, found, ids


async def _tamper(desk: Desk, statement: str, **values: Any) -> None:
    """As somebody does who owns the database."""
    async with desk.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement), values)


class TestProofs:
    async def test_every_entry_of_a_log_that_grew_over_hours_is_proved(self, desk: Desk) -> None:
        *_, ids = await _many(desk, 7, 90)
        first = await desk.seal()
        assert first.size == 630
        for place in (0, 1, 255, 256, 511, 512, 600, 629):
            proof = await _prove(desk, ids[place])
            assert proof.place == place
            assert _holds(proof)
            assert _is_signed(proof.head, desk.log_key.public)

    async def test_kept_subtrees_give_the_same_root_as_all_leaves_do(self, desk: Desk) -> None:
        await _many(desk, 3, 90)
        await desk.seal()
        assert await desk.audit() == 270

    async def test_an_entry_after_the_seal_waits_for_the_next(self, desk: Desk) -> None:
        writer, found, ids = await _many(desk, 1, 2)
        await desk.seal()
        panel = await desk.panel_of(found)
        write = desk.write(writer, found, found.first_era, dict.fromkeys(panel.names(found.first_era), -0.7))
        (late,) = await desk.take(writer, json.dumps(write).encode())
        with pytest.raises(Refusal) as refused:
            await _prove(desk, late.id)
        assert refused.value.code == "signal_not_sealed_yet"
        assert (await desk.seal()).size == 3
        assert _holds(await _prove(desk, late.id))
        assert _holds(await _prove(desk, ids[0]))

    async def test_a_later_head_is_consistent_with_an_earlier_one(self, desk: Desk) -> None:
        writer, found, _ = await _many(desk, 3, 90)
        first = await desk.seal()
        panel = await desk.panel_of(found)
        for at in range(40):
            write = desk.write(writer, found, found.first_era, dict.fromkeys(panel.names(found.first_era), -at / 50))
            await desk.take(writer, json.dumps(write).encode())
        second = await desk.seal()
        async with desk.database.transaction() as session:
            answer = await SignalLog(session, desk.clock).prove_consistency(first.size, second.size)
        path = [bytes.fromhex(step) for step in answer.path]
        roots = bytes.fromhex(first.root), bytes.fromhex(second.root)
        assert is_consistent(first.size, roots[0], second.size, roots[1], path)
        assert not is_consistent(first.size, roots[0], second.size, roots[0], path)


class TestTampering:
    async def test_the_database_refuses_changes_that_are_not_meant(self, desk: Desk) -> None:
        await _many(desk, 1, 2)
        for statement in ("UPDATE signal_entries SET era = 1", "DELETE FROM signal_entries", "TRUNCATE signal_entries"):
            with pytest.raises(DBAPIError, match="only ever added to"):
                async with desk.database.transaction() as session:
                    await session.execute(text(statement))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE signal_entries SET received_at = received_at - interval '1 day' WHERE place = 2",
            "UPDATE signal_entries SET scores = (SELECT scores FROM signal_entries WHERE place = 0) WHERE place = 95",
            "UPDATE signal_entries SET deployment_id = 'dep_x' WHERE place = 2",
            "UPDATE signal_entries SET entry = replace(entry, '2026-11-02', '2026-11-01') WHERE place = 2",
            "DELETE FROM signal_entries WHERE place = 2",
            "DELETE FROM signal_entries WHERE place = 179",
        ],
    )
    async def test_who_owns_the_database_and_alters_a_sealed_entry_is_found_out(
        self, desk: Desk, statement: str
    ) -> None:
        await _many(desk, 2, 90)
        await desk.seal()
        assert await desk.audit() == 180
        await _tamper(desk, statement)
        with pytest.raises(Refusal) as refused:
            await desk.audit()
        assert refused.value.code == "signal_log_damaged"

    async def test_an_entry_slipped_in_with_an_old_date_is_found_out_and_cannot_be_sealed(self, desk: Desk) -> None:
        """Rewritten with hashes that fit: only the signed head, which others hold, gives it away."""
        await _many(desk, 2, 90)
        await desk.seal()
        await _tamper(desk, "DELETE FROM signal_entries WHERE place = 100")
        entry = json.dumps({"deployment": "dep_" + "1" * 32, "era": 1, "place": 100, "received_at": "2020-01-01"})
        await _tamper(
            desk,
            "INSERT INTO signal_entries SELECT 100, 'sig_forged', deployment_id, vendor_id, round_id, era, scores, "
            "scores_sha256, :entry, :leaf, created_at, received_at FROM signal_entries WHERE place = 99",
            entry=entry,
            leaf=leaf_hash(entry.encode()),
        )
        await _tamper(
            desk,
            "INSERT INTO signal_entries SELECT 180, 'sig_next', deployment_id, vendor_id, round_id, era, scores, "
            "scores_sha256, entry, leaf, created_at, received_at FROM signal_entries WHERE place = 1",
        )
        with pytest.raises(Refusal) as refused:
            await desk.seal()
        assert refused.value.code == "signal_log_damaged"
        proof = None
        async with desk.database.transaction() as session:
            proof = await SignalLog(session, desk.clock).prove("sig_forged")
        assert not _holds(proof)

    async def test_an_operator_who_rewrites_the_log_and_signs_it_anew_contradicts_the_head_that_others_hold(
        self, desk: Desk
    ) -> None:
        *_, ids = await _many(desk, 2, 90)
        held = await desk.seal()
        receipt = await _prove(desk, ids[10])
        entry = json.dumps({"rewritten": True})
        await _tamper(desk, "UPDATE signal_entries SET entry = :entry, leaf = :leaf WHERE place = 10",
                      entry=entry, leaf=leaf_hash(entry.encode()))  # fmt: skip
        await _tamper(desk, "DELETE FROM signal_heads")
        await _tamper(desk, "DELETE FROM signal_nodes")
        forged = await desk.seal()
        assert _is_signed(forged, desk.log_key.public)
        assert (forged.size, forged.root == held.root) == (held.size, False)
        path = [bytes.fromhex(step) for step in receipt.path]
        assert not is_included(10, forged.size, leaf_hash(receipt.entry.encode()), path, bytes.fromhex(forged.root))

    async def test_a_head_of_another_key_is_told(self, desk: Desk) -> None:
        await _many(desk, 1, 2)
        head = await desk.seal()
        assert not _is_signed(head, HeadKey(MarketplaceSecret.of(b"x" * 32)).public)
        assert not _is_signed(head.model_copy(update={"size": 1}), desk.log_key.public)
