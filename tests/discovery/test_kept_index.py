"""The index on disk: it outlives its process however that ends, and damage is noticed before it is read."""

import asyncio
import contextlib
import json
import pickle
import resource
import shutil
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mercato.adapters.search_embedded import KeptSearchIndex
from mercato.discovery import IndexQuery, IndexUnavailable, ListingDocument, pack_vector, unpack_vector
from mercato.platform import Place
from tests.support.waiting import until

MARK = "records 1, model 1"
Open = Callable[[], Awaitable[KeptSearchIndex]]


@pytest.fixture
async def open_one(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the index in one folder as another process would; closed at the end."""
    opened: list[KeptSearchIndex] = []

    async def open_one() -> KeptSearchIndex:
        index = KeptSearchIndex(tmp_path / "search", dimensions=384, least_mapped=400)
        opened.append(index)
        await index.look(MARK)
        return index

    yield open_one
    for index in opened:
        await index.close()


async def filled(index: KeptSearchIndex, listings: list[ListingDocument], place: Place = Place(7, 3)) -> None:
    """Write these listings as a whole index."""
    await index.begin(place)
    await index.fill(listings, listings[-1].service_id)
    await index.finish()


def many(listings: list[ListingDocument], count: int) -> list[ListingDocument]:
    """As many listings with vectors of their own."""
    noise = np.random.default_rng(5).normal(size=(count, 384)).astype(np.float32)
    units = noise / np.linalg.norm(noise, axis=1, keepdims=True)
    shapes = [listings[number % len(listings)] for number in range(count)]
    return [
        replace(one, service_id=f"svc_{number:032x}", name=f"acme/s{number}", vector=pack_vector(units[number]))
        for number, one in enumerate(shapes)
    ]


async def assert_whole(index: KeptSearchIndex, listings: list[ListingDocument]) -> None:
    """Words and vectors of all of them, and of nothing else."""
    held = await index.find_digests([one.service_id for one in listings])
    assert held == {one.service_id: one.digest() for one in listings}
    assert (await index.search(IndexQuery(limit=1))).total == len(listings)
    for one in listings[:: max(1, len(listings) // 20)]:
        answer = await index.search(IndexQuery("zzzz", unpack_vector(one.vector), limit=5, explain=True))
        near = {hit.document.service_id: hit.reasons for hit in answer.hits}
        reasons = near[one.service_id]
        assert reasons is not None
        assert reasons.similarity == pytest.approx(1.0, abs=1e-3)


async def test_it_is_opened_as_it_was_closed(open_one: Open, listings: list[ListingDocument]) -> None:
    first = await open_one()
    assert not first.is_open
    await filled(first, listings)
    await first.apply([replace(listings[0], version="9.0.0")], [listings[1].service_id])
    await first.keep_place(Place(9, 1))
    await first.close()
    second = await open_one()
    assert second.is_open
    assert await second.kept_place() == Place(9, 1)
    await assert_whole(second, [replace(listings[0], version="9.0.0"), *listings[2:]])


async def test_many_vectors_are_mapped_and_changes_of_them_last(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path
) -> None:
    shelf = many(listings, 600)
    first = await open_one()
    await filled(first, shelf)
    assert list(tmp_path.rglob("base-600.graph"))
    moved = [replace(one, vector=shelf[-number - 1].vector) for number, one in enumerate(shelf[:30])]
    await first.apply(moved, [one.service_id for one in shelf[30:40]])
    left = [*moved, *shelf[40:]]
    await assert_whole(first, left)
    await first.close()
    await assert_whole(await open_one(), left)


async def test_what_another_model_or_other_records_made_is_not_opened(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path
) -> None:
    first = await open_one()
    await filled(first, listings)
    await first.close()
    other = KeptSearchIndex(tmp_path / "search", dimensions=384)
    assert not await other.look("records 2, model 1")
    await other.close()
    shorter = KeptSearchIndex(tmp_path / "search", dimensions=128)
    assert not await shorter.look(MARK)
    await shorter.close()


async def test_one_process_writes_and_others_find_what_it_wrote(
    open_one: Open, listings: list[ListingDocument]
) -> None:
    writer, reader = await open_one(), await open_one()
    assert (writer.writes, reader.writes) == (True, False)
    await filled(writer, listings[:20])
    assert await reader.look(MARK)
    before = reader.version
    change = ([replace(listings[0], title="Zebra counter")], [listings[1].service_id])
    waiting = asyncio.create_task(reader.apply(*change))
    await asyncio.sleep(0)
    assert not waiting.done()
    await writer.apply(*change)
    await waiting
    assert reader.version > before
    assert (await reader.search(IndexQuery("zebra"))).hits[0].document.title == "Zebra counter"
    await reader.look(MARK)
    await assert_whole(reader, [change[0][0], *listings[2:20]])


async def test_when_the_writer_ends_a_reader_takes_its_place(open_one: Open, listings: list[ListingDocument]) -> None:
    writer, reader = await open_one(), await open_one()
    await filled(writer, listings[:20])
    assert await reader.look(MARK)
    await writer.close()
    await reader.apply([listings[20]])
    assert reader.writes
    await assert_whole(reader, listings[:21])


async def test_a_reader_follows_to_an_index_that_was_filled_anew(
    open_one: Open, listings: list[ListingDocument]
) -> None:
    writer, reader = await open_one(), await open_one()
    await filled(writer, listings[:20])
    assert await reader.look(MARK)
    await filled(writer, many(listings, 600))
    assert await reader.look(MARK)
    await assert_whole(reader, many(listings, 600))


SCRIPT = """
import asyncio, pickle, sys
from pathlib import Path
from mercato.adapters.search_embedded import KeptSearchIndex
from mercato.platform import Place
batches = pickle.loads(Path(sys.argv[2]).read_bytes())
async def main():
    index = KeptSearchIndex(Path(sys.argv[1]), dimensions=384, least_mapped=400)
    await index.look({mark!r})
    {body}
asyncio.run(main())
"""


async def killed_while(tmp_path: Path, batches: list[list[ListingDocument]], body: str, lines: int) -> None:
    """Run a process that does this to the index, and kill it after it has printed so many lines."""
    fodder = tmp_path / "batches"
    fodder.write_bytes(pickle.dumps(batches))
    script = SCRIPT.format(mark=MARK, body=textwrap.indent(textwrap.dedent(body), "    ").strip())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "search"), str(fodder), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(lines):
        assert await process.stdout.readline(), "it ended by itself"
    process.kill()
    assert await process.wait() == -9


@pytest.mark.parametrize("lines", [1, 4, 9])
async def test_killed_while_listings_change_it_has_all_that_was_applied(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path, lines: int
) -> None:
    shelf = many(listings, 1_300)
    body = """
    await index.begin(Place(1, 1)); await index.fill(batches[0], "svc"); await index.finish()
    for number, batch in enumerate(batches[1:]):
        await index.apply(batch)
        print(number, flush=True)
    """
    batches = [shelf[at : at + 100] for at in range(0, len(shelf), 100)]
    await killed_while(tmp_path, batches, body, lines)
    index = await open_one()
    assert index.is_open
    held = await index.find_digests([one.service_id for one in shelf])
    applied = shelf[: 100 * (lines + 1)]
    assert set(held) >= {one.service_id for one in applied}
    # The batch that was under way may be there or not; what is there is whole.
    await assert_whole(index, [one for one in shelf if one.service_id in held])
    await index.apply(shelf)
    await assert_whole(index, shelf)


async def test_killed_in_the_middle_of_a_build_the_next_process_goes_on_with_it(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path
) -> None:
    shelf = many(listings, 800)
    body = """
    await index.begin(Place(3, 4))
    for batch in batches:
        await index.fill(batch, batch[-1].service_id)
        print("filled", flush=True)
    await asyncio.sleep(600)
    """
    batches = [shelf[at : at + 200] for at in range(0, 800, 200)]
    await killed_while(tmp_path, batches, body, 2)
    index = await open_one()
    assert not index.is_open
    after, place = await index.begin(Place(8, 8))
    assert (after >= shelf[399].service_id, place) == (True, Place(3, 4))
    await index.fill([one for one in shelf if one.service_id > after], shelf[-1].service_id)
    await index.finish()
    await assert_whole(index, shelf)


async def test_killed_while_vectors_are_folded_nothing_is_lost(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path
) -> None:
    shelf = many(listings, 520)
    body = """
    await index.begin(Place(1, 1)); await index.fill(batches[0], "svc")
    print("folds", flush=True)
    await index.finish()
    while True:
        index._now._vectors._fold()
    """
    await killed_while(tmp_path, [shelf], body, 1)
    index = await open_one()
    if not index.is_open:
        await index.begin(Place(1, 1))
        await index.finish()
    await assert_whole(index, shelf)


def _files(tmp_path: Path) -> list[Path]:
    """Every file of the index but its lock and what is written anew with each change of it."""
    found = [path for path in sorted((tmp_path / "search").rglob("*")) if path.is_file()]
    return [path for path in found if path.name != "lock" and not path.name.startswith((".", "current"))]


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * max(1, path.stat().st_size // 2))


HARMS: dict[str, Callable[[Path], None]] = {"truncated": _truncate, "overwritten": _overwrite, "removed": Path.unlink}


def _harm_if_there(harm: str, path: Path) -> None:
    # A damaged index is removed, perhaps before its other files are reached.
    with contextlib.suppress(FileNotFoundError):
        HARMS[harm](path)


@pytest.mark.parametrize("harm", list(HARMS))
async def test_damage_between_two_starts_is_found_and_never_read(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path, harm: str
) -> None:
    shelf = many(listings, 520)
    first = await open_one()
    await filled(first, shelf[:500])
    await first.apply(shelf[500:])
    await first.close()
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "search", kept)
    for path in _files(tmp_path):
        if path.stat().st_size == 0:
            continue
        HARMS[harm](path)
        index = await open_one()
        if index.is_open:
            # A file that only saves work, or whose loss reads as an earlier state: what is left is as it was.
            await index.apply(shelf)
            await assert_whole(index, shelf)
        await index.close()
        shutil.rmtree(tmp_path / "search")
        shutil.copytree(kept, tmp_path / "search")


@pytest.mark.parametrize("harm", list(HARMS))
async def test_damage_under_a_running_process_is_noticed_and_the_process_goes_on(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path, harm: str
) -> None:
    shelf = many(listings, 520)
    index = await open_one()
    await filled(index, shelf)

    async def search_on() -> int:
        answers = 0
        while index.is_open:
            try:
                assert (await index.search(IndexQuery("text", unpack_vector(shelf[answers % 500].vector)))).hits
            except IndexUnavailable:
                break
            answers += 1
        return answers

    searching = [asyncio.create_task(search_on()) for _ in range(3)]
    # Whoever truncates a mapped file waits until it is no longer mapped.
    harmed = [asyncio.create_task(asyncio.to_thread(_harm_if_there, harm, path)) for path in _files(tmp_path)]

    async def is_closed() -> bool:
        return not await index.look(MARK)

    await until(is_closed, what="the damage is noticed")
    await asyncio.gather(*harmed)
    assert min(await asyncio.gather(*searching)) >= 0
    with pytest.raises(IndexUnavailable):
        await index.search(IndexQuery("text"))
    await filled(index, shelf)
    await assert_whole(index, shelf)


async def test_a_folder_that_is_removed_under_a_running_process_is_filled_again(
    open_one: Open, listings: list[ListingDocument], tmp_path: Path
) -> None:
    index = await open_one()
    await filled(index, listings)
    shutil.rmtree(tmp_path / "search")
    assert not await index.look(MARK)
    await filled(index, listings)
    await assert_whole(index, listings)


async def test_a_full_disk_changes_nothing_and_what_did_not_fit_comes_again(
    open_one: Open, listings: list[ListingDocument]
) -> None:
    shelf = many(listings, 1_500)
    index = await open_one()
    await filled(index, shelf[:500])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(IndexUnavailable):
            await index.apply(shelf[500:])
        await index.look(MARK)
        assert (await index.search(IndexQuery(limit=1))).total == 500
        with pytest.raises(IndexUnavailable):
            await index.begin(Place(1, 1), anew=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await index.apply(shelf[500:])
    await assert_whole(index, shelf)


async def test_the_folder_says_what_it_is(open_one: Open, listings: list[ListingDocument], tmp_path: Path) -> None:
    index = await open_one()
    await filled(index, listings)
    (about,) = (tmp_path / "search").rglob("about.json")
    assert json.loads(about.read_text()) == {
        "is_whole": True, "after": listings[-1].service_id, "place": [7, 3], "vectors": len(listings),
    }  # fmt: skip
    assert (about.parent.parent.stat().st_mode & 0o777) == 0o700
