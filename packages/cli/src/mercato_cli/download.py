"""Downloads that survive broken connections and kills: partial content is kept beside the target, and the file appears
only when complete.

`NAME.<checksum>.part` holds the bytes so far. The next try, in this process or another, asks for the rest only. The
file gets its name after every byte was checked against the SHA-256 that the marketplace promised.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

import httpx

from mercato_cli.errors import Exit, MpError
from mercato_cli.progress import Progress
from mercato_cli.web import open_client

if TYPE_CHECKING:
    from mercato_contracts.datasets import FileGrant

_CHUNK_BYTES = 256 * 1024
_TRIES = 6
"""Attempts in a row without progress; any progress resets the count."""

_LONGEST_PAUSE_SECONDS = 5.0


class _Cut(Exception):
    """The answer ended early, or none came: retry for the rest."""


class _Other(Exception):
    """The server's file is not the promised one: another size, or another range than requested."""


class _NewLink(Exception):
    """The link has expired."""


class Downloader:
    """Fetches files by signed links. `base_url` resolves relative links; no credential is ever sent with one.

    `timeout` in seconds is how long the server may be silent.
    """

    def __init__(self, base_url: str, *, timeout: float) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._clients: dict[str, httpx.Client] = {}

    def fetch(self, grant: "FileGrant", again: Callable[[], "FileGrant"], target: Path, progress: Progress) -> bool:
        """Download the file to `target` and verify it; `False` if it existed already.

        `again` gets a new link. Raises `MpError` if the checksum differs, if nothing arrives any more, if another `mp`
        is downloading the same file, or if the disk refuses.
        """
        try:
            if _is_whole(target, grant):
                progress.reach(grant.bytes)
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.{grant.sha256[:12]}.part")
            with _alone(part, target.name) as file:
                self._complete(file, grant, again, progress)
                os.fsync(file.fileno())
                part.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise MpError(
                f"{target} cannot be written: {error.strerror}.", "Make room or choose another --to."
            ) from None
        return True

    def _complete(
        self, file: BinaryIO, grant: "FileGrant", again: Callable[[], "FileGrant"], progress: Progress
    ) -> None:
        """Download until the file is complete and correct.

        An earlier run's part is trusted only if the checksum fits.
        """
        resumed = 0 < file.seek(0, os.SEEK_END) <= grant.bytes
        if not resumed:
            file.truncate(0)
        self._fill(file, grant, again, progress)
        if _digest(file) == grant.sha256:
            return
        file.truncate(0)
        if resumed:
            self._fill(file, grant, again, progress)
            if _digest(file) == grant.sha256:
                return
            file.truncate(0)
        raise _damaged(grant, "its checksum differs from the published one (SHA-256)")

    def _fill(self, file: BinaryIO, grant: "FileGrant", again: Callable[[], "FileGrant"], progress: Progress) -> None:
        failures, link, others = 0, grant.url, 0
        while (have := file.seek(0, os.SEEK_END)) < grant.bytes:
            progress.reach(have)
            try:
                self._read_on(file, link, have, grant, progress)
                continue
            except _NewLink:
                fresh = again()
                if (fresh.sha256, fresh.bytes) != (grant.sha256, grant.bytes):
                    raise MpError(f"{grant.name} was replaced during the download.", "Run the command again.") from None
                link, why = fresh.url, "its link is refused"
            except _Other as error:
                # The first mismatch may come from an earlier run's part; it must not count as progress.
                file.truncate(0)
                others, why = others + 1, str(error)
                if others > 1:
                    raise _damaged(grant, why) from None
            except (_Cut, httpx.TransportError) as error:
                why = str(error) or type(error).__name__
            failures = 1 if file.seek(0, os.SEEK_END) > have else failures + 1
            if failures >= _TRIES:
                raise MpError(
                    f"{grant.name} stopped at {have} of {grant.bytes} bytes: {why}.",
                    "Run the same command again; it goes on from there.",
                    Exit.UNREACHABLE,
                )
            time.sleep(min(_LONGEST_PAUSE_SECONDS, 0.1 * 2**failures))
        progress.reach(grant.bytes)

    def _read_on(self, file: BinaryIO, link: str, have: int, grant: "FileGrant", progress: Progress) -> None:
        url = urljoin(f"{self._base_url}/", link)
        if urlsplit(url).scheme not in ("http", "https"):
            raise MpError("The marketplace sent an invalid address.", "Contact its operator.", Exit.UNREACHABLE)
        headers = {"range": f"bytes={have}-"} if have else {}
        with self._client_of(url).stream("GET", url, headers=headers) as answer:
            if answer.status_code in (401, 403):
                raise _NewLink
            if have and answer.status_code == 206:
                _check_range(answer.headers.get("content-range", ""), have, grant)
            elif answer.status_code == 200:
                file.truncate(0)  # the server sends the whole file again
                if answer.headers.get("content-length", str(grant.bytes)) != str(grant.bytes):
                    raise _Other(f"the server has {answer.headers['content-length'][:20]} bytes of {grant.bytes}")
            elif answer.status_code == 416:
                raise _Other("the server has fewer bytes than announced")
            else:
                raise _Cut(f"the server answered {answer.status_code}")
            # As it arrives: chunks of a fixed size would wait in memory, and be lost if the connection breaks.
            for piece in answer.iter_raw():
                file.write(piece)
                file.flush()
                progress.advance(len(piece))
                if file.tell() > grant.bytes:
                    raise _Other("the server sent more bytes than announced")
        if file.tell() < grant.bytes:
            raise _Cut("the connection was lost")

    def _client_of(self, url: str) -> httpx.Client:
        """One client per host: files may be on another host than the marketplace, with or without a proxy."""
        host = urlsplit(url).netloc
        if host not in self._clients:
            headers = {"user-agent": "mp", "accept-encoding": "identity"}
            self._clients[host] = open_client(url, timeout=self._timeout, headers=headers)
        return self._clients[host]


def _check_range(given: str, have: int, grant: "FileGrant") -> None:
    if given != f"bytes {have}-{grant.bytes - 1}/{grant.bytes}":
        raise _Other(f"the server sent another range ({given[:60]})")


def _damaged(grant: "FileGrant", why: str) -> MpError:
    return MpError(
        f"{grant.name} is damaged: {why}.",
        "Nothing was kept; run the same command again, and tell the operator if it stays.",
        Exit.UNREACHABLE,
    )


def _is_whole(path: Path, grant: "FileGrant") -> bool:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size == grant.bytes and _digest(file) == grant.sha256
    except FileNotFoundError:
        return False


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_CHUNK_BYTES):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _alone(part: Path, name: str) -> Iterator[BinaryIO]:
    """The part, opened to append, while no other process has it."""
    with part.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MpError(f"Another mp is downloading {name} here.", "Wait for it.") from None
        yield file


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
