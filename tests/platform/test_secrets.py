"""What was sealed, signed and named before still opens, verifies and has the same name.

The vectors were written by the code that each purpose had before all of them shared one derivation.
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from mercato.adapters.signed_links import SignedLinks
from mercato.datasets.obscuring import Obscurer
from mercato.edge.idempotency import AnswerCipher
from mercato.identity.known_devices import KnownDevices
from mercato.platform import HeadKey, MarketplaceSecret, Purpose, Seal, SealBroken, SystemIds
from mercato.publishing.sealing import CredentialSeal
from mercato.training.claims import ClaimLinks
from mercato.webhooks import SecretSeal
from mercato_contracts.record import record_head_bytes
from mercato_contracts.signals import tree_head_bytes
from tests.conftest import TestClock

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "secrets.json").read_text())
SECRET, NONCE = bytes.fromhex(VECTORS["secret"]), bytes.fromhex(VECTORS["nonce"])
OURS = MarketplaceSecret.of(SECRET)
NOW = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


class FixedIds(SystemIds):
    """Ids whose secrets are known."""

    def __init__(self) -> None:
        pass

    def secret(self, size: int) -> bytes:
        return bytes(range(size))


@pytest.fixture
def clock() -> TestClock:
    return TestClock(NOW)


def _sealed(name: str) -> bytes:
    return bytes.fromhex(VECTORS[name])


def test_a_stored_answer_is_sealed_as_before() -> None:
    cipher = AnswerCipher(OURS)
    assert cipher.open("key-1", _sealed("idempotent_answer")) == b'{"id":"x"}'
    assert cipher.seal("key-1", NONCE, b'{"id":"x"}') == _sealed("idempotent_answer")


def test_a_webhook_secret_is_sealed_as_before() -> None:
    seal = SecretSeal(OURS)
    assert seal.open("whe_1", _sealed("webhook_secret")) == b"w" * 32
    assert seal.seal("whe_1", NONCE, b"w" * 32) == _sealed("webhook_secret")


def test_a_credential_is_sealed_as_before() -> None:
    seal = CredentialSeal(OURS)
    assert seal.open("org_1", "provider", _sealed("vendor_credential")) == "sk-123"
    assert seal.seal("org_1", "provider", NONCE, "sk-123") == _sealed("vendor_credential")
    assert seal.fingerprint("org_1", "sk-123") == VECTORS["vendor_credential_fingerprint"]


def test_links_are_signed_as_before(clock: TestClock) -> None:
    hour = timedelta(hours=1)
    assert SignedLinks(OURS, clock).sign("round/1/x.parquet", hour) == VECTORS["signed_link"]
    assert ClaimLinks(OURS, "http://h", clock).sign("run_1", "place", hour) == VECTORS["claim_link"]


def test_devices_and_stocks_have_their_names_as_before() -> None:
    assert KnownDevices(OURS).issue("usr_1", FixedIds(), NOW) == VECTORS["known_device"]
    assert Obscurer(SECRET, "us-equities-daily").id_of(3, "AAPL") == VECTORS["obscured_id"]


def test_heads_are_signed_as_before() -> None:
    key, log, record = HeadKey(OURS), VECTORS["log_head"], VECTORS["record_head"]
    assert key.signer().sign(tree_head_bytes(5, log["root"], log["at"])) == log["signature"]
    assert key.signer().sign(record_head_bytes(5, record["digest"], record["at"])) == record["signature"]
    assert key.public == log["key"] == record["key"]


class TestSeal:
    @pytest.mark.parametrize("purpose", list(Purpose))
    def test_it_opens_only_for_the_same_secret_purpose_name_and_place(self, purpose: Purpose) -> None:
        sealed = Seal(OURS, purpose).seal("one", NONCE, b"content", place="here")
        assert Seal(OURS, purpose).open("one", sealed, place="here") == b"content"
        others = [
            Seal(MarketplaceSecret.of(bytes(32)), purpose),
            *(Seal(OURS, other) for other in Purpose if other is not purpose),
        ]
        for other in others:
            with pytest.raises(SealBroken):
                other.open("one", sealed, place="here")
        for name, place in (("two", "here"), ("one", "there"), ("one", "")):
            with pytest.raises(SealBroken):
                Seal(OURS, purpose).open(name, sealed, place=place)

    @pytest.mark.parametrize("altered", [b"", NONCE, NONCE + b"x" * 40])
    def test_what_is_no_ciphertext_does_not_open(self, altered: bytes) -> None:
        with pytest.raises(SealBroken):
            Seal(OURS, Purpose.WEBHOOK_SECRET).open("one", altered)

    def test_no_purpose_begins_another(self) -> None:
        """Else a name chosen for one purpose could give the key of another."""
        assert not [(one, two) for one, two in permutations(Purpose, 2) if two.value.startswith(one.value)]
