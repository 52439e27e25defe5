"""What of the catalogue a registry outside is shown, and what it is not."""

from datetime import timedelta
from typing import Any

import pytest

from mercato.platform import Database
from mercato.publishing import Canaries, Lifecycle, Release, Service
from mercato.registry import ModelReader, RegisteredModel
from mercato.training.models import Artifact, Run
from tests.conftest import People
from tests.support.market import Market, market

__all__ = ["market"]

URL = "https://market.example"


async def read(database: Database, service: Service) -> RegisteredModel | None:
    (found,) = await ModelReader(database, URL).read([service.id])
    return found.model


async def released(market: Market, service: Service, version: str, **more: Any) -> Release:
    """A second after what was there, so that it comes after it."""
    market.clock.advance(timedelta(seconds=1))
    return await market.add_release(service, version, **more)


async def registered(database: Database, service: Service) -> RegisteredModel:
    model = await read(database, service)
    assert model is not None
    return model


async def trained(market: Market, organisation_id: str, state: str = "succeeded") -> str:
    """A run that ended like this, with one artifact."""
    now = market.clock.now()
    run = Run(
        id=market.ids.new("trn"), organisation_id=organisation_id, created_by="usr", spec={}, provider="local",
        code_sha256="c" * 64, data_sha256="d" * 64, data_key=None, environment={}, state=state, why="", handle=None,
        launching_at=None, stop_asked_at=None, seconds=60, nanos_per_hour=0, milliseconds=1, cost_nanos=0, log_bytes=0,
        metrics={}, exit_code=0, created_at=now, started_at=now, ended_at=now, deadline_at=now,
    )  # fmt: skip
    async with market.database.transaction() as session:
        session.add(run)
        await session.flush()
        session.add(Artifact(run_id=run.id, name="model.txt", kind="lightgbm", bytes=1, sha256="a" * 64, key="k"))
    return run.id


async def test_a_service_is_a_model_and_its_releases_are_versions(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    second = await released(market, service, "1.1.0", document="openapi: 3.1.0")
    model = await registered(market.database, service)
    assert (model.key, model.name) == (service.id, "acme/embedder")
    assert model.tags["organisation"] == "acme"
    assert model.tags["organisation_id"] == vendor.organisation_id
    assert model.tags["url"] == f"{URL}/services/acme/embedder"
    assert [version.version for version in model.versions] == ["1.0.0", "1.1.0"]
    assert model.aliases == {"champion": second.id}
    assert model.versions[1].tags["document_digest"] == f"sha256:{second.document_digest}"


async def test_the_champion_is_what_calls_reach_and_the_canary_is_on_trial(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    first = (await registered(market.database, service)).aliases["champion"]
    trial = await released(market, service, "1.1.0", canary={"percent": 10})
    assert (await registered(market.database, service)).aliases == {"champion": first, "canary": trial.id}
    async with market.database.transaction() as session:
        canaries = Canaries(session, market.clock, market.ids, market.outbox)
        found = await canaries.take_running(service.id)
        assert found is not None
        await canaries.end(found[1], "promoted", reason="It is good.", by="rule", figures={})
    assert (await registered(market.database, service)).aliases == {"champion": trial.id}


async def test_a_yanked_release_has_no_alias_and_says_why(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    async with market.database.transaction() as session:
        lifecycle = Lifecycle(session, market.clock, market.outbox)
        await lifecycle.retire_release(vendor, "acme", "embedder", "1.0.0", "yanked", "it was wrong")
    model = await registered(market.database, service)
    assert model.aliases == {}
    assert model.versions[0].tags["status"] == "yanked"
    assert model.versions[0].tags["status_reason"] == "it was wrong"


async def test_a_withdrawn_service_stays_as_a_record_without_aliases(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    async with market.database.transaction() as session:
        await Lifecycle(session, market.clock, market.outbox).withdraw(vendor, "acme", "embedder")
    model = await registered(market.database, service)
    assert model.tags["status"] == "withdrawn"
    assert model.aliases == {}
    assert len(model.versions) == 1


async def test_a_private_service_is_not_shown_at_all(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    await released(market, service, "1.1.0", visibility="private", visible_to=["beta"])
    assert await read(market.database, service) is None


async def test_lineage_names_the_vendors_own_run_and_what_it_left(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    run = await trained(market, vendor.organisation_id)
    lineage = {"training_run": run, "parents": ["acme/base@1.0.0", "hf:minilm"]}
    await released(market, service, "1.1.0", lineage=lineage)
    tags = (await registered(market.database, service)).versions[1].tags
    assert tags["training_run"] == run
    assert tags["training_code"] == f"sha256:{'c' * 64}"
    assert tags["training_data"] == f"sha256:{'d' * 64}"
    assert tags["training_artifacts"] == f'{{"model.txt": "{"a" * 64}"}}'
    assert tags["parents"] == "acme/base@1.0.0 hf:minilm"


@pytest.mark.parametrize("whose", ["another's", "failed", "unknown"])
async def test_lineage_mentions_no_run_that_is_not_the_vendors_or_did_not_succeed(
    market: Market, people: People, whose: str
) -> None:
    vendor, other = await people.join("acme"), await people.join("beta")
    service, _ = await market.list_service(vendor)
    run = f"trn_{'0' * 32}"
    if whose != "unknown":
        owner = other if whose == "another's" else vendor
        run = await trained(market, owner.organisation_id, "failed" if whose == "failed" else "succeeded")
    await released(market, service, "1.1.0", lineage={"training_run": run})
    tags = (await registered(market.database, service)).versions[1].tags
    assert run not in str(tags)


async def test_long_texts_fit(market: Market, people: People) -> None:
    vendor = await people.join("acme")
    service, _ = await market.list_service(vendor)
    await released(market, service, "1.1.0", description="🦀" * 20_000, title="🙂" * 80)
    model = await registered(market.database, service)
    assert len(model.description) == 5_000
    assert model.description.endswith("🦀…")
