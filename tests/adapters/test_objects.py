"""Both stores of files pass one suite: a folder with links of our own, and a bucket of a real S3 server."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.objects_s3 import Bucket, S3Objects
from mercato.adapters.signed_links import SignedLinks
from mercato.api import objects
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running
from mercato.platform import MarketplaceSecret, ObjectNotFound, ObjectStore, RangeOutside, SystemClock, Unavailable
from tests.conftest import TestClock
from tests.support.seaweed import BUCKET, S3Server, serve_s3

MEBIBYTE = 1024 * 1024
WEIGHTS = bytes(range(256)) * 4 * 1024  # 1 MiB


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The S3 server of this run."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ObjectStore]:
    """An empty store of either kind, whose links work."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield S3Objects(Bucket(BUCKET, f"test/{uuid4().hex}", server.endpoint))
        return
    yield LocalFolder(
        tmp_path / "objects", SignedLinks(MarketplaceSecret.of(os.urandom(32)), SystemClock()), "http://mercato.test"
    )


@pytest.fixture
async def web(store: ObjectStore, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever has a link: our own route for the folder, the real network for S3."""
    transport: httpx.AsyncBaseTransport | None = None
    if isinstance(store, LocalFolder):
        app = FastAPI()
        wiring = build_wiring(Settings(state=tmp_path / "state"), "postgresql://nobody@127.0.0.1/nothing")
        set_running(app, Running(replace(wiring, objects=store)))
        app.include_router(objects.router)
        install_problems(app)
        transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, timeout=60) as client:
        yield client


async def test_what_was_put_comes_back(store: ObjectStore) -> None:
    stored = await store.put("models/one.txt", b"weights")
    assert stored.size == 7
    assert await store.get("models/one.txt") == b"weights"
    assert await store.stat("models/one.txt") == stored


async def test_a_file_comes_back_in_pieces(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(WEIGHTS * 12)  # more than one part of an upload in parts
    assert (await store.put("models/large", source)).size == 12 * MEBIBYTE
    pieces = [piece async for piece in store.stream("models/large")]
    assert max(map(len, pieces)) <= 256 * 1024
    assert b"".join(pieces) == WEIGHTS * 12


@pytest.mark.parametrize(("start", "stop", "expected"), [(0, 4, b"0123"), (4, None, b"456789"), (8, 99, b"89")])
async def test_a_range_is_cut_at_the_end(store: ObjectStore, start: int, stop: int | None, expected: bytes) -> None:
    await store.put("digits", b"0123456789")
    assert await store.get("digits", start, stop) == expected


@pytest.mark.parametrize(("start", "stop"), [(10, None), (-1, 5), (5, 5), (6, 2), (99, 100)])
async def test_a_range_outside_is_refused(store: ObjectStore, start: int, stop: int | None) -> None:
    await store.put("digits", b"0123456789")
    with pytest.raises(RangeOutside):
        await store.get("digits", start, stop)


async def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    await store.put("nothing", b"")
    assert await store.get("nothing") == b""


async def test_what_is_not_there_is_not_found_and_deleting_it_is_nothing(store: ObjectStore) -> None:
    await store.delete("gone")
    for ask in (store.get("gone"), store.stat("gone"), store.get("gone", 1, 2)):
        with pytest.raises(ObjectNotFound):
            await ask
    await store.put("gone", b"x")
    await store.delete("gone")
    with pytest.raises(ObjectNotFound):
        await store.stat("gone")


async def test_putting_again_replaces_and_changes_the_etag(store: ObjectStore) -> None:
    first = await store.put("key", b"one")
    second = await store.put("key", b"two")
    assert await store.get("key") == b"two"
    assert first.etag != second.etag


async def test_a_list_has_the_prefix_by_whole_names(store: ObjectStore) -> None:
    for key in ("rounds/1/a", "rounds/1/b", "rounds/12/a", "other"):
        await store.put(key, b"x")
    assert sorted([found.key async for found in store.find_all("rounds/1")]) == ["rounds/1/a", "rounds/1/b"]
    assert len([found async for found in store.find_all("")]) == 4
    assert [found async for found in store.find_all("nothing")] == []


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../secret", "a/../b", "a//b", "a/", ".hidden", "a/.draft-1", "a\\b", "a\0b", "A", "a b", "ä",
     "a/./b", "%2e%2e/a", "x" * 513],
)  # fmt: skip
async def test_no_other_path_is_a_key(store: ObjectStore, key: str) -> None:
    for ask in (store.put(key, b"x"), store.get(key), store.stat(key), store.delete(key)):
        with pytest.raises(ValueError, match="not a key"):
            await ask
    with pytest.raises(ValueError, match="not a key"):
        await store.presign(key, timedelta(minutes=1))


async def test_readers_see_the_old_or_the_new_object_and_never_half_of_one(store: ObjectStore) -> None:
    contents = [bytes([digit]) * 300_000 for digit in range(8)]
    await store.put("busy", contents[0])

    async def write() -> None:
        for content in contents[1:]:
            await store.put("busy", content)

    async def read() -> None:
        for _ in range(20):
            assert await store.get("busy") in contents

    await asyncio.gather(write(), read(), read())


async def test_a_link_gives_the_object_and_its_ranges_to_whoever_has_it(
    store: ObjectStore, web: httpx.AsyncClient
) -> None:
    await store.put("rounds/1/train.parquet", WEIGHTS)
    link = await store.presign("rounds/1/train.parquet", timedelta(minutes=5))
    whole = await web.get(link)
    assert (whole.status_code, whole.content) == (200, WEIGHTS)
    part = await web.get(link, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, WEIGHTS[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{MEBIBYTE}"
    rest = await web.get(link, headers={"range": f"bytes={MEBIBYTE - 5}-"})
    assert (rest.status_code, rest.content) == (206, WEIGHTS[-5:])
    beyond = await web.get(link, headers={"range": f"bytes={MEBIBYTE}-"})
    assert beyond.status_code == 416


async def test_a_changed_link_gives_nothing(store: ObjectStore, web: httpx.AsyncClient) -> None:
    await store.put("mine", b"mine")
    await store.put("theirs", b"theirs")
    link = await store.presign("mine", timedelta(minutes=5))
    assert (await web.get(link.replace("/mine?", "/theirs?"))).status_code == 403
    signature = link[-1]
    assert (await web.get(link[:-1] + ("0" if signature != "0" else "1"))).status_code == 403
    assert (await web.get(link.partition("?")[0])).status_code in (401, 403, 422)
    assert (await web.put(link, content=b"overwritten")).status_code in (403, 405)
    assert await store.get("mine") == b"mine"


@pytest.mark.parametrize("seconds", [0, -1, 8 * 86_400])
async def test_a_link_lives_between_a_second_and_seven_days(store: ObjectStore, seconds: int) -> None:
    with pytest.raises(ValueError, match="between a second and seven days"):
        await store.presign("mine", timedelta(seconds=seconds))


async def test_an_expired_link_of_s3_gives_nothing(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    store = S3Objects(Bucket(BUCKET, "expiry", s3_server.endpoint))
    await store.put("mine", b"mine")
    link = await store.presign("mine", timedelta(seconds=1))
    async with httpx.AsyncClient(timeout=60) as web:
        deadline = asyncio.get_running_loop().time() + 60
        while (await web.get(link)).status_code != 403:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)


async def test_an_s3_server_that_refuses_us_or_is_away_is_unavailable(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(Unavailable) as refused:
        await S3Objects(Bucket(BUCKET, "", s3_server.endpoint)).put("key", b"x")
    assert s3_server.access_key not in refused.value.detail
    with pytest.raises(Unavailable):
        await S3Objects(Bucket(BUCKET, "", "http://127.0.0.1:9")).get("key")


class TestOwnLinks:
    """What our own route answers beyond what S3 does."""

    @pytest.fixture
    def clock(self) -> TestClock:
        return TestClock(datetime(2026, 11, 2, 9, 0, tzinfo=UTC))

    @pytest.fixture
    async def store(self, tmp_path: Path, clock: TestClock) -> LocalFolder:
        folder = LocalFolder(
            tmp_path / "objects", SignedLinks(MarketplaceSecret.of(b"s" * 32), clock), "http://mercato.test"
        )
        await folder.put("rounds/1/live.parquet", b"0123456789")
        return folder

    async def link(self, store: LocalFolder) -> str:
        return await store.presign("rounds/1/live.parquet", timedelta(minutes=15))

    async def test_it_expires_to_the_second(self, store: LocalFolder, web: httpx.AsyncClient, clock: TestClock) -> None:
        link = await self.link(store)
        clock.advance(timedelta(minutes=14, seconds=59))
        assert (await web.get(link)).status_code == 200
        clock.advance(timedelta(seconds=1))
        late = await web.get(link)
        assert (late.status_code, late.json()["code"]) == (403, "link_expired")

    async def test_its_time_cannot_be_put_off(self, store: LocalFolder, web: httpx.AsyncClient) -> None:
        link = httpx.URL(await self.link(store))
        later = link.copy_set_param("expires", str(int(link.params["expires"]) + 1))
        for changed in (later, link.copy_set_param("signature", "0" * 64)):
            forged = await web.get(changed)
            assert (forged.status_code, forged.json()["code"]) == (403, "link_refused")
        for changed in (link.copy_set_param("expires", "soon"), link.copy_set_param("signature", "é" * 64)):
            assert (await web.get(changed)).json()["code"] == "malformed_request"

    async def test_a_head_says_what_a_get_would(self, store: LocalFolder, web: httpx.AsyncClient) -> None:
        head = await web.head(await self.link(store))
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
        assert head.headers["accept-ranges"] == "bytes"
        part = await web.head(await self.link(store), headers={"range": "bytes=2-3"})
        assert (part.status_code, part.headers["content-range"]) == (206, "bytes 2-3/10")

    async def test_if_range_sends_the_rest_of_the_same_version_only(
        self, store: LocalFolder, web: httpx.AsyncClient
    ) -> None:
        link = await self.link(store)
        etag = (await web.head(link)).headers["etag"]
        same = await web.get(link, headers={"range": "bytes=5-", "if-range": etag})
        assert (same.status_code, same.content) == (206, b"56789")
        await store.put("rounds/1/live.parquet", b"abcdefghij")
        other = await web.get(link, headers={"range": "bytes=5-", "if-range": etag})
        assert (other.status_code, other.content) == (200, b"abcdefghij")

    async def test_what_one_has_already_is_not_sent_again(self, store: LocalFolder, web: httpx.AsyncClient) -> None:
        link = await self.link(store)
        etag = (await web.head(link)).headers["etag"]
        assert (await web.get(link, headers={"if-none-match": etag})).status_code == 304

    @pytest.mark.parametrize(
        ("asked", "status", "content"),
        [
            ("bytes=0-0", 206, b"0"),
            ("bytes=-3", 206, b"789"),
            ("bytes=-99", 206, b"0123456789"),
            ("bytes=8-99999999999", 206, b"89"),
            ("bytes=10-", 416, b""),
            ("bytes=-0", 416, b""),
            ("bytes=5-2", 200, b"0123456789"),
            ("bytes=0-1,3-4", 200, b"0123456789"),
            ("bytes=-", 200, b"0123456789"),
            ("lines=1-2", 200, b"0123456789"),
            ("bytes=1e9-", 200, b"0123456789"),
            ("bytes=" + "9" * 40 + "-", 200, b"0123456789"),
        ],
    )
    async def test_ranges_are_read_as_the_rfc_says(
        self, store: LocalFolder, web: httpx.AsyncClient, asked: str, status: int, content: bytes
    ) -> None:
        answer = await web.get(await self.link(store), headers={"range": asked})
        assert (answer.status_code, answer.content) == (status, content)
        if status == 416:
            assert answer.headers["content-range"] == "bytes */10"

    async def test_a_symbolic_link_in_the_folder_is_not_followed(self, store: LocalFolder, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret")
        (tmp_path / "objects" / "rounds" / "evil").symlink_to(tmp_path / "secret")
        with pytest.raises(OSError, match=r".+"):
            await store.get("rounds/evil")

    async def test_drafts_of_a_crash_are_no_objects(self, store: LocalFolder, tmp_path: Path) -> None:
        (tmp_path / "objects" / "rounds" / ".draft-0123").write_bytes(b"half")
        assert [found.key async for found in store.find_all("")] == ["rounds/1/live.parquet"]
