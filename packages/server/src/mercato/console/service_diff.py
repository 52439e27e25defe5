"""What changed between two releases of a service: whom it breaks, and which version it needed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Query, Response

from mercato.api.publishing_views import view_diff, view_service
from mercato.console.routes import page_router
from mercato.console.service import Tab, tabs_of
from mercato.console.visit import Anybody
from mercato.edge.viewer import Viewer
from mercato.edge.wiring import Parts
from mercato.platform import NotFound, Refusal
from mercato.publishing import Catalogue
from mercato_contracts.publishing import ReleaseChange, ReleaseDiffView, ServiceView

router = page_router(slow=True)

_PUBLIC_SECONDS = 60
_MOST_SHOWN = 300
_GROUPS = (
    ("breaking", "Breaks callers", "A caller written for the earlier release may fail."),
    ("unclear", "May break callers", "The comparison cannot judge these, so they count as breaking."),
    ("addition", "New", "Callers may use it and need not."),
    ("other", "Nothing to follow", "No caller has to do anything."),
)
_LONGEST_VERSION = 128


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one weight."""

    weight: str
    title: str
    meaning: str
    changes: Sequence[ReleaseChange]


@dataclass(frozen=True, slots=True)
class DiffPage:
    """The form, and what was found; `diff` is `None` where there is nothing to compare yet."""

    service: ServiceView
    name: str
    tabs: Sequence[Tab]
    choices: Sequence[tuple[str, str]]
    earlier: str
    later: str
    diff: ReleaseDiffView | None
    groups: Sequence[Group]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Compared:
    service: ServiceView
    versions: Sequence[str]
    earlier: str
    later: str
    diff: ReleaseDiffView | None = None
    refusal: Refusal | None = None


async def _compare(
    vendor: str,
    name: str,
    parts: Parts,
    viewer: Viewer,
    earlier: Annotated[str, Query(alias="from", max_length=_LONGEST_VERSION)] = "",
    later: Annotated[str, Query(alias="to", max_length=_LONGEST_VERSION)] = "",
) -> _Compared:
    """The comparison itself: no transaction is open while it lasts."""
    async with parts.database.transaction() as session:
        listing = await Catalogue(session, viewer).get_listing(vendor, name)
        view = view_service(listing)
        versions = [release.version for release in listing.releases]
        later = later or listing.service.latest_version
        below = versions[versions.index(later) + 1 :] if later in versions else []
        earlier = earlier or next(iter(below), "") or next((each for each in versions if each != later), "")
        nothing = _Compared(view, versions, earlier, later)
        if not earlier:
            return nothing
        full = f"{view.vendor}/{view.name}"
        try:
            comparison = await parts.comparing.compare_of(session, listing.service, full, earlier, later)
        except NotFound as refusal:
            return replace(nothing, refusal=refusal)
    try:
        found = await comparison()
    except Refusal as refusal:
        return replace(nothing, refusal=refusal)
    return replace(nothing, earlier=found.earlier, later=found.later, diff=view_diff(full, found))


@router.get("/services/{vendor}/{name}/diff")
async def show_diff(compared: Annotated[_Compared, Depends(_compare)], visit: Anybody) -> Response:
    """From the lower version to the higher one; without versions, the latest and the one before it."""
    view = compared.service
    full = f"{view.vendor}/{view.name}"
    changes = [] if compared.diff is None else compared.diff.changes
    page = DiffPage(
        service=view,
        name=full,
        tabs=tabs_of(full, "diff"),
        choices=[(version, version) for version in compared.versions],
        earlier=compared.earlier,
        later=compared.later,
        diff=compared.diff,
        groups=_grouped(changes[:_MOST_SHOWN]),
        left_out=max(len(changes) - _MOST_SHOWN, 0),
    )
    return visit.show("service_diff.html", page, refusal=compared.refusal, public_seconds=_PUBLIC_SECONDS)


def _grouped(changes: Sequence[ReleaseChange]) -> list[Group]:
    by_weight = [
        Group(weight, title, meaning, [change for change in changes if change.weight == weight])
        for weight, title, meaning in _GROUPS
    ]
    return [group for group in by_weight if group.changes]
