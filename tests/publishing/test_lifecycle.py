"""What becomes of releases after they were published."""

from typing import Literal

import pytest
from sqlalchemy import select

from mercato.identity import Caller, NotAllowed, Role
from mercato.platform.outbox import OutboxRow
from mercato.publishing import Catalogue, Lifecycle, ServiceNotFound
from mercato.publishing.models import Release
from mercato.publishing.refusals import ReleaseNotFound, ReleaseOver
from tests.conftest import People
from tests.publishing.conftest import Marketplace, Offer


async def retire(
    marketplace: Marketplace,
    caller: Caller,
    version: str,
    status: Literal["deprecated", "yanked"],
    vendor: str = "acme",
) -> Release:
    async with marketplace.database.transaction() as session:
        desk = Lifecycle(session, marketplace.clock, marketplace.outbox)
        return await desk.retire_release(caller, vendor, "greeter", version, status, "a reason")


@pytest.fixture
async def vendor(marketplace: Marketplace, offer: Offer, people: People) -> Caller:
    """A vendor with two releases."""
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    newer = offer.at("1.1.0")
    newer.manifest["title"] = "Warmer greetings"
    await marketplace.publish(vendor, newer)
    return vendor


async def test_a_yanked_release_is_no_longer_in_front_and_stays_yanked(
    marketplace: Marketplace, vendor: Caller
) -> None:
    release = await retire(marketplace, vendor, "1.1.0", "yanked")
    assert (release.status, release.status_reason) == ("yanked", "a reason")
    async with marketplace.database.transaction() as session:
        listing = await Catalogue(session).get_listing("acme", "greeter")
        (route,) = await Catalogue(session).routes()
        answer = await session.scalars(select(OutboxRow.topic).where(OutboxRow.topic == "service.changed"))
        assert len(answer.all()) == 1
    assert (listing.service.latest_version, listing.service.title) == ("1.0.0", "Greetings for everyone")
    assert {release.version: release.status for release in route.releases} == {"1.0.0": "live", "1.1.0": "yanked"}
    with pytest.raises(ReleaseOver):
        await retire(marketplace, vendor, "1.1.0", "deprecated")


async def test_a_yanked_version_is_taken_and_binds_nobody(
    marketplace: Marketplace, vendor: Caller, offer: Offer
) -> None:
    await retire(marketplace, vendor, "1.1.0", "yanked")
    with pytest.raises(Exception, match="released with other content"):
        await marketplace.submit(vendor, offer.at("1.1.0"))
    mended = await marketplace.publish(vendor, offer.at("1.1.1"))
    assert mended.evidence[3].facts["compared_with"] == "1.0.0"
    assert mended.submission.state == "released"


async def test_the_same_again_changes_nothing(marketplace: Marketplace, vendor: Caller) -> None:
    first = await retire(marketplace, vendor, "1.0.0", "deprecated")
    assert (await retire(marketplace, vendor, "1.0.0", "deprecated")).status_at == first.status_at
    async with marketplace.database.transaction() as session:
        answer = await session.scalars(select(OutboxRow.topic).where(OutboxRow.topic == "service.changed"))
        assert len(answer.all()) == 1


async def test_nobody_retires_the_release_of_another(marketplace: Marketplace, vendor: Caller, people: People) -> None:
    stranger = await people.join("globex")
    for named in ("acme", "globex"):
        with pytest.raises(ServiceNotFound):
            await retire(marketplace, stranger, "1.0.0", "yanked", vendor=named)
    with pytest.raises(NotAllowed):
        await retire(marketplace, await people.join("initech", Role.VIEWER), "1.0.0", "yanked")
    with pytest.raises(ReleaseNotFound):
        await retire(marketplace, vendor, "7.0.0", "yanked")


async def test_a_withdrawn_service_is_gone_until_it_is_released_again(
    marketplace: Marketplace, vendor: Caller, offer: Offer
) -> None:
    async with marketplace.database.transaction() as session:
        await Lifecycle(session, marketplace.clock, marketplace.outbox).withdraw(vendor, "acme", "greeter")
    async with marketplace.database.transaction() as session:
        catalogue = Catalogue(session)
        service = await catalogue.find_service("acme", "greeter")
        assert service is not None
        assert await catalogue.listing(service.id) is None
        assert await catalogue.routes() == []
        assert await catalogue.open_plans(service.id) == []
        with pytest.raises(ServiceNotFound):
            await catalogue.get_listing("acme", "greeter")
    await marketplace.publish(vendor, offer.at("1.2.0"))
    async with marketplace.database.transaction() as session:
        assert len((await Catalogue(session).get_listing("acme", "greeter")).releases) == 3
