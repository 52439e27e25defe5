"""Submissions that harm the process which checks them: each ends with a reason, and those of others go on."""

import asyncio
import contextlib
import json
import os
import signal

from sqlalchemy import select

from mercato.publishing import Dossier
from mercato.publishing.models import PhaseAttempts
from mercato_checks.confined import ConfinedChecks, Limits
from tests.conftest import People
from tests.publishing.conftest import Marketplace, Offer, OpenWorker, Texts, VendorService, worker_with
from tests.publishing.test_killed_worker import worker
from tests.support.processes import children, server_of_checks


def reason(dossier: Dossier) -> tuple[int, str, str]:
    """Phase, outcome and code of what ended it."""
    last = dossier.evidence[-1]
    return last.phase, last.outcome, last.findings[0]["code"]


async def attempts(marketplace: Marketplace) -> list[PhaseAttempts]:
    async with marketplace.database.transaction() as session:
        return list(await session.scalars(select(PhaseAttempts)))


async def called(service: VendorService, times: int) -> None:
    async with asyncio.timeout(60):
        while service.calls < times:
            await asyncio.sleep(0.02)


async def test_a_document_beyond_the_processor_time_is_refused_with_a_reason_and_others_are_released(
    idle: Marketplace, rules: str, offer: Offer, people: People
) -> None:
    mallory, acme = await people.join("mallory"), await people.join("acme")
    heavy = Offer({**offer.manifest, "openapi": "openapi.yaml"}, offer.document)
    assert heavy.document is not None
    text = json.dumps({**heavy.document, "x-list": [{"a": "b"}] * 400_000})
    second = Limits(cpu_seconds=1, wall_seconds=60)
    async with ConfinedChecks(quick=second, thorough=second) as checks, worker_with(idle, rules, checks):
        hostile = await idle.submit(mallory, Texts(heavy.manifest_text, text.replace('"a"', "a")))
        assert (await idle.publish(acme, offer)).submission.state == "released"
        dossier = await idle.follow(mallory, hostile.id, "refused")
    assert reason(dossier) == (3, "failed", "check_cpu_limit")
    assert await attempts(idle) == []


async def test_a_check_whose_process_is_killed_twice_is_not_tried_a_third_time(
    marketplace: Marketplace, offer: Offer, people: People, vendor_service: VendorService, checks: ConfinedChecks
) -> None:
    vendor_service.seconds = 60.0
    offer.manifest["endpoint"]["timeout_seconds"] = 60
    acme = await people.join("acme")
    submission = await marketplace.submit(acme, offer)
    for times in (1, 2):
        await called(vendor_service, times)
        for child in children(server_of_checks(os.getpid())):
            os.kill(child, signal.SIGKILL)
    dossier = await marketplace.follow(acme, submission.id, "refused")
    assert reason(dossier) == (6, "failed", "check_crashed")
    assert vendor_service.calls == 2
    assert await attempts(marketplace) == []


async def test_a_phase_in_which_the_worker_was_killed_twice_is_not_tried_a_third_time(
    idle: Marketplace, offer: Offer, people: People, vendor_service: VendorService, database_url: str, rules: str
) -> None:
    vendor_service.seconds = 60.0
    offer.manifest["endpoint"]["timeout_seconds"] = 60
    acme = await people.join("acme")
    submission = await idle.submit(acme, offer)
    for times in (1, 2):
        async with worker(database_url, rules) as doomed:
            await called(vendor_service, times)
            doomed.kill()
            await doomed.wait()
        (counted,) = await attempts(idle)
        assert (counted.phase, counted.begun) == (6, times)
    async with worker(database_url, rules):
        dossier = await idle.follow(acme, submission.id, "refused")
    assert reason(dossier) == (6, "failed", "check_abandoned")
    assert vendor_service.calls == 2
    assert await attempts(idle) == []


async def test_workers_that_stop_in_good_order_never_use_up_the_attempts_of_a_phase(
    idle: Marketplace, open_worker: OpenWorker, offer: Offer, people: People, vendor_service: VendorService
) -> None:
    vendor_service.seconds = 0.2
    acme = await people.join("acme")
    submission = await idle.submit(acme, offer)
    for _ in range(3):
        with contextlib.suppress(TimeoutError):
            async with open_worker(), asyncio.timeout(0.5):
                await asyncio.Event().wait()
    async with open_worker():
        assert (await idle.follow(acme, submission.id, "released", "refused")).submission.state == "released"
