"""Objects in an S3 bucket, or in anything that speaks S3, by the client `obstore` (Rust's object_store).

Credentials are what every S3 tool takes: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or the machine's role.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from mercato.platform import (
    CHUNK_BYTES,
    ObjectNotFound,
    StoredObject,
    Unavailable,
    check_expiry,
    check_key,
    check_prefix,
    check_range,
)

_CONNECT_SECONDS = "5s"
_TRIES = 3
_ERROR_CODE = re.compile(r"<Code>(\w+)</Code>")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go. `prefix` has no outer slashes; `endpoint` is for servers other than Amazon's."""

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"


class S3Objects:
    """An `ObjectStore` in a bucket. Raises `Unavailable` when the server does not answer or refuses us."""

    def __init__(self, bucket: Bucket) -> None:
        plain = bucket.endpoint is not None and bucket.endpoint.startswith("http://")
        self._prefix = f"{bucket.prefix}/" if bucket.prefix else ""
        self._store = S3Store(
            bucket.name,
            region=bucket.region,
            endpoint=bucket.endpoint,
            # Addresses with the bucket in their path: what every server but Amazon's newest understands.
            virtual_hosted_style_request=bucket.endpoint is None,
            client_options={"allow_http": plain, "connect_timeout": _CONNECT_SECONDS},
            retry_config={"max_retries": _TRIES - 1, "retry_timeout": timedelta(seconds=20)},
        )

    async def check(self) -> None:
        """Reads one name of the bucket. Raises `ConnectionError`, in the server's words, for its operator alone."""
        try:
            async for _ in obstore.list(self._store, self._prefix or None, chunk_size=1):
                break
        except (BaseError, OSError) as error:
            code = _ERROR_CODE.search(str(error))
            raise ConnectionError(code[1] if code else f"{type(error).__name__}: {str(error)[:200]}") from None

    async def put(self, key: str, content: bytes | Path) -> StoredObject:
        try:
            # Files beyond a few megabytes go up in parts; the object appears when the last one is confirmed.
            await obstore.put_async(self._store, self._name(key), content)
        except BaseError as error:
            raise _unavailable(error) from None
        return await self.stat(key)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join([piece async for piece in self.stream(key, start, stop)])

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        begin, end = check_range(start, stop, (await self.stat(key)).size)
        if begin == end:
            return
        try:
            found = await obstore.get_async(self._store, self._name(key), options={"range": (begin, end)})
            async for piece in found.stream(min_chunk_size=CHUNK_BYTES):
                for at in range(0, len(piece), CHUNK_BYTES):
                    yield bytes(piece[at : at + CHUNK_BYTES])
        except (NotFoundError, FileNotFoundError):
            raise ObjectNotFound("There is no such file in the store.") from None
        except BaseError as error:
            raise _unavailable(error) from None

    async def stat(self, key: str) -> StoredObject:
        try:
            found = await obstore.head_async(self._store, self._name(key))
        except (NotFoundError, FileNotFoundError):
            raise ObjectNotFound("There is no such file in the store.") from None
        except BaseError as error:
            raise _unavailable(error) from None
        return StoredObject(key, found["size"], (found["e_tag"] or "").strip('"'))

    async def delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, self._name(key))
        except (NotFoundError, FileNotFoundError):
            return
        except BaseError as error:
            raise _unavailable(error) from None

    async def find_all(self, prefix: str) -> AsyncIterator[StoredObject]:
        try:
            async for page in obstore.list(self._store, prefix=self._prefix + check_prefix(prefix)):
                for found in page:
                    key = found["path"].removeprefix(self._prefix)
                    yield StoredObject(key, found["size"], (found["e_tag"] or "").strip('"'))
        except BaseError as error:
            raise _unavailable(error) from None

    async def presign(self, key: str, expires_in: timedelta) -> str:
        name, expiry = self._name(key), check_expiry(expires_in)
        # The credentials behind a signature may have to be fetched, which the library does without letting go.
        return await asyncio.to_thread(obstore.sign, self._store, "GET", name, expiry)

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)


def _unavailable(error: BaseError) -> Unavailable:
    # Its text may hold addresses and request ids of the operator's bucket, which are nobody else's business.
    return Unavailable(f"The store of files did not do its work ({type(error).__name__}).", retry_after_seconds=2)
