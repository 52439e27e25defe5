"""The vendor's first page: what was earned, what fails, what waits."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Response

from mercato.billing import Standing, Statements
from mercato.console.routes import page_router
from mercato.console.vendor.figures import Figures, read_figures
from mercato.console.visit import SignedIn
from mercato.deployments import Deployments, DeploymentState
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.publishing import Submission, Submissions
from mercato.training import Run, TrainingRuns

router = page_router()
_FEW = 6


@dataclass(frozen=True, slots=True)
class Fleet:
    """The organisation's deployments in numbers, and those that get no calls although they should."""

    routed: int
    held: int
    live: int
    stale: int
    unlinked: int
    troubled: Sequence[DeploymentState]


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """Everything that it shows. `unpaid` by currency: earned, and on no payout yet."""

    figures: Figures
    unpaid: Sequence[tuple[str, int]]
    fleet: Fleet
    submissions: Sequence[Submission]
    waiting: Sequence[Submission]
    runs: Sequence[Run]

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever published or trained."""
        return not (self.submissions or self.runs or self.fleet.routed or self.fleet.held)


@router.get("/vendor")
async def show_dashboard(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """The last 30 days and what needs a look."""
    visit.caller.require(Permission.SERVICES_READ)
    submissions = await Submissions(session, parts.clock, parts.ids, parts.outbox).list_own(
        visit.caller, after=None, limit=50
    )
    deployments = await Deployments(session, parts.clock, parts.outbox).list_all(visit.caller)
    runs = TrainingRuns(session, parts.clock, parts.ids, parts.outbox, parts.objects, parts.providers)
    page = DashboardPage(
        await read_figures(session, visit),
        unpaid_of(await Statements(session).balance(visit.caller, "vendor")),
        count_fleet(deployments),
        submissions[:_FEW],
        [one for one in submissions if one.state == "waiting"],
        await runs.list_all(visit.caller, before=None, limit=_FEW),
    )
    return visit.show("vendor/dashboard.html", page)


def unpaid_of(standings: Sequence[Standing]) -> list[tuple[str, int]]:
    """By currency; the vendor's account is credited, so what is owed to it is negative there."""
    return [(one.currency, -one.unbilled_nanos) for one in standings]


def count_fleet(states: Sequence[DeploymentState]) -> Fleet:
    """Those of yanked releases are left out: nothing is wrong with them."""
    used = [one for one in states if one.running.status != "yanked" and one.running.service.status == "listed"]
    links = [one.link.state if one.link else "" for one in used]
    held = [one for one in used if one.holds]
    troubled = [one for one in used if one.holds or (one.link is not None and one.link.state == "stale")]
    return Fleet(
        len(used) - len(held), len(held), links.count("live"), links.count("stale"), links.count(""), troubled[:_FEW]
    )
