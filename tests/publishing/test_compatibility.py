"""Phase 4 lets no release pass as compatible that was not compared, and phase 3 publishes what a document means."""

from typing import Any

from mercato.publishing import Catalogue
from tests.conftest import People
from tests.publishing.conftest import Marketplace, Offer, Texts
from tests.publishing.test_pipeline import failures

ECHO: dict[str, Any] = {"summary": "Echo", "responses": {"200": {"description": "ok"}}}


async def test_an_operation_beside_the_reference_of_its_path_is_released_and_missed_when_it_goes(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    assert offer.document is not None
    offer.document["components"]["pathItems"] = {"Greeting": offer.document["paths"]["/greeting"]}
    offer.document["paths"]["/greeting"] = {"$ref": "#/components/pathItems/Greeting", "post": ECHO}
    await marketplace.publish(vendor, offer)
    async with marketplace.database.transaction() as session:
        (route,) = await Catalogue(session).routes()
    released = {(operation.method, operation.path) for operation in route.releases[0].operations}
    assert released == {("GET", "/greeting"), ("POST", "/greeting")}
    without = offer.at("1.0.1")
    assert without.document is not None
    del without.document["paths"]["/greeting"]["post"]
    assert failures(await marketplace.publish(vendor, without)) == {4: {"version_bump_too_small"}}


async def test_a_change_that_is_not_understood_is_no_patch(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    await marketplace.publish(vendor, offer)
    strange = offer.at("1.0.1")
    assert strange.document is not None
    responses = strange.document["paths"]["/greeting"]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    schema["properties"]["word"]["dialect"] = "Bavarian"
    dossier = await marketplace.publish(vendor, strange)
    assert failures(dossier) == {4: {"version_bump_too_small"}}
    evidence = dossier.evidence[3]
    assert "change_not_understood" in {finding["code"] for finding in evidence.findings}
    assert (evidence.facts["breaking"], evidence.facts["complete"], evidence.facts["bump"]) == (True, True, "major")


async def test_the_manifest_may_not_take_paths_or_the_task_from_callers_with_a_patch(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    offer.manifest["paths"] = "any"
    await marketplace.publish(vendor, offer)
    for change in ({"paths": "published"}, {"task": "forecasting"}):
        narrower = offer.at("1.0.1")
        narrower.manifest |= change
        dossier = await marketplace.publish(vendor, narrower)
        assert 4 in failures(dossier), (change, failures(dossier))


async def test_a_release_is_compared_with_a_document_whatever_its_spelling(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    """YAML that begins with a brace is not JSON, and was published under a name that says so."""
    vendor = await people.join("acme")
    offer.manifest["openapi"] = "openapi.yaml"
    text = (
        '{openapi: "3.1.0", info: {title: A, version: "1.0.0"}, security: [], paths: {/greeting: {get: &g {summary: A,'
    )
    text += " responses: {default: {description: ok}}}, head: *g}}}"
    await marketplace.publish(vendor, Texts(offer.manifest_text, text))
    later = Texts(offer.at("1.0.1").manifest_text, text.replace(", head: *g", "").replace('"1.0.0"', '"1.0.1"'))
    assert failures(await marketplace.publish(vendor, later)) == {4: {"version_bump_too_small"}}


async def test_a_base_path_that_calls_do_not_go_to_is_named(
    marketplace: Marketplace, offer: Offer, people: People
) -> None:
    vendor = await people.join("acme")
    assert offer.document is not None
    offer.document["servers"] = [{"url": "/api/v2"}]
    dossier = await marketplace.publish(vendor, offer)
    evidence = dossier.evidence[2]
    assert evidence.outcome == "warned"
    assert "openapi_server_base_differs" in {finding["code"] for finding in evidence.findings}
