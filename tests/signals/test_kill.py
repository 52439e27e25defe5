"""Kill switches: what they cover, who may throw them, and the record that cannot be altered unseen."""

import asyncio
import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from mercato.deployments import Heartbeats
from mercato.platform import OutboxFeed, Refusal
from mercato.publishing import Catalogue, DeploymentHolds
from mercato.signals import DeskEvent, DeskRecord, KillKeeper, KillSwitch, KillSwitches
from mercato.signals.triggers import TriggerSpec, drawdown, stability_index
from mercato_contracts.deployments import Heartbeat
from mercato_contracts.record import RecordHead, record_head_bytes
from tests.signals.conftest import Desk


async def _held(desk: Desk, *deployments: str) -> list[bool]:
    async with desk.database.transaction() as session:
        holds = await DeploymentHolds(session, desk.clock, desk.outbox).holds_on(deployments)
        return [deployment in holds for deployment in deployments]


async def _lift(desk: Desk, switch_id: str) -> None:
    operator = await desk.market.operator()
    async with desk.database.transaction() as session:
        await KillSwitches(session, desk.clock, desk.ids, desk.outbox).lift(operator, switch_id, "it is sound again")


class TestSwitches:
    async def test_each_scope_holds_what_it_says_and_lifting_gives_it_back(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        two, three = await desk.writer("acme-two", vendor=one.caller), await desk.writer("zeta")
        every = (one.deployment, two.deployment, three.deployment)
        for scope, target, expected in (
            ("deployment", one.deployment, [True, False, False]),
            ("vendor", "acme", [True, True, False]),
            ("all", "*", [True, True, True]),
        ):
            switch = await desk.throw(scope, target)
            assert await _held(desk, *every) == expected
            await _lift(desk, switch)
            assert await _held(desk, *every) == [False] * 3

    async def test_gateways_are_told_weight_zero_and_the_news_is_in_the_same_transaction(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        await desk.throw("vendor", "acme")
        async with desk.database.transaction() as session:
            (route,) = await Catalogue(session).routes()
            news = await session.scalar(
                text("SELECT payload FROM outbox_events WHERE topic = 'deployment.hold_changed'")
            )
            (switch,) = await session.scalars(select(KillSwitch))
        assert [d.weight for release in route.releases for d in release.deployments] == [0]
        assert news["deployment_id"] == one.deployment
        assert (news["holder"], news["by"]) == (f"kill-switch:{switch.id}", switch.by)

    async def test_two_switches_over_one_deployment_are_two_holds(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        vendor, everything = await desk.throw("vendor", "acme"), await desk.throw("all")
        await _lift(desk, vendor)
        assert await _held(desk, one.deployment) == [True]
        await _lift(desk, everything)
        assert await _held(desk, one.deployment) == [False]

    async def test_thrown_by_many_at_once_it_is_one_switch(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        await desk.market.operator()
        ids = await asyncio.gather(*(desk.throw("deployment", one.deployment) for _ in range(8)))
        assert len(set(ids)) == 1

    async def test_what_is_released_under_a_thrown_switch_is_held_from_the_start(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        await desk.throw("vendor", "acme")
        two = await desk.writer("acme-two", vendor=one.caller)
        async with desk.database.transaction() as session:
            service = await Catalogue(session).find_service_of(two.deployment)
            assert service is not None
            assert await KillSwitches(session, desk.clock, desk.ids, desk.outbox).cover([service.id]) == 1
        assert await _held(desk, two.deployment) == [True]

    async def test_only_operators_throw_and_unknown_targets_are_refused(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        async with desk.database.transaction() as session:
            switches = KillSwitches(session, desk.clock, desk.ids, desk.outbox)
            with pytest.raises(Refusal) as refused:
                await switches.throw(one.caller, "all", "*", "because")
            assert refused.value.status == 403
            with pytest.raises(Refusal) as refused:
                await switches.throw(await desk.market.operator(), "deployment", "dep_" + "0" * 32, "because")
            assert refused.value.code == "kill_target_unknown"


class TestWhatIsRecorded:
    async def test_who_threw_and_who_lifted_which_switch_when_and_why(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        switch = await desk.throw("vendor", "acme")
        desk.clock.advance(timedelta(minutes=5))
        assert await desk.throw("vendor", "acme") == switch
        await _lift(desk, switch)
        operator = await desk.market.operator()
        lifted, confirmed, thrown = await _lines(desk, one.caller.organisation_id)
        assert [line.what for line in (thrown, confirmed, lifted)] == ["kill.thrown", "kill.confirmed", "kill.lifted"]
        assert {line.actor for line in (thrown, confirmed, lifted)} == {operator.actor}
        for line, reason in ((thrown, "a test"), (confirmed, "a test"), (lifted, "it is sound again")):
            assert json.loads(line.facts)["switch"] == switch
            assert reason not in line.facts, "what a person wrote is sealed with their key"
            assert await _reasons(desk, [line]) == [reason]
        at = [datetime.fromisoformat(line.at) for line in (thrown, confirmed, lifted)]
        assert at == [desk.clock.now() - timedelta(minutes=5), desk.clock.now(), desk.clock.now()]

    async def test_a_release_that_a_thrown_switch_takes_in(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        switch = await desk.throw("vendor", "acme")
        two = await desk.writer("acme-two", vendor=one.caller)
        async with desk.database.transaction() as session:
            service = await Catalogue(session).find_service_of(two.deployment)
            assert service is not None
            for _ in range(2):
                await KillSwitches(session, desk.clock, desk.ids, desk.outbox).cover([service.id])
        (line,) = await _lines(desk, two.deployment)
        assert (line.actor, line.what, json.loads(line.facts)["switch"]) == ("the desk", "kill.extended", switch)

    async def test_a_missing_heartbeat_and_its_return(self, desk: Desk) -> None:
        one = await desk.writer("acme")
        desk.clock.advance(timedelta(minutes=10))
        async with desk.database.transaction() as session:
            assert await Heartbeats(session, desk.clock, desk.outbox).hold_stale() == 1
        assert await _held(desk, one.deployment) == [True]
        stale_at = desk.clock.now()
        body = json.dumps(
            {"contract": "heartbeat/1", "deployment": one.deployment, "sequence": 1, "sent_at": stale_at.isoformat()}
        ).encode()
        async with desk.database.transaction() as session:
            answer = Heartbeat.model_validate_json(body)
            await Heartbeats(session, desk.clock, desk.outbox).take(one.caller, answer, body, one.sign(body))
        assert await _held(desk, one.deployment) == [False]
        feed = OutboxFeed(desk.database)
        await feed.start(KillKeeper(desk.clock, desk.ids, desk.outbox).subscribers(), [])
        async with asyncio.timeout(60):
            while len(lines := await _lines(desk, one.deployment)) < 2:
                await asyncio.sleep(0.02)
        await feed.close()
        back, missing = lines
        assert (missing.what, json.loads(missing.facts)) == (
            "heartbeat.missing",
            {"reason": "No heartbeat for 180 s, one is due every 60 s.", "since": stale_at.isoformat()},
        )
        assert (back.what, json.loads(back.facts)["reason"]) == (
            "heartbeat.back",
            "A heartbeat came after it was stale.",
        )

    async def test_a_switch_that_is_thrown_and_lifted_by_many_at_once_waits_for_nobody_forever(
        self, desk: Desk
    ) -> None:
        one = await desk.writer("acme")
        await desk.market.operator()

        async def on_and_off() -> None:
            for _ in range(4):
                await _lift(desk, await desk.throw("deployment", one.deployment))

        async with asyncio.timeout(120):
            await asyncio.gather(*(on_and_off() for _ in range(6)))
        assert await _held(desk, one.deployment) == [False]
        async with desk.database.transaction() as session:
            assert await DeskRecord(session, desk.clock).check(desk.log_key) >= 24


async def _lines(desk: Desk, subject: str) -> list[DeskEvent]:
    async with desk.database.transaction() as session:
        return list(await DeskRecord(session, desk.clock).read(subject, 100))


async def _reasons(desk: Desk, lines: list[DeskEvent]) -> list[str]:
    async with desk.database.transaction() as session:
        return await DeskRecord(session, desk.clock).reasons(lines)


async def _seal(desk: Desk) -> RecordHead | None:
    async with desk.database.transaction() as session:
        return await DeskRecord(session, desk.clock).seal(desk.log_key)


class TestRecord:
    async def _write(self, desk: Desk, lines: int) -> None:
        for at in range(lines):
            async with desk.database.transaction() as session:
                await DeskRecord(session, desk.clock).add("usr_1", "test", f"subject-{at}", number=at)

    async def test_the_database_refuses_changes(self, desk: Desk) -> None:
        await self._write(desk, 2)
        with pytest.raises(DBAPIError, match="only ever added to"):
            async with desk.database.transaction() as session:
                await session.execute(text("UPDATE desk_events SET actor = 'nobody'"))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE desk_events SET actor = 'nobody' WHERE number = 2",
            "UPDATE desk_events SET facts = '{}' WHERE number = 0",
            "DELETE FROM desk_events WHERE number = 3",
            "UPDATE desk_events SET digest = repeat('0', 64) WHERE number = 4",
        ],
    )
    async def test_what_was_altered_all_the_same_is_found(self, desk: Desk, statement: str) -> None:
        await self._write(desk, 6)
        async with desk.database.transaction() as session:
            assert await DeskRecord(session, desk.clock).check(desk.log_key) == 6
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text(statement))
        with pytest.raises(Refusal) as refused:
            async with desk.database.transaction() as session:
                await DeskRecord(session, desk.clock).check(desk.log_key)
        assert refused.value.code == "desk_record_damaged"

    async def test_lines_written_at_once_make_one_chain(self, desk: Desk) -> None:
        async def add(at: int) -> None:
            async with desk.database.transaction() as session:
                await DeskRecord(session, desk.clock).add("usr_1", "test", "subject", number=at)

        await asyncio.gather(*(add(at) for at in range(12)))
        async with desk.database.transaction() as session:
            assert await DeskRecord(session, desk.clock).check(desk.log_key) == 12

    async def test_it_is_sealed_each_hour_when_lines_came(self, desk: Desk) -> None:
        assert await _seal(desk) is None
        await self._write(desk, 2)
        first = await _seal(desk)
        assert first is not None
        assert first.size == 2
        await self._write(desk, 1)
        assert await _seal(desk) is None
        desk.clock.advance(timedelta(hours=1))
        second = await _seal(desk)
        assert second is not None
        assert second.size == 3
        desk.clock.advance(timedelta(hours=1))
        assert await _seal(desk) is None
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(second.key))
        public.verify(base64.b64decode(second.signature), record_head_bytes(second.size, second.digest, second.at))

    @pytest.mark.parametrize(
        "statements",
        [
            ["DELETE FROM desk_events WHERE number >= 3"],
            ["UPDATE desk_record_heads SET digest = repeat('1', 64)"],
            ["UPDATE desk_record_heads SET at = '2020-01-01T00:00:00.000000Z'"],
            ["UPDATE desk_record_heads SET key = encode(sha256('another'), 'base64')"],
        ],
    )
    async def test_what_was_sealed_and_is_so_no_more_is_found(self, desk: Desk, statements: list[str]) -> None:
        await self._write(desk, 6)
        await _seal(desk)
        async with desk.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await session.execute(text(statement))
        with pytest.raises(Refusal) as refused:
            async with desk.database.transaction() as session:
                await DeskRecord(session, desk.clock).check(desk.log_key)
        assert refused.value.code == "desk_record_damaged"

    async def test_a_chain_that_was_made_anew_contradicts_what_was_sealed(self, desk: Desk) -> None:
        await self._write(desk, 3)
        await _seal(desk)
        async with desk.database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text("DELETE FROM desk_events"))
        await self._write(desk, 2)
        async with desk.database.transaction() as session:
            await DeskRecord(session, desk.clock).add("usr_2", "test", "subject-2", number=2)
        with pytest.raises(Refusal, match="sealed"):
            async with desk.database.transaction() as session:
                await DeskRecord(session, desk.clock).check(desk.log_key)


def _noise(seed: int, size: int, shift: float = 0.0) -> list[float]:
    import numpy as np

    values: list[float] = (np.random.default_rng(seed).standard_normal(size) + shift).tolist()
    return values


class TestTriggers:
    def test_the_same_distribution_hardly_drifts_and_a_shifted_one_does(self) -> None:
        most = TriggerSpec().drift_most
        assert max(stability_index(_noise(seed, 400), _noise(seed + 50, 100)) for seed in range(50)) < most
        assert stability_index(_noise(1, 400), _noise(2, 100, shift=1.0)) > most
        assert stability_index([0.1, 0.2] * 100, [0.1, 0.2] * 100) < most
        assert stability_index([0.3, 0.1 + 0.2] * 100, [0.3] * 200) == 0, "they differ by rounding only"

    def test_an_unskilled_signal_rarely_draws_down_and_a_reversed_one_does(self) -> None:
        spec = TriggerSpec()
        depth = [drawdown(_overlapping(seed), spec.horizon_days) for seed in range(200)]
        assert sum(each > spec.drawdown_most for each in depth) <= 2
        broken: list[Any] = [value - 0.6 for value in _overlapping(1)]
        assert drawdown(broken, spec.horizon_days) > spec.drawdown_most

    @pytest.mark.parametrize("payoff", [-0.1, -0.8, 1 / 3, -1e-300, 0.0])
    def test_a_skill_that_never_varies_has_no_drawdown(self, payoff: float) -> None:
        assert drawdown([payoff] * 250, 5) == 0.0


def _overlapping(seed: int) -> list[float]:
    """Rank ICs of no skill whose five-day horizons overlap."""
    raw = _noise(seed, 304)
    return [0.25 * sum(raw[at : at + 5]) / 5**0.5 for at in range(300)]
