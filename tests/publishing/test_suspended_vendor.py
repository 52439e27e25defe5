"""Nothing of a suspended vendor goes live: not by an approval, and not by a release that was approved before."""

import pytest

from mercato.identity import Caller, Standing
from mercato.publishing import DeploymentHolds, RunningDeployments
from mercato.publishing.refusals import VendorSuspended
from tests.conftest import People
from tests.publishing.conftest import Marketplace, Offer, OpenWorker
from tests.publishing.test_approval import needs_people
from tests.support.waiting import until


async def suspend(market: Marketplace, operator: Caller, *, back: bool = False) -> None:
    async with market.database.transaction() as session:
        standing = Standing(session, market.clock, market.outbox)
        await (standing.reinstate if back else standing.suspend)(operator, "acme", "settled" if back else "fraud")


async def deployments(market: Marketplace, vendor: Caller) -> list[str]:
    async with market.database.transaction() as session:
        return await RunningDeployments(session).ids_of_vendor(vendor.organisation_id)


async def test_nobody_approves_what_a_suspended_vendor_submitted(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await marketplace.submit(vendor, needs_people(offer))
    await marketplace.follow(vendor, submission.id, "waiting")
    await suspend(marketplace, operator)
    with pytest.raises(VendorSuspended):
        await marketplace.decide(operator, submission.id, "approve")
    seen = await marketplace.look(vendor, submission.id)
    assert (seen.submission.state, seen.votes) == ("waiting", [])
    await suspend(marketplace, operator, back=True)
    await marketplace.decide(operator, submission.id, "approve")
    await marketplace.follow(vendor, submission.id, "released")


async def test_what_a_suspended_vendor_submitted_may_be_rejected(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await marketplace.submit(vendor, needs_people(offer))
    await marketplace.follow(vendor, submission.id, "waiting")
    await suspend(marketplace, operator)
    await marketplace.decide(operator, submission.id, "reject")
    await marketplace.follow(vendor, submission.id, "refused")


async def test_an_approved_release_waits_for_the_reinstatement(
    idle: Marketplace, open_worker: OpenWorker, offer: Offer, people: People
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await idle.submit(vendor, needs_people(offer))
    async with open_worker():
        await idle.follow(vendor, submission.id, "waiting")
    # The decision falls while no worker runs, and the suspension comes before the release.
    await idle.decide(operator, submission.id, "approve")
    await suspend(idle, operator)

    async def release_waits() -> bool:
        last = (await idle.look(vendor, submission.id)).evidence[-1]
        return (last.phase, last.outcome) == (10, "waiting")

    async with open_worker():
        await until(release_waits)
        seen = await idle.look(vendor, submission.id)
        assert [each["code"] for each in seen.evidence[-1].findings] == ["vendor_suspended"]
        assert (seen.submission.state, await deployments(idle, vendor)) == ("waiting", [])
        await suspend(idle, operator, back=True)
        done = await idle.follow(vendor, submission.id, "released")
    assert done.evidence[-1].outcome == "passed"
    (deployment,) = await deployments(idle, vendor)
    async with idle.database.transaction() as session:
        assert await DeploymentHolds(session, idle.clock, idle.outbox).holds_on([deployment]) == {}
