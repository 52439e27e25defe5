"""Handing in a version: once is once, and what cannot be read leaves nothing behind."""

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mercato.identity import NotAllowed, Role
from mercato.platform import Refusal
from mercato.publishing.models import Submission
from mercato.publishing.refusals import (
    DocumentMissing,
    ManifestRefused,
    SubmissionNotFound,
    SubmissionUnderWay,
    VersionExists,
)
from tests.conftest import People, TestClock
from tests.publishing.conftest import Marketplace, Offer, Texts, VendorService


async def count(marketplace: Marketplace) -> int:
    async with marketplace.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(Submission)) or 0


async def test_the_same_content_twice_is_one_submission(idle: Marketplace, offer: Offer, people: People) -> None:
    vendor = await people.join("acme")
    first = await idle.submit(vendor, offer)
    assert (await idle.submit(vendor, offer)).id == first.id
    assert await count(idle) == 1


async def test_the_same_content_ten_times_at_once_is_one_submission(
    idle: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    answers = await asyncio.gather(*(idle.submit(vendor, offer) for _ in range(10)))
    assert len({answer.id for answer in answers}) == 1
    assert await count(idle) == 1


async def test_two_contents_of_one_version_at_once_are_one_submission_and_one_refusal(
    idle: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    other = offer.at("1.0.0")
    other.manifest["summary"] = "Says hello in another way, just as politely."
    answers = await asyncio.gather(idle.submit(vendor, offer), idle.submit(vendor, other), return_exceptions=True)
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [SubmissionUnderWay]
    assert await count(idle) == 1


async def test_two_vendors_may_use_one_name(idle: Marketplace, offer: Offer, people: People) -> None:
    first = await idle.submit(await people.join("acme"), offer)
    second = await idle.submit(await people.join("globex"), offer)
    assert first.id != second.id


async def test_a_released_version_never_changes(marketplace: Marketplace, offer: Offer, people: People) -> None:
    vendor = await people.join("acme")
    released = await marketplace.publish(vendor, offer)
    assert (await marketplace.submit(vendor, offer)).id == released.submission.id
    offer.manifest["summary"] = "Says hello in another way, just as politely."
    with pytest.raises(VersionExists):
        await marketplace.submit(vendor, offer)


async def test_what_was_refused_may_be_submitted_again(
    marketplace: Marketplace, offer: Offer, people: People, vendor_service: VendorService
) -> None:
    vendor = await people.join("acme")
    vendor_service.status = 500
    refused = await marketplace.publish(vendor, offer)
    assert refused.submission.state == "refused"
    vendor_service.status = 200
    again = await marketplace.publish(vendor, offer)
    assert again.submission.state == "released"
    assert again.submission.id != refused.submission.id


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        ("", "manifest_syntax"),
        ("[1, 2]", "manifest_not_mapping"),
        ("a: [", "manifest_syntax"),
        ("mercato: 1\nname: Bad Name\n", "manifest_field_invalid"),
        ("mercato: 1\nnome: x\n", "manifest_field_unknown"),
    ],
)
async def test_a_malformed_manifest_is_refused_with_its_fields_and_leaves_nothing(
    idle: Marketplace, people: People, manifest: str, code: str
) -> None:
    vendor = await people.join("acme")
    with pytest.raises(ManifestRefused) as refused:
        await idle.submit(vendor, Texts(manifest, None))
    assert code in {error.code for error in refused.value.errors}
    assert await count(idle) == 0


@pytest.mark.parametrize("title", ["Greetings\0 for all", "Greetings \ud800 for all"])
async def test_characters_that_no_database_keeps_are_refused(
    idle: Marketplace, people: People, offer: Offer, title: str
) -> None:
    vendor = await people.join("acme")
    raw = Texts(json.dumps({**offer.manifest, "title": title}), offer.document_text)
    with pytest.raises(ManifestRefused):
        await idle.submit(vendor, raw)


@pytest.mark.parametrize("text", [None, '{"openapi": "3.1.0\0"}', '{"openapi": "\\u0000"}', '{"a": "\ud800"}'])
async def test_a_document_that_is_missing_or_unstorable_is_refused(
    idle: Marketplace, people: People, offer: Offer, text: str | None
) -> None:
    vendor = await people.join("acme")
    with pytest.raises(DocumentMissing):
        await idle.submit(vendor, Texts(offer.manifest_text, text))
    assert await count(idle) == 0


async def test_a_document_that_the_manifest_does_not_name_is_refused(
    idle: Marketplace, people: People, offer: Offer
) -> None:
    vendor = await people.join("acme")
    offer.manifest |= {"protocol": "openai", "task": "embeddings"}
    del offer.manifest["openapi"]
    with pytest.raises(DocumentMissing):
        await idle.submit(vendor, offer)


async def test_who_may_not_publish_is_refused(idle: Marketplace, people: People, offer: Offer) -> None:
    with pytest.raises(NotAllowed):
        await idle.submit(await people.join("acme", Role.VIEWER), offer)


async def test_a_submission_is_shown_to_its_vendor_and_to_operators_only(
    idle: Marketplace, people: People, offer: Offer
) -> None:
    vendor, stranger, operator = await people.join("acme"), await people.join("globex"), await people.operator()
    submission = await idle.submit(vendor, offer)
    assert (await idle.look(vendor, submission.id)).submission.id == submission.id
    assert (await idle.look(operator, submission.id)).submission.id == submission.id
    with pytest.raises(SubmissionNotFound):
        await idle.look(stranger, submission.id)


async def test_submissions_are_listed_newest_first_page_by_page(
    idle: Marketplace, people: People, offer: Offer, clock: TestClock
) -> None:
    from mercato.publishing import Submissions

    vendor, stranger = await people.join("acme"), await people.join("globex")
    made = []
    for patch in range(3):
        clock.advance(timedelta(seconds=1))
        made.append((await idle.submit(vendor, offer.at(f"1.0.{patch}"))).id)
    await idle.submit(stranger, offer)
    async with idle.database.transaction() as session:
        desk = Submissions(session, idle.clock, idle.ids, idle.outbox)
        first = [row.id for row in await desk.list_own(vendor, after=None, limit=2)]
        rest = [row.id for row in await desk.list_own(vendor, after=first[-1], limit=2)]
    assert first + rest == made[::-1]


def test_every_refusal_says_what_to_do() -> None:
    from mercato.platform import every_refusal
    from mercato.publishing import refusals

    for kind in every_refusal(Refusal):
        if kind.__module__ == refusals.__name__:
            assert kind.fix != Refusal.fix
