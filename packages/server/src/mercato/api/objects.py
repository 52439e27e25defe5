"""Files behind signed links, where the store is a folder of this marketplace. S3 serves its own."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from mercato.adapters.objects_folder import LocalFolder
from mercato.edge.ranges import Outside, Span, wanted
from mercato.edge.wiring import Parts
from mercato.platform import ObjectNotFound, ObjectStore

router = APIRouter(prefix="/api", tags=["files"])


_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "PAR1"}}
_FIELDS = {
    "ETag": {"description": "The digest of the file", "schema": {"type": "string"}},
    "Accept-Ranges": {"description": "`bytes`", "schema": {"type": "string"}},
}


@router.head("/objects/{key:path}", include_in_schema=False, response_class=Response)
@router.get(
    "/objects/{key:path}",
    summary="A file, by the signed link that was given for it; ranges, If-Range and If-None-Match are honoured",
    response_class=Response,
    responses={
        200: {"description": "The file", "headers": _FIELDS, "content": _BYTES},
        206: {"description": "The range that was asked for", "headers": _FIELDS, "content": _BYTES},
        304: {"description": "The file has not changed since the answer with this `ETag`"},
        416: {"description": "The range lies outside the file"},
    },
    openapi_extra={
        "parameters": [
            {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
            for name in ("Range", "If-Range", "If-None-Match")
        ]
    },
)
async def get_object(
    key: str,
    request: Request,
    parts: Parts,
    expires: Annotated[str, Query(pattern=r"^[0-9]{1,12}$")],
    signature: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")],
) -> Response:
    """Links come from other operations, such as the files of a round or the artifacts of a training run, and end after
    some minutes. `Range`, `If-Range` and `If-None-Match` are honoured. The signature in the link is the credential.
    """
    store = parts.objects
    if not isinstance(store, LocalFolder):
        raise ObjectNotFound("Files of this marketplace are not served from here.")
    # The signature comes before anything is looked up: without one of ours the store is not asked at all.
    store.links.check(key, expires, signature)
    found = await store.stat(key)
    etag = f'"{found.etag}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{key.rpartition("/")[2]}"',
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    span = wanted(request.headers.get("range"), request.headers.get("if-range"), etag, found.size)
    if isinstance(span, Outside):
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{found.size}"})
    headers["Content-Length"] = str(span.stop - span.start)
    if span.is_part:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{found.size}"
    status = 206 if span.is_part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="application/octet-stream")
    return StreamingResponse(
        _pieces(store, key, span), status_code=status, headers=headers, media_type="application/octet-stream"
    )


async def _pieces(store: ObjectStore, key: str, span: Span) -> AsyncIterator[bytes]:
    if span.stop > span.start:
        async for piece in store.stream(key, span.start, span.stop):
            yield piece
