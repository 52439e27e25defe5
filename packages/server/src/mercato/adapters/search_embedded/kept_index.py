"""The embedded index on disk: opened in seconds, written by one process of the machine, read by all of them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog

from mercato.adapters.search_embedded.checksums import Damaged
from mercato.adapters.search_embedded.edition import Edition
from mercato.adapters.search_embedded.kept_vectors import LEAST_MAPPED
from mercato.adapters.search_embedded.leases import Leases
from mercato.adapters.search_embedded.machine_folder import MachineFolder, read_about, write_about
from mercato.adapters.search_embedded.ranking import Ranking, Weighted
from mercato.discovery import IndexAnswer, IndexQuery, IndexUnavailable, Likeness, ListingDocument, Suggestion
from mercato.platform import Place

log = structlog.get_logger(__name__)

FORMAT = 8
"""Raised with every change of the schema, the files or the words: an index of another format is filled anew."""

_LONGEST_WAIT_SECONDS = 5.0
_POLL_SECONDS = 0.02
_BAD_SECONDS = 5.0
_NOT_OPEN = "The search index is being built or opened."
_T = TypeVar("_T")


class KeptSearchIndex:
    """The index in `root` (see `discovery.KeptIndex`). Changes run on one thread, searches on others."""

    def __init__(
        self,
        root: Path,
        *,
        dimensions: int,
        ranking: Ranking | None = None,
        threads: int = 4,
        least_mapped: int = LEAST_MAPPED,
    ) -> None:
        self._root = root
        self._dimensions = dimensions
        self._ranking = ranking or Weighted()
        self._least_mapped = least_mapped
        self._folder: MachineFolder | None = None
        self._mark: str | None = None
        self._now: Edition | None = None
        self._path: Path | None = None
        self._next: tuple[Edition, Path] | None = None
        self._bad: tuple[Path, float] | None = None
        self._leases = Leases()
        self._version = 0
        self._is_ended = False
        self._readers = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="search")
        self._writers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")

    @property
    def version(self) -> int:
        return self._version

    @property
    def is_open(self) -> bool:
        return self._now is not None

    @property
    def is_worn(self) -> bool:
        return self._now is not None and self._now.is_worn

    @property
    def writes(self) -> bool:
        return self._folder is not None and self._folder.writes

    async def look(self, mark: str) -> bool:
        return await self._change(lambda: self._look(mark))

    async def kept_place(self) -> Place:
        return Place(*read_about(self._path).place) if self._path is not None else Place(0, 0)

    async def keep_place(self, place: Place) -> None:
        await self._change(lambda: self._keep_place(place))

    async def begin(self, place: Place, *, anew: bool = False) -> tuple[str, Place]:
        return await self._change(lambda: self._begin(place, anew=anew))

    async def fill(self, listings: Sequence[ListingDocument], upto: str) -> None:
        await self._change(lambda: self._fill(listings, upto))

    async def finish(self) -> None:
        await self._change(self._finish)

    async def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        if self.writes:
            await self._change(lambda: self._apply(upserts, removals))
        else:
            await self._await_writer(upserts, removals)

    async def search(self, query: IndexQuery) -> IndexAnswer:
        return await self._read(lambda edition: edition.search(query))

    async def suggest(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        return await self._read(lambda edition: edition.suggest(text, limit, viewer))

    async def find_similar(self, service_id: str, limit: int, viewer: str | None = None) -> tuple[Likeness, ...]:
        return await self._read(lambda edition: edition.find_similar(service_id, limit, viewer))

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        return await self._read(lambda edition: edition.find_digests(service_ids))

    async def list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        return await self._read(lambda edition: edition.list_ids(after, limit))

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    async def _read(self, ask: Callable[[Edition], _T]) -> _T:
        edition = self._now
        if edition is None:
            raise IndexUnavailable(_NOT_OPEN)
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask, edition)

    async def _change(self, do: Callable[[], _T]) -> _T:
        if self._is_ended:
            raise IndexUnavailable("The process is about to end.")
        return await asyncio.get_running_loop().run_in_executor(self._writers, do)

    def _look(self, mark: str) -> bool:
        try:
            return self._look_at_folder(mark)
        except OSError as error:
            raise IndexUnavailable(f"The search index cannot be read: {error}") from error

    def _look_at_folder(self, mark: str) -> bool:
        if self._folder is None or self._mark != mark:
            self._drop()
            if self._folder is not None:
                self._folder.close()
            self._folder, self._mark = MachineFolder(self._root, f"format-{FORMAT}-{self._dimensions}", mark), mark
        folder = self._folder
        wrote = folder.writes
        if folder.try_to_write() and not wrote and self._now is not None:
            # The process that wrote is gone: this one opens the index as the writer.
            self._drop()
        self._look_for_damage()
        current = folder.current()
        if self._now is not None and self._path != current and not folder.writes:
            self._drop()
        if self._now is None and current is not None and not self._is_bad(current):
            self._open(current)
        elif self._now is not None:
            self._refresh()
        self._hold()
        return self._now is not None

    def _open(self, path: Path) -> None:
        began = time.monotonic()
        try:
            edition = self._new_edition(path)
            if edition.vectors < read_about(path).vectors:
                edition.close()
                raise Damaged(f"Vectors in {path} are missing.")
            self._now, self._path = edition, path
        except (Damaged, OSError) as error:
            self._note_damage(path, str(error))
        else:
            self._version += 2
            log.info("the search index was opened", seconds=round(time.monotonic() - began, 2), writes=self.writes)

    def _new_edition(self, path: Path) -> Edition:
        return Edition(
            dimensions=self._dimensions,
            ranking=self._ranking,
            folder=path,
            writes=self.writes,
            least_mapped=self._least_mapped,
        )

    def _look_for_damage(self) -> None:
        if self._next is not None and self._next[0].find_missing():
            log.error("the search index was damaged while it was built; it is begun anew", folder=str(self._next[1]))
            self._let_next_go()
        if self._now is None or self._path is None:
            return
        damaged = [*self._leases.find_wanted(), *self._now.find_missing()]
        if not damaged and not read_about(self._path).is_whole:
            damaged = [self._path]
        if damaged:
            self._note_damage(self._path, f"{damaged[0]} was changed or removed by another program.")

    def _refresh(self) -> None:
        """Take what the writing process changed."""
        assert self._now is not None
        assert self._path is not None
        try:
            if self._now.refresh():
                self._version += 2
        except (Damaged, IndexUnavailable) as error:
            self._note_damage(self._path, str(error))

    def _note_damage(self, path: Path, why: str) -> None:
        """The writer removes a damaged edition, and the next `begin` makes another one; others wait for that."""
        log.error("the search index is damaged; the records answer until another one is built", reason=why)
        self._drop()
        self._bad = (path, time.monotonic())
        if self.writes and self._folder is not None:
            kept = None if self._next is None else self._next[1]
            self._folder.forget_but(kept)

    def _is_bad(self, path: Path) -> bool:
        """Whether it was found damaged a moment ago; a process that only reads may have come while it was written."""
        return self._bad is not None and self._bad[0] == path and time.monotonic() - self._bad[1] < _BAD_SECONDS

    def _drop(self) -> None:
        if self._now is not None:
            edition, self._now, self._path = self._now, None, None
            self._version += 2
            edition.close()
        self._leases.release()

    def _hold(self) -> None:
        editions = [self._now, *(self._next or ())[:1]]
        # One that was merged away between two looks is not there: the next look sees the files of then.
        with contextlib.suppress(OSError):
            self._leases.hold([path for each in editions if isinstance(each, Edition) for path in each.mapped()])

    def _keep_place(self, place: Place) -> None:
        if self.writes and self._path is not None and self._now is not None:
            about = replace(read_about(self._path), place=(place.transaction, place.number), vectors=self._now.vectors)
            # What was damaged is not whole, and must not become so.
            if about.is_whole:
                with _writing():
                    write_about(self._path, about)

    def _begin(self, place: Place, *, anew: bool) -> tuple[str, Place]:
        assert self._folder is not None
        assert self.writes
        self._let_next_go()
        at = (place.transaction, place.number)
        with _writing():
            path = self._folder.begin(at, anew=anew)
            try:
                self._next = (self._new_edition(path), path)
            except Damaged:
                path = self._folder.begin(at, anew=True)
                self._next = (self._new_edition(path), path)
        about = read_about(path)
        return about.after, Place(*about.place)

    def _fill(self, listings: Sequence[ListingDocument], upto: str) -> None:
        if self._next is None:
            raise IndexUnavailable("The search index that was being built was damaged.")
        edition, path = self._next
        with _writing():
            edition.apply(listings)
            write_about(path, replace(read_about(path), after=upto, vectors=edition.vectors))

    def _finish(self) -> None:
        assert self._folder is not None
        if self._next is None:
            raise IndexUnavailable("The search index that was being built was damaged.")
        edition, path = self._next
        edition.save()
        with _writing():
            self._folder.finish(path)
        before, self._now, self._path = self._now, edition, path
        self._next, self._bad = None, None
        self._version += 2
        if before is not None:
            before.close()
        self._hold()

    def _let_next_go(self) -> None:
        if self._next is not None:
            self._next[0].close()
            self._next = None

    def _apply(self, upserts: Sequence[ListingDocument], removals: Collection[str]) -> None:
        if self._now is None or self._path is None:
            raise IndexUnavailable(_NOT_OPEN)
        # Raised before and after: what is found in the midst of a change is of no version that stays.
        self._version += 1
        try:
            self._now.apply(upserts, removals)
        except Damaged as error:
            self._note_damage(self._path, str(error))
            raise IndexUnavailable(str(error)) from error
        finally:
            self._version += 1
        self._hold()

    async def _await_writer(self, upserts: Sequence[ListingDocument], removals: Collection[str]) -> None:
        """Until the process that writes has done the same. Raises `IndexUnavailable` where it does not."""
        wanted = {one.service_id: one.digest() for one in upserts}
        gone = [service_id for service_id in removals if service_id not in wanted]
        ends_at = time.monotonic() + _LONGEST_WAIT_SECONDS
        while self._mark is not None and time.monotonic() < ends_at:
            await self.look(self._mark)
            if self.writes:
                return await self.apply(upserts, removals)
            if self._now is not None:
                held = await self.find_digests([*wanted, *gone])
                if held == wanted:
                    return None
            await asyncio.sleep(_POLL_SECONDS)
        raise IndexUnavailable("The process of this machine that writes the search index is behind.")

    def _close(self) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        self._writers.submit(self._close_all).result()
        self._writers.shutdown()
        self._readers.shutdown()

    def _close_all(self) -> None:
        if self._now is not None and self.writes:
            try:
                self._now.save()
            except IndexUnavailable as error:
                log.warning("the search index could not be saved; the next start takes longer", reason=str(error))
        self._let_next_go()
        self._drop()
        if self._folder is not None:
            self._folder.close()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (OSError, Damaged) as error:
        raise IndexUnavailable(f"The search index cannot be written: {error}") from error
