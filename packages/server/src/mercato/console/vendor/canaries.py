"""Canaries: new releases on a share of the calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.consumption import CanaryWatch
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Permission
from mercato.platform import NotFound, Refusal, Session
from mercato.publishing import Canary, OwnService, OwnServices, Service
from mercato_contracts.manifest import CanaryTerms
from mercato_contracts.publishing import CanaryEndRequest, CanaryRequest

router = page_router()
_PAGE = 30
_MOST_SERVICES = 200


@dataclass(frozen=True, slots=True)
class CanaryLine:
    """A canary with its figures: those that ended it, or those so far."""

    canary: Canary
    service: Service
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CanariesPage:
    """The list, and the form that starts one."""

    items: Sequence[CanaryLine]
    services: Sequence[OwnService]
    vendor: str
    typed: dict[str, str]
    defaults: CanaryTerms
    may_publish: bool
    first: str
    next: str


@router.get("/vendor/canaries")
async def show_canaries(visit: SignedIn, session: Transaction, parts: Parts, after: After = None) -> Response:
    """Of all services, the newest first."""
    return visit.show("vendor/canaries.html", await _page(visit, session, parts, after))


@router.post("/vendor/canaries")
async def start_canary(request: Request, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """The release takes its share of the calls from now on."""
    form = await Form.of(request)
    try:
        terms = {name: form.find(name) for name in CanaryTerms.model_fields}
        wanted = as_request(CanaryRequest, version=form.get("version"), **terms)
        await _watch(session, parts).start(
            visit.caller, visit.caller.organisation_slug, form.get("service"), wanted.version, wanted
        )
    except Refusal as refusal:
        typed = {name: form.get(name)[:64] for name in ("service", "version", *CanaryTerms.model_fields)}
        return visit.show("vendor/canaries.html", await _page(visit, session, parts, None, typed), refusal=refusal)
    return visit.go("/vendor/canaries")


@router.post("/vendor/canaries/{name}/{verb}")
async def end_canary(
    name: str, verb: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """Promoted or aborted before its rule decides."""
    if verb not in ("promote", "abort"):
        raise NotFound("A canary is promoted or aborted.")
    form = await Form.of(request)
    try:
        reason = as_request(CanaryEndRequest, reason=form.get("reason")).reason
        await _watch(session, parts).decide(
            visit.caller, visit.caller.organisation_slug, name, promote=verb == "promote", reason=reason
        )
    except Refusal as refusal:
        typed = {"ending": name, "reason": form.get("reason")[:2000]}
        return visit.show("vendor/canaries.html", await _page(visit, session, parts, None, typed), refusal=refusal)
    return visit.go("/vendor/canaries")


async def _page(
    visit: Visit, session: Session, parts: Wiring, after: str | None, typed: dict[str, str] | None = None
) -> CanariesPage:
    own, watch = OwnServices(session), _watch(session, parts)
    rows = await own.list_canaries(visit.caller, before=after, limit=_PAGE)
    services = await own.list_all(visit.caller, after=None, limit=_MOST_SERVICES)
    following = Page.of(rows, _PAGE, lambda row: row[0].id).next
    here = "/vendor/canaries"
    return CanariesPage(
        [CanaryLine(canary, service, await watch.figures(service, canary)) for canary, service in rows],
        [one for one in services if one.service.status == "listed" and one.canary is None],
        visit.caller.organisation_slug, typed or {}, CanaryTerms(), visit.caller.may(Permission.SERVICES_PUBLISH),
        here if after else "", f"{here}?after={following}" if following else "",
    )  # fmt: skip


def _watch(session: Session, parts: Wiring) -> CanaryWatch:
    return CanaryWatch(session, parts.clock, parts.ids, parts.outbox)
