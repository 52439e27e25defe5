"""The compliance report: how the release that describes each service came about."""

from mercato.api.graphql.context import Asked
from mercato.api.graphql.types import Compliance, CompliancePage, ServiceNode
from mercato.edge.paging import Page
from mercato.publishing import Approval, Evidence, Release, Vote
from mercato.publishing import Service as ServiceRow


async def report(asked: Asked, first: int, after: str | None) -> CompliancePage:
    """A page by id: four questions for all of its services."""
    async with asked.turn():
        services = await asked.oversight.services(asked.caller, after=after or "", limit=first)
        releases = await asked.oversight.releases([service.id for service in services])
        described = {
            service.id: next((one for one in releases[service.id] if one.version == service.latest_version), None)
            for service in services
        }
        ids = [release.submission_id for release in described.values() if release is not None]
        evidence = await asked.oversight.evidence(ids)
        approvals = await asked.oversight.approvals(ids)
    items = []
    for service in services:
        release = described[service.id]
        submission_id = "" if release is None else release.submission_id
        items.append(
            _row(service, release, releases[service.id], evidence.get(submission_id, []), approvals.get(submission_id))
        )
    return CompliancePage(items=items, next=Page.of(services, first).next)


def _row(
    service: ServiceRow, release: Release | None, releases: list[Release], evidence: list[Evidence],
    approval: tuple[Approval, list[Vote]] | None,
) -> Compliance:  # fmt: skip
    votes = [] if approval is None else approval[1]
    by_rule = approval is not None and approval[0].required_people == 0
    return Compliance(
        service=ServiceNode.of(service),
        version=service.latest_version,
        phases_passed=sum(one.outcome == "passed" for one in evidence),
        phases_warned=sum(one.outcome == "warned" for one in evidence),
        findings=sum(len(one.findings) for one in evidence),
        decided_by_rule=approval[0].rule if approval is not None and by_rule else None,
        approved_by=[vote.person for vote in votes if vote.decision == "approve"],
        released_at=None if release is None else release.released_at,
        deprecated=sum(one.status == "deprecated" for one in releases),
        yanked=sum(one.status == "yanked" for one in releases),
    )
