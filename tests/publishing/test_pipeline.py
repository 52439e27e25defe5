"""From a submission to a release, and all the ways in which it ends before."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from mercato.platform.outbox import OutboxRow
from mercato.publishing import Catalogue, Dossier
from mercato.publishing.models import Deployment, Plan, Release, Service
from tests.conftest import People, TestClock
from tests.publishing.conftest import Marketplace, Offer, Texts, VendorService
from tests.support.waiting import SECONDS, until


def failures(dossier: Dossier) -> dict[int, set[str]]:
    """The codes of errors by phase."""
    return {
        row.phase: {finding["code"] for finding in row.findings if finding["level"] == "error"}
        for row in dossier.evidence
        if row.outcome == "failed"
    }


async def rows(marketplace: Marketplace, table: type[Any]) -> int:
    async with marketplace.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_clean_service_is_released_by_rule(
    marketplace: Marketplace, offer: Offer, people: People, vendor_service: VendorService
) -> None:
    vendor = await people.join("acme")
    dossier = await marketplace.publish(vendor, offer)
    assert [(row.phase, row.outcome) for row in dossier.evidence] == [(n, "passed") for n in range(1, 11)]
    assert dossier.submission.state == "released"
    async with marketplace.database.transaction() as session:
        catalogue = Catalogue(session)
        listing = await catalogue.get_listing("acme", "greeter")
        (route,) = await catalogue.routes()
        document = await catalogue.get_document("acme", "greeter", "1.0.0")
        answer = await session.scalars(select(OutboxRow).where(OutboxRow.topic == "service.released"))
        ids = {"service_id": listing.service.id, "release_id": listing.latest.id}
        assert [row.payload for row in answer] == [ids | {"by": vendor.actor}]
    assert listing.service.title == "Greetings for everyone"
    assert sorted(plan.name for plan in listing.plans) == ["free", "per-call"]
    assert next(plan for plan in listing.plans if plan.name == "per-call").per_call_nanos == 1_000_000
    assert document.text == offer.document_text
    assert route.releases[0].deployments[0].url == vendor_service.url
    assert route.releases[0].deployments[0].addresses == ["127.0.0.1"]
    assert [(op.method, op.path) for op in route.releases[0].operations] == [("GET", "/greeting")]


async def test_a_broken_rule_of_the_manifest_is_refused_in_phase_2(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    offer.manifest["licence"] = "My Own Words"
    dossier = await marketplace.publish(await people.join("acme"), offer)
    assert failures(dossier) == {2: {"manifest_licence_unknown"}}
    assert dossier.submission.state == "refused"
    assert dossier.submission.ended_at is not None


async def test_an_openapi_document_with_a_dangling_reference_is_refused_in_phase_3(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    assert offer.document is not None
    responses = offer.document["paths"]["/greeting"]["get"]["responses"]
    responses["200"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Missing"}
    dossier = await marketplace.publish(await people.join("acme"), offer)
    assert list(failures(dossier)) == [3]


async def test_a_breaking_change_without_a_new_major_is_refused_in_phase_4(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    breaking = offer.at("1.1.0")
    assert breaking.document is not None
    paths = breaking.document["paths"]
    paths["/greetings"] = paths.pop("/greeting")
    dossier = await marketplace.publish(vendor, breaking)
    assert failures(dossier) == {4: {"version_bump_too_small"}}
    assert dossier.evidence[3].facts["compared_with"] == "1.0.0"
    assert dossier.evidence[3].facts["least"] == "2.0.0"


async def test_a_version_that_differs_in_build_metadata_only_is_refused_in_phase_4(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    dossier = await marketplace.publish(vendor, offer.at("1.0.0+build.2"))
    assert failures(dossier) == {4: {"version_precedence_equal"}}


async def test_a_patch_for_an_older_version_leaves_the_newer_one_in_front(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    await marketplace.publish(vendor, offer.at("2.0.0"))
    patch = offer.at("1.0.1")
    patch.manifest["plans"] = patch.manifest["plans"][:1]
    dossier = await marketplace.publish(vendor, patch)
    assert dossier.evidence[3].facts["compared_with"] == "1.0.0"
    async with marketplace.database.transaction() as session:
        listing = await Catalogue(session).get_listing("acme", "greeter")
    assert [release.version for release in listing.releases] == ["2.0.0", "1.0.1", "1.0.0"]
    assert listing.latest.version == "2.0.0"
    assert len(listing.plans) == 2


async def test_a_canary_that_could_not_begin_as_one_is_refused_and_one_beside_nothing_is_told(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    def tried(version: str) -> Offer:
        new = offer.at(version)
        new.manifest["canary"] = {"percent": 5}
        return new

    def told(dossier: Dossier) -> set[str]:
        return {finding["code"] for finding in dossier.evidence[3].findings if finding["where"] == "canary"}

    vendor = await people.join("acme")
    first = await marketplace.publish(vendor, tried("1.0.0"))
    assert (first.submission.state, told(first)) == ("released", {"canary_without_effect"})
    await marketplace.publish(vendor, offer.at("2.0.0"))
    patch = await marketplace.publish(vendor, tried("1.0.1"))
    assert (patch.submission.state, failures(patch)) == ("refused", {4: {"canary_not_newest"}})
    early = await marketplace.publish(vendor, tried("3.0.0-rc.1"))
    assert (early.submission.state, told(early)) == ("released", {"canary_without_effect"})
    newest = await marketplace.publish(vendor, tried("2.1.0"))
    assert (newest.submission.state, told(newest)) == ("released", set())
    async with marketplace.database.transaction() as session:
        service = await Catalogue(session).find_service("acme", "greeter")
        assert service is not None
        (route,) = await Catalogue(session).routes([service.id])
    assert route.canary is not None
    assert route.canary.version == "2.1.0"


async def test_another_protocol_is_another_service(marketplace: Marketplace, offer: Offer, people: People) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    other = offer.at("2.0.0")
    other.manifest |= {"protocol": "anthropic", "task": "chat"}
    dossier = await marketplace.publish(vendor, other)
    assert failures(dossier) == {4: {"protocol_changed"}}


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [({"status": 500}, "probe_undocumented"), ({"status": 302}, "probe_redirect")],
)
async def test_an_endpoint_that_breaks_its_contract_is_refused_in_phase_6(
    marketplace: Marketplace,
    offer: Offer,
    people: People,
    vendor_service: VendorService,
    behaviour: dict[str, int],
    code: str,
) -> None:
    for name, value in behaviour.items():
        setattr(vendor_service, name, value)
    dossier = await marketplace.publish(await people.join("acme"), offer)
    assert failures(dossier) == {6: {code}}


@pytest.mark.slow
async def test_a_model_that_loads_at_its_first_call_is_released_within_the_time_of_its_manifest(
    marketplace: Marketplace, offer: Offer, people: People, vendor_service: VendorService
) -> None:
    offer.manifest["endpoint"]["timeout_seconds"] = 30
    vendor_service.seconds = 12.0
    vendor = await people.join("acme")
    submission = await marketplace.submit(vendor, offer)
    await until(lambda: vendor_service.calls == 1, what="the first call")
    vendor_service.seconds = 0.0
    dossier = await marketplace.follow(vendor, submission.id, "released", "refused", seconds=SECONDS)
    assert (dossier.submission.state, failures(dossier)) == ("released", {})


@pytest.mark.parametrize("place", ["field", "comment", "operation"])
async def test_a_secret_is_refused_in_phase_5_and_kept_nowhere(
    marketplace: Marketplace, offer: Offer, people: People, place: str
) -> None:
    secret = "AKIA" + "QWERTZUIOPASDFGH"
    if place == "field":
        offer.manifest["description"] = f"Use {secret} to call it."
    if place == "operation":
        assert offer.document is not None
        offer.document["paths"]["/greeting"]["get"]["summary"] = f"Send {secret}"
    raw = as_yaml(offer, "greet")
    if place == "comment":
        raw.manifest_text += f"# {secret}\n"
    dossier = await marketplace.publish(await people.join("acme"), raw)
    assert failures(dossier) == {5: {"secret_found"}}
    async with marketplace.database.transaction() as session:
        for table in ("submissions", "evidence", "outbox_events"):
            kept = await session.scalars(text(f"SELECT to_jsonb(t)::text FROM {table} t"))
            assert secret not in "".join(kept)


async def test_an_endpoint_that_is_not_there_is_refused_in_phase_6(
    marketplace: Marketplace, offer: Offer, people: People, unused_port: int
) -> None:
    offer.manifest["endpoint"]["url"] = f"http://127.0.0.1:{unused_port}"
    dossier = await marketplace.publish(await people.join("acme"), offer)
    assert failures(dossier) == {6: {"probe_unreachable"}}


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://0x7f000001/", "http://127.0.0.1:5432"])
async def test_an_address_that_must_not_be_called_is_refused_in_phase_6(
    marketplace: Marketplace, offer: Offer, people: People, url: str
) -> None:
    offer.manifest["endpoint"]["url"] = url
    dossier = await marketplace.publish(await people.join("acme"), offer)
    assert list(failures(dossier)) == [6]


async def test_a_vendor_suspended_before_it_is_decided_releases_nothing(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    async with marketplace.database.transaction() as session:
        await session.execute(
            text("UPDATE organisations SET suspended_at = now() WHERE id = :id"), {"id": vendor.organisation_id}
        )
    dossier = await marketplace.publish(vendor, offer)
    assert {code for codes in failures(dossier).values() for code in codes} == {"policy_forbidden"}
    assert await rows(marketplace, Release) == 0


async def test_whatever_is_refused_leaves_nothing_half_released(
    marketplace: Marketplace, offer: Offer, people: People, vendor_service: VendorService
) -> None:
    vendor_service.status = 500
    await marketplace.publish(await people.join("acme"), offer)
    for table in (Service, Release, Deployment, Plan):
        assert await rows(marketplace, table) == 0


async def test_evidence_with_strange_characters_is_kept(marketplace: Marketplace, offer: Offer, people: People) -> None:
    # Spelled as an escape of YAML, it reaches the check's message.
    dossier = await marketplace.publish(await people.join("acme"), as_yaml(offer, "a\\u2028b"))
    assert dossier.submission.state in ("refused", "released")


def as_yaml(offer: Offer, name: str) -> Texts:
    """The offer with its document as YAML and the operation named by `name`."""
    assert offer.document_text is not None
    return Texts(
        offer.manifest_text.replace("openapi.json", "openapi.yaml"),
        offer.document_text.replace('"greet"', f'"{name}"'),
    )


async def test_unchanged_plans_stay_and_changed_ones_are_new_rows(
    marketplace: Marketplace, offer: Offer, people: People, clock: TestClock
) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    changed = offer.at("1.1.0")
    changed.manifest["plans"][1]["price"]["per_call"] = "0.002"
    changed.manifest["plans"].append({"name": "pro", "price": {"monthly": "9", "per_call": "0.001"}})
    await marketplace.publish(vendor, changed)
    gone = changed.at("1.2.0")
    del gone.manifest["plans"][0]
    await marketplace.publish(vendor, gone)
    async with marketplace.database.transaction() as session:
        catalogue = Catalogue(session)
        service = await catalogue.find_service("acme", "greeter")
        assert service is not None
        plans = (await catalogue.plans_of([service.id]))[service.id]
        open_names = sorted(plan.name for plan in await catalogue.open_plans(service.id))
        (route,) = await catalogue.routes([service.id])
    assert sorted((plan.name, plan.per_call_nanos, plan.retired_at is None) for plan in plans) == [
        ("free", 0, False),
        ("per-call", 1_000_000, False),
        ("per-call", 2_000_000, True),
        ("pro", 1_000_000, True),
    ]
    assert open_names == ["per-call", "pro"]
    assert len(route.plans) == 4


async def test_the_words_of_a_service_are_those_of_its_latest_release(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    newer = offer.at("1.1.0")
    newer.manifest["title"] = "Warmer greetings"
    await marketplace.publish(vendor, newer)
    candidate = offer.at("2.0.0-rc.1")
    candidate.manifest["title"] = "Greetings to come"
    await marketplace.publish(vendor, candidate)
    async with marketplace.database.transaction() as session:
        listing = await Catalogue(session).get_listing("acme", "greeter")
    assert (listing.service.latest_version, listing.service.title) == ("1.1.0", "Warmer greetings")
    assert [release.version for release in listing.releases] == ["2.0.0-rc.1", "1.1.0", "1.0.0"]


async def test_two_versions_at_once_end_in_one_order(marketplace: Marketplace, offer: Offer, people: People) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    ended = await asyncio.gather(
        *(marketplace.publish(vendor, offer.at(version)) for version in ("1.1.0", "1.2.0", "1.3.0"))
    )
    states = {dossier.submission.version: dossier.submission.state for dossier in ended}
    assert "released" in states.values()
    for dossier in ended:
        if dossier.submission.state == "refused":
            assert failures(dossier) == {10: {"release_overtaken"}}
    async with marketplace.database.transaction() as session:
        listing = await Catalogue(session).get_listing("acme", "greeter")
    released = {version for version, state in states.items() if state == "released"} | {"1.0.0"}
    assert {release.version for release in listing.releases} == released


async def test_the_database_itself_keeps_releases_and_terms(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    await marketplace.publish(await people.join("acme"), offer)
    for statement in (
        "UPDATE releases SET version = '9.9.9'",
        "UPDATE releases SET manifest = '{}'",
        "UPDATE releases SET document = ''",
        "UPDATE plans SET title = 'other'",
        "UPDATE plans SET per_call_nanos = 0",
    ):
        with pytest.raises(IntegrityError, match="immutable"):
            async with marketplace.database.transaction() as session:
                await session.execute(text(statement))
