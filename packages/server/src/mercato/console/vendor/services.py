"""A vendor's services: what is listed, its releases, and what happens when one of them goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.vendor.figures import Figures, period_of, read_figures
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Names
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.metering import SeriesGroup, SeriesWanted, Summing
from mercato.platform import Malformed, NotFound, Session
from mercato.publishing import Catalogue, Lifecycle, OwnListing, OwnService, OwnServices, Release
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.publishing import StatusRequest

router = page_router()
_PAGE = 50
_MOST_HIT = 20
_IMPACT_DAYS = 30
Ending = Literal["deprecated", "yanked"]
_ENDINGS: dict[str, Ending] = {"deprecate": "deprecated", "yank": "yanked"}


@dataclass(frozen=True, slots=True)
class ServicesPage:
    """The list. `first` and `next` are addresses of other pages."""

    items: Sequence[OwnService]
    vendor: str
    first: str
    next: str


@router.get("/vendor/services")
async def show_services(visit: SignedIn, session: Transaction, after: After = None) -> Response:
    """All of the organisation's, by name, withdrawn ones too."""
    rows = await OwnServices(session).list_all(visit.caller, after=after, limit=_PAGE)
    following = Page.of(rows, _PAGE, lambda row: row.service.name).next
    here = "/vendor/services"
    page = ServicesPage(
        rows, visit.caller.organisation_slug, here if after else "", f"{here}?after={following}" if following else ""
    )
    return visit.show("vendor/services.html", page)


@dataclass(frozen=True, slots=True)
class ServicePage:
    """One service with its figures."""

    listing: OwnListing
    vendor: str
    figures: Figures
    may_publish: bool


@router.get("/vendor/services/{name}")
async def show_service(name: str, visit: SignedIn, session: Transaction) -> Response:
    """Its releases from the highest version down, its plans, and how it did in 30 days."""
    listing = await OwnServices(session).get(visit.caller, name)
    page = ServicePage(
        listing,
        visit.caller.organisation_slug,
        await read_figures(session, visit, service_id=listing.service.id),
        visit.caller.may(Permission.SERVICES_PUBLISH),
    )
    return visit.show("vendor/service.html", page)


@dataclass(frozen=True, slots=True)
class Hit:
    """A consumer who called the release in the last 30 days."""

    consumer: str
    calls: int


@dataclass(frozen=True, slots=True)
class Impact:
    """Whom it hits: those with the most calls in 30 days, how many called, and how many subscribe to the service."""

    calls: int
    hit: Sequence[Hit]
    consumers: int
    subscribed: int


@dataclass(frozen=True, slots=True)
class EndingPage:
    """What a release's end does, before it is done."""

    listing: OwnListing
    vendor: str
    release: Release
    ending: Ending
    verb: str
    latest_then: str | None
    impact: Impact
    reason: str
    may_publish: bool


@router.get("/vendor/services/{name}/releases/{version}/{verb}")
async def ask_about_ending(name: str, version: str, verb: str, visit: SignedIn, session: Transaction) -> Response:
    """Who called it in the last 30 days, and which release is the latest then."""
    return visit.show("vendor/release_ending.html", await _ending(visit, session, name, version, verb))


@router.post("/vendor/services/{name}/releases/{version}/{verb}")
async def end_release(
    name: str, version: str, verb: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """Deprecated or yanked; the same again changes nothing."""
    form = await Form.of(request)
    page = await _ending(visit, session, name, version, verb, form.get("reason"))
    try:
        if page.ending == "yanked" and form.get("typed") != version:
            raise Malformed(f"Type {version} to yank it: there is no way back.")
        reason = as_request(StatusRequest, reason=form.get("reason")).reason
        await Lifecycle(session, parts.clock, parts.outbox).retire_release(
            visit.caller, visit.caller.organisation_slug, name, version, page.ending, reason
        )
    except Malformed as refusal:
        return visit.show("vendor/release_ending.html", page, refusal=refusal)
    return visit.go(f"/vendor/services/{name}")


async def _ending(visit: Visit, session: Session, name: str, version: str, verb: str, reason: str = "") -> EndingPage:
    if verb not in _ENDINGS:
        raise NotFound("A release is deprecated or yanked.")
    listing = await OwnServices(session).get_releases(visit.caller, name)
    release = next((each for each in listing.releases if each.version == version), None)
    if release is None:
        raise NotFound(f"{name} has no release {version[:40]}.")
    return EndingPage(
        listing, visit.caller.organisation_slug, release, _ENDINGS[verb], verb, listing.latest_without(version),
        await _impact(visit, session, {"service": listing.service.id, "release": release.id}), reason,
        visit.caller.may(Permission.SERVICES_PUBLISH),
    )  # fmt: skip


async def _impact(visit: Visit, session: Session, where: dict[SeriesGroup, str]) -> Impact:
    """Of the end of a release, or of the whole service."""
    since, until = period_of(visit, _IMPACT_DAYS)
    wanted = SeriesWanted(
        side="vendor", since=since, until=until, step="month", zone=visit.zone, metrics=("calls",),
        groups=("consumer",), where=where, top=100,
    )  # fmt: skip
    found = await Summing(session, visit.wiring.clock).series(visit.caller, wanted)
    names = await Names(session).organisations({line.keys[0] for line in found.lines})
    hit = [Hit(names.get(line.keys[0], ""), line.total["calls"]) for line in found.lines]
    hit.sort(key=lambda one: -one.calls)
    subscribed = await SubscriptionTerms(session, Catalogue(session)).count_of_service(where["service"])
    return Impact(sum(one.calls for one in hit), hit[:_MOST_HIT], found.groups, subscribed)


@dataclass(frozen=True, slots=True)
class WithdrawPage:
    """The question before a service goes."""

    listing: OwnListing
    vendor: str
    impact: Impact
    may_publish: bool


@router.get("/vendor/services/{name}/withdraw")
async def ask_about_withdrawal(name: str, visit: SignedIn, session: Transaction) -> Response:
    """Who called it in the last 30 days, and how many subscribe to it."""
    return visit.show("vendor/withdraw.html", await _withdrawal(visit, session, name))


@router.post("/vendor/services/{name}/withdraw")
async def withdraw_service(
    name: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """Taken from the catalogue; the same again changes nothing."""
    page = await _withdrawal(visit, session, name)
    form = await Form.of(request)
    try:
        if form.get("typed") != name:
            raise Malformed(f"Type {name} to withdraw it.")
        await Lifecycle(session, parts.clock, parts.outbox).withdraw(visit.caller, visit.caller.organisation_slug, name)
    except Malformed as refusal:
        return visit.show("vendor/withdraw.html", page, refusal=refusal)
    return visit.go(f"/vendor/services/{name}")


async def _withdrawal(visit: Visit, session: Session, name: str) -> WithdrawPage:
    listing = await OwnServices(session).get_releases(visit.caller, name)
    return WithdrawPage(
        listing,
        visit.caller.organisation_slug,
        await _impact(visit, session, {"service": listing.service.id}),
        visit.caller.may(Permission.SERVICES_PUBLISH),
    )
