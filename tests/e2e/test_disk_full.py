"""The disk under the spool is full: new calls are refused and told, nothing is lost, and room brings calls back."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.calls import Client, Load, assert_each_metered_once, embeddings
from tests.e2e.conftest import Join, Shop
from tests.e2e.marketplace import Gateway, Marketplace


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of this size at `folder`; skips the test where nobody may mount."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not permitted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def stopping(gateway: Gateway) -> Iterator[None]:
    """It ends before its disk goes."""
    try:
        yield
    finally:
        gateway.stop()


def fill(path: Path) -> None:
    """Some other program takes all the room that is left."""
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        while file.write(b"\0" * 4096):
            pass
    assert os.statvfs(path).f_bavail == 0


def test_a_full_disk_refuses_calls_loses_nothing_and_recovers_with_the_room(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    consumer, ask = join((shop.embedder, "per-token")), embeddings(shop.embedder)
    with (
        # Small segments, so that the room that is set aside ahead is used up soon.
        marketplace.another_gateway("small-disk", spool_bytes=str(1 << 20)) as gateway,
        small_disk(gateway.spool, "3m"),
        stopping(gateway),
    ):
        gateway.start()
        client, filler = Client(gateway.url, consumer.key), gateway.spool / "filler"
        with Load(gateway.url, consumer.key, [ask], clients=4) as load:
            load.until_answered(20)
            fill(filler)
            refused, _ = client.until(ask, lambda seen: not seen.answered)
            assert (refused.status, refused.code) == (503, "usage_spool_full")
            assert int(refused.headers["retry-after"]) >= 1
            before = len(load.answered)
            filler.unlink()
            client.until(ask, lambda seen: seen.answered)
            load.until_answered(before + 300)
        print(f"a full disk: {dict(load.kinds())}")
        assert set(load.kinds()) == {"200", "503 usage_spool_full"}
        assert_each_metered_once(consumer.member, [*load.calls, *client.calls])
