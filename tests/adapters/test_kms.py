"""The port of a KMS: it wraps the marketplace's keys on disk, and nobody opens them without it."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from mercato.adapters.keys_unusable import KeysUnusable
from mercato.adapters.kms_file import FileKms
from mercato.adapters.ring_file import RingFile
from mercato.platform import KeyRing, KeyWrapper, KmsFailed, MarketplaceSecret, SystemClock, unwrap_ring, wrap_ring
from tests.support.waiting import until

RING = KeyRing.of(b"\xab" * 32)


def _key_file(path: Path) -> Path:
    path.touch(mode=0o600)
    path.write_text(os.urandom(32).hex() + "\n")
    return path


@pytest.fixture
def kms(tmp_path: Path) -> FileKms:
    return FileKms(_key_file(tmp_path / "kek"))


@pytest.fixture
def other(tmp_path: Path) -> FileKms:
    """Another key than that of `kms`."""
    return FileKms(_key_file(tmp_path / "other"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of one key, as the first start makes it."""
    path = tmp_path / "secrets" / "signing.key"
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_text("ab" * 32)
    return path


class TestPort:
    def test_what_was_wrapped_unwraps_and_only_here(self, kms: KeyWrapper, other: KeyWrapper) -> None:
        wrapped = kms.wrap(b"k" * 32)
        assert b"k" * 32 not in wrapped
        assert kms.unwrap(wrapped) == b"k" * 32
        assert kms.wrap(b"k" * 32) != wrapped
        with pytest.raises(KmsFailed):
            other.unwrap(wrapped)
        for altered in (b"", wrapped[:-1], wrapped[:-1] + bytes([wrapped[-1] ^ 1])):
            with pytest.raises(KmsFailed):
                kms.unwrap(altered)

    def test_a_ring_of_any_length_is_wrapped(self, kms: KeyWrapper) -> None:
        ring = RING
        for _ in range(20):
            ring = ring.add(os.urandom(32), datetime.now(UTC))
        content = wrap_ring(ring.write(), kms)
        assert unwrap_ring(content, kms) == ring.write()

    @given(data=st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_an_altered_or_cut_file_is_refused(self, kms: KeyWrapper, data: st.DataObject) -> None:
        whole = wrap_ring(RING.write(), kms)
        # The line that names the KMS is for people; after it, every byte counts.
        start = whole.index(b"\nkey ")
        place = data.draw(st.integers(start, len(whole) - 1))
        content = bytearray(whole)
        if data.draw(st.booleans()):
            content[place] ^= data.draw(st.integers(1, 255))
        else:
            del content[place:]
        try:
            found = unwrap_ring(bytes(content), kms)
        except KmsFailed:
            return
        # Base64 has bits at its end that mean nothing.
        assert found == RING.write()


class TestKeyFile:
    @pytest.mark.parametrize("content", ["", "no key", "ab" * 31, "ab" * 33, "é" * 32])
    def test_a_file_that_holds_no_key_is_refused(self, tmp_path: Path, content: str) -> None:
        path = _key_file(tmp_path / "key")
        path.write_text(content)
        with pytest.raises(KmsFailed, match="openssl rand -hex 32"):
            FileKms(path).wrap(b"k" * 32)

    def test_a_file_that_others_may_read_is_refused(self, tmp_path: Path) -> None:
        path = _key_file(tmp_path / "key")
        path.chmod(0o640)
        with pytest.raises(KmsFailed, match="chmod 600"):
            FileKms(path).wrap(b"k" * 32)


class TestRing:
    def test_a_wrapped_ring_is_rotated_and_its_secrets_are_not_on_disk(self, path: Path, kms: FileKms) -> None:
        file = RingFile(path, kms)
        with pytest.raises(KeysUnusable, match="mercato secrets wrap"):
            file.read()
        file.wrap(None)
        assert file.read() == RING
        ring = file.change(lambda ring: ring.add(os.urandom(32), datetime.now(UTC)))
        assert file.read() == ring
        assert path.stat().st_mode & 0o777 == 0o600
        kept = path.read_text()
        assert all(key.secret is not None and key.secret.hex() not in kept for key in ring.keys)
        with pytest.raises(KeysUnusable, match="set MERCATO_KMS"):
            RingFile(path).read()

    def test_it_is_wrapped_again_by_another_key_and_unwrapped(self, path: Path, kms: FileKms, other: FileKms) -> None:
        RingFile(path, kms).wrap(None)
        with pytest.raises(KeysUnusable, match="another key"):
            RingFile(path, other).wrap(other)
        assert RingFile(path, kms).read() == RING, "what failed changed nothing"
        RingFile(path, other).wrap(kms)
        assert RingFile(path, other).read() == RING
        with pytest.raises(KeysUnusable, match="another key"):
            RingFile(path, kms).read()
        RingFile(path).wrap(other)
        assert RingFile(path).read() == RING

    async def test_a_running_process_goes_on_while_the_kms_is_away(
        self, path: Path, kms: FileKms, tmp_path: Path
    ) -> None:
        file = RingFile(path, kms)
        file.wrap(None)
        secret = MarketplaceSecret(file.read(), SystemClock())
        ring = file.change(lambda ring: ring.add(os.urandom(32), datetime.now(UTC)))
        (tmp_path / "kek").rename(tmp_path / "away")
        with pytest.raises(KeysUnusable, match="needs it to start"):
            file.read()
        following = asyncio.create_task(file.follow(secret, every_seconds=0.01))
        try:
            with capture_logs() as lines:
                await until(lambda: any(line["log_level"] == "error" for line in lines))
            assert secret.ring == RING
            (tmp_path / "away").rename(tmp_path / "kek")
            await until(lambda: secret.ring == ring)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def test_an_operator_wraps_the_keys_and_a_start_without_the_kms_says_what_to_do(path: Path, tmp_path: Path) -> None:
    kek = _key_file(tmp_path / "kek")

    def run(*words: str, kms: str | None) -> tuple[int, str]:
        given = {} if kms is None else {"MERCATO_KMS": kms}
        done = subprocess.run(
            [sys.executable, "-m", "mercato.app.main", "--state", str(path.parents[1]), *words],
            env=os.environ | given, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert run("secrets", "wrap", kms=f"file:{kek}") == (0, f"{path} is wrapped by file:{kek}\n")
    code, said = run("secrets", "list", "--offline", kms=f"file:{kek}")
    assert (code, RING.last.id in said) == (0, True)
    kek.rename(tmp_path / "away")
    code, said = run("secrets", "rotate", "--offline", kms=f"file:{kek}")
    assert (code, said.count("\n")) == (1, 1), said
    assert "cannot be read (No such file or directory)" in said
    code, said = run("secrets", "list", "--offline", kms=None)
    assert (code, f"is wrapped by file:{kek}" in said) == (1, True)
