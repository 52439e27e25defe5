"""A ring of keys: what older keys made still opens and verifies, and a damaged file is refused."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.adapters.signed_links import LinkRefused, SignedLinks
from mercato.identity import AccessTokens, FactorSeal, KnownDevices, LinkTokens, SsoSecrets
from mercato.identity.models import SecondFactor
from mercato.identity.refusals import NotSignedIn
from mercato.identity.tokens import AccessClaims
from mercato.platform import FIRST, HeadKey, KeyRing, MarketplaceSecret, Purpose, RingDamaged, Seal, SystemIds
from mercato.platform.key_ring import is_signed
from mercato.publishing import CredentialSeal
from mercato.training import ClaimLinks
from mercato.training.refusals import ClaimLinkRefused
from mercato_contracts.head_keys import keys_led_to
from tests.conftest import TestClock

HOUR = timedelta(hours=1)
OLD, NEW, NEXT = (bytes([number]) * 32 for number in (1, 2, 3))
FIRST_ID = KeyRing.of(OLD).last.id


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def secret(clock: TestClock) -> MarketplaceSecret:
    """A marketplace that never rotated."""
    return MarketplaceSecret(KeyRing.of(OLD), clock)


def _add(secret: MarketplaceSecret, clock: TestClock, key: bytes = NEW) -> None:
    """A key that takes over in an hour."""
    secret.replace(secret.ring.add(key, clock.now() + HOUR))


def _rotate(secret: MarketplaceSecret, clock: TestClock, key: bytes = NEW) -> None:
    """A key that has taken over an hour ago."""
    _add(secret, clock, key)
    clock.advance(2 * HOUR)


Makes = Callable[[MarketplaceSecret, TestClock], Callable[[MarketplaceSecret, TestClock], bool]]


def _access_token(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    now = clock.now() + 2 * HOUR  # so that it lives when it is checked
    token = AccessTokens(secret).sign(AccessClaims("usr_1", "ses_1"), now)

    def opens(later: MarketplaceSecret, clock: TestClock) -> bool:
        try:
            return AccessTokens(later).check(token, now) == AccessClaims("usr_1", "ses_1")
        except NotSignedIn:
            return False

    return opens


def _letter_link(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    token = LinkTokens(secret, Purpose.INVITATION_LINK).of("inv_1")
    return lambda later, clock: LinkTokens(later, Purpose.INVITATION_LINK).find_id(token) == "inv_1"


def _device(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    token = KnownDevices(secret).issue("usr_1", SystemIds(clock), clock.now())
    return lambda later, clock: KnownDevices(later).find(token, "usr_1", clock.now()) is not None


def _file_link(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    link = SignedLinks(secret, clock).sign("round/x", 24 * HOUR)

    def opens(later: MarketplaceSecret, clock: TestClock) -> bool:
        try:
            SignedLinks(later, clock).check("round/x", link["expires"], link["signature"])
        except LinkRefused:
            return False
        return True

    return opens


def _claim(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    link = ClaimLinks(secret, "http://h", clock).sign("run_1", "place", 24 * HOUR)
    expires, signature = (part.split("=")[1] for part in link.split("&")[1:])

    def opens(later: MarketplaceSecret, clock: TestClock) -> bool:
        try:
            ClaimLinks(later, "http://h", clock).check("run_1", "place", expires, signature)
        except ClaimLinkRefused:
            return False
        return True

    return opens


def _sign_in(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    begun_at = clock.now()
    sso = SsoSecrets(secret)
    sent = (sso.nonce_of("state", begun_at), sso.verifier_of("state", begun_at))

    def opens(later: MarketplaceSecret, clock: TestClock) -> bool:
        sso = SsoSecrets(later)
        return (sso.nonce_of("state", begun_at), sso.verifier_of("state", begun_at)) == sent

    return opens


def _credential(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    sealed = CredentialSeal(secret).seal("org_1", "provider", b"n" * 12, "sk-123")
    return lambda later, clock: CredentialSeal(later).open("org_1", "provider", sealed) == "sk-123"


def _factor(secret: MarketplaceSecret, clock: TestClock) -> Callable[[MarketplaceSecret, TestClock], bool]:
    sealed = FactorSeal(secret).seal("usr_1", "fac_1", b"n" * 12, b"seed")
    factor = SecondFactor(id="fac_1", user_id="usr_1", sealed_secret=sealed)

    def opens(later: MarketplaceSecret, clock: TestClock) -> bool:
        try:
            return FactorSeal(later).open(factor) == b"seed"
        except Exception:
            return False

    return opens


EVERYTHING = [_access_token, _letter_link, _device, _file_link, _claim, _sign_in, _credential, _factor]


class TestWhatOlderKeysMade:
    @pytest.mark.parametrize("make", EVERYTHING)
    def test_still_opens_after_two_rotations_and_no_longer_after_its_key_is_retired(
        self, secret: MarketplaceSecret, clock: TestClock, make: Makes
    ) -> None:
        opens = make(secret, clock)
        for key in (NEW, NEXT):
            _rotate(secret, clock, key)
            assert opens(secret, clock)
        secret.replace(secret.ring.retire(FIRST_ID))
        assert not opens(secret, clock)

    @pytest.mark.parametrize("make", EVERYTHING)
    def test_a_process_with_a_coming_key_opens_what_the_others_make_already(
        self, secret: MarketplaceSecret, clock: TestClock, make: Makes
    ) -> None:
        """Also the other way round: until the key takes over, it makes nothing."""
        _add(secret, clock)
        other = MarketplaceSecret(secret.ring, TestClock(clock.now() + 2 * HOUR))  # a clock that goes before
        by_other = make(other, TestClock(clock.now() + 2 * HOUR))
        assert by_other(secret, TestClock(clock.now() + 2 * HOUR)) or make is _sign_in, (
            "a sign-in goes by the moment at which it began"
        )
        never_rotated = MarketplaceSecret(KeyRing.of(OLD), clock)
        assert make(secret, clock)(never_rotated, clock)

    def test_the_newest_key_makes_what_is_new(self, secret: MarketplaceSecret, clock: TestClock) -> None:
        seal = Seal(secret, Purpose.WEBHOOK_SECRET)
        assert seal.open_with_id("one", seal.seal("one", b"n" * 12, b"content"))[0] == FIRST_ID
        _rotate(secret, clock)
        key_id, content = seal.open_with_id("one", seal.seal("one", b"n" * 12, b"content"))
        assert (key_id, content) == (KeyRing.of(NEW).last.id, b"content")


class TestHeads:
    def test_heads_verify_after_rotation_and_after_retirement(
        self, secret: MarketplaceSecret, clock: TestClock
    ) -> None:
        key = HeadKey(secret)
        signer = key.signer()
        head = (b"head", signer.public, signer.sign(b"head"))
        _rotate(secret, clock)
        assert key.public != signer.public
        assert key.has_signed(*head)
        secret.replace(secret.ring.retire(FIRST_ID))
        assert key.has_signed(*head)
        assert not key.has_signed(b"forged", *head[1:])
        assert not key.has_signed(b"head", HeadKey(MarketplaceSecret.of(NEXT)).public, head[2])
        assert [each.state for each in key.published()] == ["retired", "newest"]

    def test_whoever_knows_one_key_is_led_to_all_others(self, secret: MarketplaceSecret, clock: TestClock) -> None:
        for key in (NEW, NEXT):
            _rotate(secret, clock, key)
        secret.replace(secret.ring.retire(FIRST_ID))
        keys = HeadKey(secret).published()
        for each in keys:
            assert keys_led_to(each.key, keys, is_signed) == {one.key for one in keys}
        stranger = HeadKey(MarketplaceSecret.of(b"x" * 32)).public
        assert keys_led_to(stranger, keys, is_signed) == {stranger}

    def test_a_key_that_somebody_put_into_the_list_is_not_led_to(
        self, secret: MarketplaceSecret, clock: TestClock
    ) -> None:
        _rotate(secret, clock)
        keys = HeadKey(secret).published()
        forger = MarketplaceSecret(KeyRing.of(NEXT), clock)
        _rotate(forger, clock, b"y" * 32)
        forged = HeadKey(forger).published()[1]
        for signature in (forged.by_itself, keys[1].by_the_one_before):
            listed = [*keys, forged.model_copy(update={"by_the_one_before": signature})]
            assert keys_led_to(keys[0].key, listed, is_signed) == {each.key for each in keys}


def _ring() -> KeyRing:
    ring = KeyRing.of(OLD).add(NEW, FIRST + HOUR).add(NEXT, FIRST + 2 * HOUR)
    return ring.retire(FIRST_ID)


def _ended(lines: list[str]) -> bytes:
    text = "\n".join(lines)
    return f"{text}\nend {hashlib.sha256(text.encode()).hexdigest()}\n".encode()


class TestFile:
    def test_a_file_of_one_key_in_hexadecimal_is_read_as_before(self) -> None:
        for text in (OLD.hex(), OLD.hex() + "\n", OLD.hex().upper()):
            assert KeyRing.read(text.encode()) == KeyRing.of(OLD)

    def test_what_is_written_is_read(self) -> None:
        ring = _ring()
        assert KeyRing.read(ring.write()) == ring
        assert OLD.hex().encode() not in ring.write(), "a retired secret is gone"

    def test_a_ring_and_its_damage_show_no_secret(self) -> None:
        ring = _ring()
        assert NEW.hex() not in repr(ring)
        assert repr(NEW) not in repr(ring)

    @given(st.binary(max_size=400))
    def test_other_bytes_are_refused(self, content: bytes) -> None:
        with pytest.raises(RingDamaged):
            KeyRing.read(b"mercato-keys/1\n" + content)

    @given(st.data())
    def test_an_altered_or_cut_file_is_refused(self, data: st.DataObject) -> None:
        content = bytearray(_ring().write())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] ^= data.draw(st.integers(1, 255))
        else:
            del content[place:]
        with pytest.raises(RingDamaged) as refused:
            KeyRing.read(bytes(content))
        assert NEW.hex() not in str(refused.value)

    @given(st.integers(0, 31) | st.integers(129, 200))
    def test_a_key_of_a_wrong_length_is_refused(self, length: int) -> None:
        with pytest.raises(RingDamaged, match="32 to 128 bytes"):
            KeyRing.read((b"k" * length).hex().encode())

    def test_lines_that_contradict_each_other_are_refused(self) -> None:
        header, *keys, _, _ = _ring().write().decode().split("\n")
        for lines in (
            [keys[0], keys[1], keys[1]],
            [keys[1], keys[0]],
            [keys[0]],
            [keys[0], keys[2]],
            [],
            [keys[0], keys[1].replace("key", "retired", 1)],
        ):
            with pytest.raises(RingDamaged):
                KeyRing.read(_ended([header, *lines]))

    def test_a_key_begins_after_the_one_before_whatever_the_clock_says(self) -> None:
        ring = KeyRing.of(OLD).add(NEW, FIRST + 2 * HOUR).add(NEXT, FIRST + HOUR)
        assert ring.last.since == FIRST + 2 * HOUR + timedelta(seconds=1)

    def test_the_same_key_twice_is_refused(self) -> None:
        with pytest.raises(RingDamaged, match="same id"):
            KeyRing.of(OLD).add(OLD, FIRST + HOUR)


def test_every_purpose_survives_a_retirement_in_a_known_way() -> None:
    """A purpose that somebody adds is named here, and `mercato secrets retire` knows what to do with it."""
    from mercato import identity, publishing, webhooks

    sealed_anew = {column.purpose for room in (identity, publishing, webhooks) for column in room.SEALED}
    good_for_days = {
        Purpose.IDEMPOTENT_ANSWER, Purpose.OBJECT_LINK, Purpose.TRAINING_CLAIM, Purpose.INVITATION_LINK,
        Purpose.PASSWORD_RESET_LINK, Purpose.SSO_SIGN_IN,
    }  # fmt: skip
    public_half_stays = {Purpose.SIGNED_HEAD}
    only_delays_or_names = {Purpose.KNOWN_DEVICE, Purpose.VENDOR_CREDENTIAL_FINGERPRINT, Purpose.KEY_ID}
    of_the_data_key = {Purpose.STOCK_ID, Purpose.SEARCH_ASKER, Purpose.MARKETPLACE_ID, Purpose.PRIVATE_NAME}
    kinds = [sealed_anew, good_for_days, public_half_stays, only_delays_or_names, of_the_data_key]
    assert sum(map(len, kinds)) == len(Purpose)
    assert set().union(*kinds) == set(Purpose)
