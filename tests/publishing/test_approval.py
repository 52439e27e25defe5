"""Rules decide, or people do; nobody decides on their own."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from mercato.identity import Caller, NotAllowed, Permission, Role
from mercato.identity.permissions import KEY_SCOPES
from mercato.publishing import Approvals, Waiting
from mercato.publishing.refusals import AlreadyDecided, ApprovalNotFound, OwnSubmission
from tests.conftest import People, TestClock
from tests.publishing.conftest import Marketplace, Offer, OpenWorker


def needs_people(offer: Offer, task: str = "speech") -> Offer:
    offer.manifest["task"] = task
    return offer


async def waiting(marketplace: Marketplace, caller: Caller) -> list[Waiting]:
    async with marketplace.database.transaction() as session:
        return await Approvals(session, marketplace.clock, marketplace.outbox).waiting(caller, after=None, limit=10)


async def test_a_rule_that_forbids_ends_it_in_phase_8(marketplace: Marketplace, offer: Offer, people: People) -> None:
    dossier = await marketplace.publish(await people.join("acme"), needs_people(offer, "vision"))
    assert dossier.submission.state == "refused"
    assert (dossier.evidence[-1].phase, dossier.evidence[-1].outcome) == (8, "failed")
    assert "Vision is not wanted" in dossier.evidence[-1].findings[0]["message"]


async def test_what_waits_is_in_the_queue_with_its_evidence_and_an_approval_releases_it(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await marketplace.submit(vendor, needs_people(offer))
    seen = await marketplace.follow(vendor, submission.id, "waiting")
    assert seen.approval is not None
    assert (seen.approval.state, seen.approval.rule, seen.approval.required_people) == ("pending", "speech", 1)
    (entry,) = await waiting(marketplace, operator)
    assert entry.submission.id == submission.id
    assert [row.phase for row in entry.evidence][-1] == 9
    await marketplace.decide(operator, submission.id, "approve", "sounds fine")
    done = await marketplace.follow(vendor, submission.id, "released")
    assert [(vote.person, vote.reason) for vote in done.votes] == [(operator.actor, "sounds fine")]
    assert done.evidence[8].outcome == "passed"
    assert await waiting(marketplace, operator) == []


async def test_a_rejection_ends_it_with_its_reason(marketplace: Marketplace, offer: Offer, people: People) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await marketplace.submit(vendor, needs_people(offer))
    await marketplace.follow(vendor, submission.id, "waiting")
    await marketplace.decide(operator, submission.id, "reject", "the voice is a celebrity's")
    done = await marketplace.follow(vendor, submission.id, "refused")
    assert "celebrity" in done.evidence[-1].findings[0]["message"]
    assert done.evidence[-1].findings[0]["code"] == "approval_rejected"


async def test_where_two_must_agree_one_is_not_enough_and_does_not_count_twice(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor, first = await people.join("acme"), await people.operator()
    second = replace(first, actor="usr_second")
    submission = await marketplace.submit(vendor, needs_people(offer, "search"))
    await marketplace.follow(vendor, submission.id, "waiting")
    await asyncio.gather(*(marketplace.decide(first, submission.id, "approve") for _ in range(5)))
    seen = await marketplace.look(vendor, submission.id)
    assert seen.approval is not None
    assert seen.approval.state == "pending"
    await marketplace.decide(second, submission.id, "approve")
    await marketplace.follow(vendor, submission.id, "released")


async def test_two_who_agree_at_the_same_moment_are_two(marketplace: Marketplace, offer: Offer, people: People) -> None:
    vendor, first = await people.join("acme"), await people.operator()
    second = replace(first, actor="usr_second")
    submission = await marketplace.submit(vendor, needs_people(offer, "search"))
    await marketplace.follow(vendor, submission.id, "waiting")
    await asyncio.gather(*(marketplace.decide(person, submission.id, "approve") for person in (first, second)))
    await marketplace.follow(vendor, submission.id, "released")


async def test_nobody_decides_on_a_submission_of_their_own_organisation(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    operator = await people.operator()
    submission = await marketplace.submit(operator, needs_people(offer))
    await marketplace.follow(operator, submission.id, "waiting")
    with pytest.raises(OwnSubmission):
        await marketplace.decide(operator, submission.id, "approve")


async def test_whoever_submitted_does_not_decide_as_an_operator_either(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await marketplace.submit(vendor, needs_people(offer))
    await marketplace.follow(vendor, submission.id, "waiting")
    with pytest.raises(OwnSubmission):
        await marketplace.decide(replace(operator, actor=vendor.actor), submission.id, "approve")
    await marketplace.decide(operator, submission.id, "approve")


@pytest.mark.parametrize("kind", sorted(KEY_SCOPES))
def test_no_key_can_decide(kind: str) -> None:
    assert Permission.APPROVALS_DECIDE not in KEY_SCOPES[kind]


async def test_only_approvers_of_the_operator_see_the_queue_and_decide(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor, operator = await people.join("acme"), await people.operator(Role.VIEWER)
    submission = await marketplace.submit(vendor, needs_people(offer))
    await marketplace.follow(vendor, submission.id, "waiting")
    with pytest.raises(NotAllowed):
        await waiting(marketplace, vendor)
    for caller in (vendor, operator):
        with pytest.raises(NotAllowed):
            await marketplace.decide(caller, submission.id, "approve")


async def test_a_decision_stands(marketplace: Marketplace, offer: Offer, people: People) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    submission = await marketplace.submit(vendor, needs_people(offer))
    await marketplace.follow(vendor, submission.id, "waiting")
    await marketplace.decide(operator, submission.id, "approve")
    await marketplace.decide(operator, submission.id, "approve")
    with pytest.raises(AlreadyDecided):
        await marketplace.decide(operator, submission.id, "reject")
    with pytest.raises(AlreadyDecided):
        await marketplace.decide(replace(operator, actor="usr_late"), submission.id, "approve")


async def test_what_does_not_wait_cannot_be_decided(marketplace: Marketplace, people: People) -> None:
    with pytest.raises(ApprovalNotFound):
        await marketplace.decide(await people.operator(), "sbm_" + "0" * 32, "approve")


async def test_a_decision_made_while_no_worker_runs_is_heard_later(
    idle: Marketplace, open_worker: OpenWorker, offer: Offer, people: People, clock: TestClock
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    async with open_worker():
        submission = await idle.submit(vendor, needs_people(offer))
        await idle.follow(vendor, submission.id, "waiting")
    clock.advance(timedelta(days=90))
    await idle.decide(operator, submission.id, "approve")
    async with open_worker():
        await idle.follow(vendor, submission.id, "released")


class TestTheRulesThatComeWithMercato:
    @pytest.fixture
    def rules(self) -> None:
        return None

    async def test_a_new_vendor_waits_for_a_person(
        self, marketplace: Marketplace, offer: Offer, people: People
    ) -> None:
        vendor = await people.join("acme")
        submission = await marketplace.submit(vendor, offer)
        seen = await marketplace.follow(vendor, submission.id, "waiting", "released", "refused")
        assert seen.submission.state == "waiting"
        assert seen.approval is not None
        assert "unverified-vendor" in seen.approval.rule
