"""`mp signals`, `mp score`, `mp kill`: offline checks that hold, and that say no when something was changed."""

import base64
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mercato.platform import HeadKey, KeyRing, MarketplaceSecret, SystemClock
from mercato_cli.run import run
from mercato_contracts.head_keys import PublishedHeadKeys
from mercato_contracts.merkle import inclusion_spans, leaf_hash, root_of
from mercato_contracts.signals import TreeHead, tree_head_bytes
from tests.conftest import TestClock

ENTRIES = [json.dumps({"place": at}) for at in range(11)]


def _proof(place: int, entries: list[str] = ENTRIES, secret: bytes = b"s" * 32) -> dict[str, Any]:
    leaves = [leaf_hash(entry.encode()) for entry in entries]
    key, root = HeadKey(MarketplaceSecret.of(secret)), root_of(leaves).hex()
    at = TestClock().now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    signature = key.signer().sign(tree_head_bytes(len(leaves), root, at))
    head = TreeHead(size=len(leaves), root=root, at=at, key=key.public, signature=signature)
    path = [root_of(leaves[low:high]).hex() for low, high in inclusion_spans(place, len(leaves))]
    return {"place": place, "entry": entries[place], "path": path, "head": head.model_dump()}


@dataclass
class Verified:
    """How `mp signals verify` ended, and all that it wrote."""

    exit_code: int
    output: str


def _verify(tmp_path: Path, proof: dict[str, Any], *more: str) -> Verified:
    kept = tmp_path / "proof.json"
    kept.write_text(json.dumps(proof))
    written = io.StringIO()
    with redirect_stdout(written), redirect_stderr(written):
        code = run(["signals", "verify", str(kept), *more])
    return Verified(code, written.getvalue())


class TestVerify:
    @pytest.mark.parametrize("place", [0, 4, 7, 10])
    def test_a_kept_proof_is_checked_without_asking_anybody(self, tmp_path: Path, place: int) -> None:
        digest = leaf_hash(ENTRIES[place].encode()).hex()
        answer = _verify(
            tmp_path, _proof(place), "--digest", digest, "--key", HeadKey(MarketplaceSecret.of(b"s" * 32)).public
        )
        assert answer.exit_code == 0, answer.output
        assert "is in the signed log" in answer.output

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"entry": '{"place": 99}'}, "does not lead"),
            ({"place": 5}, "does not lead"),
            ({"path": []}, "does not lead"),
        ],
    )
    def test_a_changed_proof_is_refused(self, tmp_path: Path, change: dict[str, Any], words: str) -> None:
        answer = _verify(tmp_path, _proof(4) | change)
        assert answer.exit_code == 1
        assert words in answer.output

    def test_a_head_that_nobody_signed_or_another_did_is_refused(self, tmp_path: Path) -> None:
        proof = _proof(4)
        proof["head"]["at"] = "2020-01-01T00:00:00.000000Z"
        assert "not signed" in _verify(tmp_path, proof).output
        proof = _proof(4) | {"head": _proof(4)["head"] | {"signature": base64.b64encode(b"x" * 64).decode()}}
        assert "not signed" in _verify(tmp_path, proof).output
        other = _verify(tmp_path, _proof(4, secret=b"x" * 32), "--key", HeadKey(MarketplaceSecret.of(b"s" * 32)).public)
        assert (other.exit_code, "another key" in other.output) == (1, True)

    @pytest.mark.parametrize("known", [b"s" * 32, b"t" * 32], ids=["the key of then", "the key of today"])
    def test_a_proof_from_before_a_rotation_is_checked_offline_with_the_published_keys(
        self, tmp_path: Path, known: bytes
    ) -> None:
        ring = KeyRing.of(b"s" * 32).add(b"t" * 32, TestClock().now())
        ring = ring.retire(ring.keys[0].id)
        published = HeadKey(MarketplaceSecret(ring, SystemClock())).published()
        keys = tmp_path / "keys.json"
        keys.write_text(PublishedHeadKeys(items=published).model_dump_json())
        key = HeadKey(MarketplaceSecret.of(known)).public
        for secret in (b"s" * 32, b"t" * 32):
            answer = _verify(tmp_path, _proof(4, secret=secret), "--key", key, "--keys", str(keys))
            assert answer.exit_code == 0, answer.output
        stranger = HeadKey(MarketplaceSecret.of(b"x" * 32)).public
        for words in (("--key", stranger, "--keys", str(keys)), ("--keys", str(keys))):
            assert _verify(tmp_path, _proof(4), *words).exit_code != 0
        forged = published[1].model_copy(update={"key": stranger})
        keys.write_text(PublishedHeadKeys(items=[published[0], forged]).model_dump_json())
        own = HeadKey(MarketplaceSecret.of(b"s" * 32)).public
        answer = _verify(tmp_path, _proof(4, secret=b"x" * 32), "--key", own, "--keys", str(keys))
        assert (answer.exit_code, "another key" in answer.output) == (1, True)

    def test_a_receipt_of_another_entry_is_refused(self, tmp_path: Path) -> None:
        answer = _verify(tmp_path, _proof(4), "--digest", leaf_hash(ENTRIES[5].encode()).hex())
        assert (answer.exit_code, "another entry" in answer.output) == (1, True)

    def test_a_log_that_was_rewritten_and_signed_anew_contradicts_the_proof_kept_before(self, tmp_path: Path) -> None:
        earlier = tmp_path / "earlier.json"
        earlier.write_text(json.dumps(_proof(4)))
        rewritten = _proof(4, [*ENTRIES[:7], "{}", *ENTRIES[8:]])
        answer = _verify(tmp_path, rewritten, "--head", str(earlier))
        assert (answer.exit_code, "rewrote its past" in answer.output) == (1, True)

    def test_what_is_no_proof_is_told(self, tmp_path: Path) -> None:
        answer = _verify(tmp_path, {"place": "x"})
        assert (answer.exit_code, "is not a proof" in answer.output) == (2, True)
