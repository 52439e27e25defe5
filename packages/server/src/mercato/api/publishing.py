"""Submissions, and the public face of services."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from mercato.api.publishing_views import (
    view_diff,
    view_dossier,
    view_release,
    view_service,
    view_summary,
)
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.viewer import Viewer, kept_by
from mercato.edge.wiring import Parts, Transaction
from mercato.publishing import Catalogue, Lifecycle, Submissions
from mercato_contracts.publishing import (
    ReleaseDiffView,
    ReleaseView,
    ServiceView,
    StatusRequest,
    SubmissionPage,
    SubmissionSummary,
    SubmissionView,
    SubmitRequest,
)

router = APIRouter(prefix="/api", tags=["publishing"], route_class=TransactionalRoute)
_slow = APIRouter(tags=["publishing"], route_class=LateTransactionalRoute)
_LONGEST_VERSION = 128
_A_DAY = 86_400


def _submissions(session: Transaction, parts: Parts) -> Submissions:
    return Submissions(session, parts.clock, parts.ids, parts.outbox)


def _lifecycle(session: Transaction, parts: Parts) -> Lifecycle:
    return Lifecycle(session, parts.clock, parts.outbox)


def _catalogue(session: Transaction, viewer: Viewer) -> Catalogue:
    return Catalogue(session, viewer)


SubmissionDesk = Annotated[Submissions, Depends(_submissions)]
LifecycleDesk = Annotated[Lifecycle, Depends(_lifecycle)]
Listings = Annotated[Catalogue, Depends(_catalogue)]


_LOCATION = {"Location": {"description": "Where the submission is read", "schema": {"type": "string"}}}


@router.post(
    "/submissions",
    status_code=202,
    summary="Publish a version",
    responses={
        200: {"model": SubmissionSummary, "description": "The same content was handed in before", "headers": _LOCATION},
        202: {"headers": _LOCATION},
    },
)
async def submit_release(
    body: SubmitRequest, caller: SignedIn, desk: SubmissionDesk, response: Response
) -> SubmissionSummary:
    """The checks run in the background; follow `Location`. The same content handed in again is the same submission
    (200). A version that was released cannot be published again.
    """
    submission, is_new = await desk.submit(caller, manifest=body.manifest, document=body.openapi)
    response.status_code = 202 if is_new else 200
    response.headers["location"] = f"/api/submissions/{submission.id}"
    return view_summary(submission, caller.organisation_slug)


@router.get("/submissions", summary="The submissions of your organisation, the newest first")
async def list_submissions(
    caller: SignedIn, desk: SubmissionDesk, after: After = None, limit: PageSize = 50
) -> SubmissionPage:
    """Each with its state; the evidence of its phases is in the submission itself."""
    rows = await desk.list_own(caller, after=after, limit=limit)
    items = [view_summary(row, caller.organisation_slug) for row in rows]
    return SubmissionPage(items=items, next=Page.of(rows, limit).next)


@router.get("/submissions/{submission_id}", summary="A submission and what each phase found")
async def get_submission(submission_id: str, caller: SignedIn, desk: SubmissionDesk, called: Called) -> SubmissionView:
    """Each phase with its findings: a code, where it was found, what it means and how to fix it."""
    dossier = await desk.get(caller, submission_id)
    vendors = await called.organisations({dossier.submission.vendor_id})
    return view_dossier(dossier, vendors.get(dossier.submission.vendor_id, ""))


@router.get("/services/{vendor}/{name}", summary="A service with its releases, plans and operations")
async def get_service(vendor: str, name: str, listings: Listings) -> ServiceView:
    """For everybody; a private one for those who see it. A service that was withdrawn is not found."""
    return view_service(await listings.get_listing(vendor, name))


@router.get(
    "/services/{vendor}/{name}/releases/{version}/openapi",
    summary="The OpenAPI document of a release, as it was published",
    response_class=Response,
    responses={
        200: {
            "description": "The document",
            "headers": {"ETag": {"description": "The digest of its text", "schema": {"type": "string"}}},
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}},
                "application/yaml": {"schema": {"type": "string"}, "example": "openapi: 3.1.0\n"},
            },
        }
    },
)
async def get_release_document(vendor: str, name: str, version: str, listings: Listings, viewer: Viewer) -> Response:
    """JSON or YAML, exactly as the vendor wrote it. A release never changes, so the answer may be kept for a day."""
    document = await listings.get_document(vendor, name, version)
    is_json = document.text.lstrip()[:1] == "{"
    return Response(
        document.text,
        media_type="application/json" if is_json else "application/yaml",
        # A release never changes, so its digest names the document for ever.
        headers={"etag": f'"{document.digest}"', "cache-control": kept_by(viewer, _A_DAY)},
    )


@_slow.get("/services/{vendor}/{name}/diff", summary="What changed between two releases of a service")
async def compare_releases(
    vendor: str,
    name: str,
    parts: Parts,
    viewer: Viewer,
    first: Annotated[str, Query(alias="from", max_length=_LONGEST_VERSION, description="A version")],
    second: Annotated[str, Query(alias="to", max_length=_LONGEST_VERSION, description="Another version")],
) -> ReleaseDiffView:
    """For everybody. From the lower version to the higher one, whichever is named first: every change with its weight,
    and the least step of SemVer that may carry them. It is the comparison that publishing makes before a release.
    """
    found = await parts.comparing.compare(parts.database, vendor, name, first, second, viewer)
    return view_diff(f"{vendor}/{name}", found)


@router.post("/services/{vendor}/{name}/releases/{version}/deprecate", summary="Deprecate a release")
async def deprecate_release(
    vendor: str, name: str, version: str, body: StatusRequest, caller: SignedIn, desk: LifecycleDesk
) -> ReleaseView:
    """Calls go on, and the catalogue shows the reason. The same again changes nothing."""
    return view_release(await desk.retire_release(caller, vendor, name, version, "deprecated", body.reason))


@router.post("/services/{vendor}/{name}/releases/{version}/yank", summary="Yank a release for good")
async def yank_release(
    vendor: str, name: str, version: str, body: StatusRequest, caller: SignedIn, desk: LifecycleDesk
) -> ReleaseView:
    """No call is routed to it any more, and there is no way back. The same again changes nothing."""
    return view_release(await desk.retire_release(caller, vendor, name, version, "yanked", body.reason))


@router.post("/services/{vendor}/{name}/withdraw", status_code=204, summary="Take a service from the catalogue")
async def withdraw_service(vendor: str, name: str, caller: SignedIn, desk: LifecycleDesk) -> None:
    """It is no longer found, subscribed to or called. Publishing a new release lists it again. The same again changes
    nothing.
    """
    await desk.withdraw(caller, vendor, name)


router.include_router(_slow)
