"""The file of the marketplace's keys: whole whatever happens, closed to others, and read again by running processes."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mercato.adapters.keys_unusable import KeysUnusable
from mercato.adapters.ring_file import RingFile
from mercato.platform import KeyRing, MarketplaceSecret, SystemClock
from tests.support.waiting import until

ROTATOR = Path(__file__).parent / "ring_rotator.py"


@pytest.fixture
def file(tmp_path: Path) -> RingFile:
    """As the first start makes it: one key in hexadecimal."""
    path = tmp_path / "signing.key"
    path.touch(mode=0o600)
    path.write_text("ab" * 32)
    return RingFile(path)


def _add(ring: KeyRing) -> KeyRing:
    return ring.add(os.urandom(32), datetime.now(UTC))


def _rotate(file: RingFile) -> KeyRing:
    return file.change(_add)


def _start(file: RingFile, times: int) -> "subprocess.Popen[str]":
    words = [sys.executable, str(ROTATOR), str(file.path), str(times)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_the_first_rotation_keeps_the_key_of_before_and_is_for_its_owner_alone(file: RingFile) -> None:
    ring = _rotate(file)
    assert ring.keys[0].secret == b"\xab" * 32
    assert file.read() == ring
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["lock", "signing.key"]


def test_rotations_at_once_lose_no_key(file: RingFile) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: RingFile(file.path).change(_add).last.id, range(24)))
    assert {key.id for key in file.read().keys[1:]} == set(told)
    assert len(set(told)) == 24


@pytest.mark.slow
def test_a_rotation_that_is_killed_leaves_a_whole_ring_with_every_key_that_was_told(file: RingFile) -> None:
    told: list[str] = []
    for _ in range(3):
        rotator = _start(file, 400)
        assert rotator.stdout is not None
        first = rotator.stdout.readline()
        os.kill(rotator.pid, signal.SIGKILL)
        told += [line.strip() for line in (first + rotator.communicate(timeout=600)[0]).splitlines()]
        assert set(told) <= {key.id for key in file.read().keys}
    _rotate(file)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_file_that_everybody_may_read_or_write_is_refused(mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = RingFile(Path(folder) / "signing.key")
        file.path.write_text("ab" * 32)
        file.path.chmod(mode)
        assert file.read() == KeyRing.of(b"\xab" * 32), "nobody else passes its folder"
        Path(folder).chmod(0o755)
        with pytest.raises(KeysUnusable, match="chmod 600"):
            file.read()
        with pytest.raises(KeysUnusable, match="chmod 600"):
            _rotate(file)
        assert file.path.read_text() == "ab" * 32


def test_a_mounted_secret_of_a_group_is_read(file: RingFile) -> None:
    file.path.chmod(0o440)
    assert file.read() == KeyRing.of(b"\xab" * 32)


@pytest.mark.parametrize("content", ["", "no key\n", "ab" * 31, "mercato-keys/1\nend\n"])
def test_a_damaged_file_is_refused_in_plain_words_and_left_alone(file: RingFile, content: str) -> None:
    file.path.write_text(content)
    with pytest.raises(KeysUnusable, match="bring back the file of a backup"):
        _rotate(file)
    assert file.path.read_text() == content


def test_what_cannot_be_read_or_changed_is_one_sentence(file: RingFile) -> None:
    with pytest.raises(KeysUnusable, match="No such file"):
        RingFile(file.path.with_name("none")).read()
    (file.path.parent / "lock").mkdir()
    with pytest.raises(KeysUnusable, match="--offline"):
        _rotate(file)
    assert file.path.read_text() == "ab" * 32


async def test_a_running_process_reads_a_new_ring_and_keeps_the_old_one_while_the_file_is_damaged(
    file: RingFile,
) -> None:
    secret = MarketplaceSecret(file.read(), SystemClock())
    following = asyncio.create_task(file.follow(secret, every_seconds=0.01))
    try:
        first = _rotate(file)
        await until(lambda: secret.ring == first)
        with capture_logs() as lines:
            file.path.write_text("damaged")
            await until(lambda: any(line["log_level"] == "error" for line in lines))
        assert secret.ring == first
        file.path.unlink()
        # As an orchestrator brings a new version: another file in the place of the old one.
        draft = file.path.with_name("next")
        draft.touch(mode=0o600)
        second = first.add(os.urandom(32), datetime.now(UTC))
        draft.write_bytes(second.write())
        draft.rename(file.path)
        await until(lambda: secret.ring == second)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
