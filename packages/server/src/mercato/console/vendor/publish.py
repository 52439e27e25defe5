"""Publishing a version: the manifest and its OpenAPI document, as files, as a zip, or pasted."""

from dataclasses import dataclass

from fastapi import Request, Response

from mercato.console.routes import page_router
from mercato.console.uploads import Upload, decoded, read_member
from mercato.console.visit import SignedIn
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Malformed, Refusal
from mercato.publishing import Submissions
from mercato_checks.manifest import MOST_BYTES, check_manifest

router = page_router()
_MOST_DOCUMENT_BYTES = 15 * 1024 * 1024
_KEPT = 64 * 1024
"""What was typed is shown again up to this length; longer texts come from files, which the browser keeps."""


@dataclass(frozen=True, slots=True)
class PublishPage:
    """The form, with what was typed before."""

    manifest: str
    openapi: str
    may_publish: bool


@router.get("/vendor/publish")
async def show_publish(visit: SignedIn) -> Response:
    """Where files are chosen."""
    visit.caller.require(Permission.SERVICES_READ)
    return visit.show("vendor/publish.html", PublishPage("", "", visit.caller.may(Permission.SERVICES_PUBLISH)))


@router.post("/vendor/publish")
async def submit_release(request: Request, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """On to the submission, whose checks have begun. The same content again is the same submission."""
    visit.caller.require(Permission.SERVICES_PUBLISH)
    upload = await Upload.of(request)
    try:
        manifest, document = read_submission(upload)
        submission, _ = await Submissions(session, parts.clock, parts.ids, parts.outbox).submit(
            visit.caller, manifest=manifest, document=document
        )
    except Refusal as refusal:
        page = PublishPage(upload.form.raw("manifest")[:_KEPT], upload.form.raw("openapi")[:_KEPT], True)
        return visit.show("vendor/publish.html", page, refusal=refusal)
    return visit.go(f"/vendor/submissions/{submission.id}")


def read_submission(upload: Upload) -> tuple[str, str | None]:
    """Manifest and document. Raises `Malformed` where there is no manifest, or a file cannot be read."""
    archive = upload.files.get("archive")
    if archive is not None:
        return _from_zip(archive.content)
    manifest = upload.text("manifest_file", "service.yaml", MOST_BYTES) or upload.text("manifest", "", MOST_BYTES)
    if manifest is None:
        raise Malformed("Choose a service.yaml or a zip, or paste the manifest.")
    document = upload.text("openapi_file", "The OpenAPI document", _MOST_DOCUMENT_BYTES)
    return manifest, document or upload.text("openapi", "", _MOST_DOCUMENT_BYTES)


def _from_zip(archive: bytes) -> tuple[str, str | None]:
    content = read_member(archive, "service.yaml", MOST_BYTES)
    if content is None:
        raise Malformed("The zip has no service.yaml at its top.")
    manifest = decoded(content, "service.yaml", MOST_BYTES)
    typed = check_manifest(manifest).manifest
    if typed is None or typed.openapi is None:
        return manifest, None
    document = read_member(archive, typed.openapi.removeprefix("./"), _MOST_DOCUMENT_BYTES)
    return manifest, None if document is None else decoded(document, typed.openapi[:100], _MOST_DOCUMENT_BYTES)
