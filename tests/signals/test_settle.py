"""A closed round becomes consensus, portfolios and scores that anyone can recompute; once, whatever happens."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from mercato.platform import Refusal
from mercato.publishing import DeploymentHolds
from mercato.signals import DeskDocument, DeskRecord, DeskWindow
from mercato.signals.models import DeploymentRoundScore
from mercato.signals.repository import SignalRepository
from mercato_contracts.consensus import NANO, ConsensusWrite
from mercato_contracts.desk import BacktestRequest
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.scores import RoundScores, ScoreInputs, score_round
from tests.signals.conftest import Desk


async def _documents(desk: Desk, round_id: str, kind: str) -> list[bytes]:
    async with desk.database.transaction() as session:
        query = select(DeskDocument).where(DeskDocument.round_id == round_id, DeskDocument.kind == kind)
        return [row.content for row in await session.scalars(query.order_by(DeskDocument.era))]


async def _two_rounds(desk: Desk) -> tuple[Any, Any, Any]:
    """Two vendors, scored in one round, with weights in the next."""
    acme, zeta = await desk.writer("acme"), await desk.writer("zeta")
    for number in (1, 2):
        found = await desk.open()
        await desk.say(acme, found, 0.5, number)
        await desk.say(zeta, found, 0.1, number + 10)
        await desk.settle(found)
    return acme, zeta, found


class TestRound:
    async def test_scores_are_recomputed_to_the_digit_from_the_published_inputs(self, desk: Desk) -> None:
        _, _, found = await _two_rounds(desk)
        (inputs,), (scores,) = await _documents(desk, found.id, "inputs"), await _documents(desk, found.id, "scores")
        again = score_round(ScoreInputs.model_validate_json(inputs))
        assert again.model_dump_json().encode() == scores
        assert again.inputs == hashlib.sha256(inputs).hexdigest()
        expected = {one.vendor: one.rank_ic for one in again.deployments}
        assert expected["acme"] > expected["zeta"]

    async def test_new_ones_are_in_shadow_and_have_weight_once_they_were_scored(self, desk: Desk) -> None:
        acme, _, found = await _two_rounds(desk)
        first, *_ = await _documents(desk, found.id, "consensus")
        answer = ConsensusWrite.model_validate_json(first).consensus
        assert sum(weight.weight for weight in answer.weights) == NANO
        assert all(weight.weight for weight in answer.weights)
        assert answer.best_single == acme.deployment
        assert 1 <= answer.effective_models <= 2

    async def test_in_a_first_round_nobody_has_a_weight_and_nothing_is_bought(self, desk: Desk) -> None:
        writer, found = await desk.writer("acme"), await desk.open()
        await desk.say(writer, found, 0.5)
        await desk.settle(found)
        consensus = [ConsensusWrite.model_validate_json(one) for one in await _documents(desk, found.id, "consensus")]
        assert {w.reason for expected in consensus for w in expected.consensus.weights} == {"shadow"}
        for one in await _documents(desk, found.id, "portfolio"):
            assert set(OptimizerWrite.model_validate_json(one).portfolio.positions.values()) == {0}

    async def test_parts_sum_to_the_positions_and_limits_hold_from_era_to_era(self, desk: Desk) -> None:
        _, _, found = await _two_rounds(desk)
        before: dict[str, int] = {}
        portfolios = [OptimizerWrite.model_validate_json(one) for one in await _documents(desk, found.id, "portfolio")]
        assert len(portfolios) == 5
        for expected in portfolios:
            positions = expected.portfolio.positions
            assert {part.vendor for part in expected.attributions} == {"acme", "zeta"}
            for name, position in positions.items():
                assert sum(part.positions[name] for part in expected.attributions) == position
            changed = sum(abs(position - before.get(name, 0)) for name, position in positions.items())
            assert changed <= 0.6 * NANO + 10_000
            assert sum(map(abs, positions.values())) <= NANO + 10_000
            before = positions
        assert sum(map(abs, before.values())) > NANO // 2

    async def test_a_step_that_runs_again_changes_nothing(self, desk: Desk) -> None:
        _, _, found = await _two_rounds(desk)
        kinds = ("consensus", "portfolio", "inputs", "scores")
        before = [await _documents(desk, found.id, kind) for kind in kinds]
        desk.clock.advance(timedelta(minutes=1))
        await desk.settling.agree(found.id)
        await desk.settling.invest(found.id, found.first_era)
        await desk.settling.score(found.id)
        assert [await _documents(desk, found.id, kind) for kind in kinds] == before
        async with desk.database.transaction() as session:
            rows = (await session.scalars(select(DeploymentRoundScore))).all()
            lines = await DeskRecord(session, desk.clock).read(found.id, 10)
        assert len(rows) == 4
        assert [line.what for line in lines] == ["round.scored"]

    async def test_who_did_not_score_every_era_is_silent_and_the_last_write_counts(self, desk: Desk) -> None:
        acme, zeta, found = await desk.writer("acme"), await desk.writer("zeta"), await desk.open()
        await desk.say(acme, found, 0.0, 1)
        last = await desk.say(acme, found, 0.9, 2)
        ids = (await desk.panel_of(found)).names(found.first_era)
        write = desk.write(zeta, found, found.first_era, {one: at / 20 for at, one in enumerate(ids)})
        await desk.take(zeta, json.dumps(write).encode())
        await desk.settle(found)
        (scores,) = await _documents(desk, found.id, "scores")
        answer = RoundScores.model_validate_json(scores)
        assert [one.deployment for one in answer.deployments] == [acme.deployment]
        assert answer.deployments[0].rank_ic > 0.5
        inputs = ScoreInputs.model_validate_json((await _documents(desk, found.id, "inputs"))[0])
        assert [era.place for era in inputs.signals[0].eras] == [receipt.place for receipt in last]
        consensus = ConsensusWrite.model_validate_json((await _documents(desk, found.id, "consensus"))[0])
        assert {w.deployment: w.reason for w in consensus.consensus.weights}[zeta.deployment] == "silent"


class TestWindow:
    async def test_inputs_are_under_embargo_until_the_round_is_resolved(self, desk: Desk) -> None:
        acme, zeta, found = await _two_rounds(desk)

        async def look(caller: Any) -> DeskDocument:
            async with desk.database.transaction() as session:
                holds = DeploymentHolds(session, desk.clock, desk.outbox)
                return await DeskWindow(session, desk.clock, desk.store, holds, b"n" * 32).inputs(caller, found.id)

        with pytest.raises(Refusal) as refused:
            await look(zeta.caller)
        assert refused.value.code == "score_inputs_under_embargo"
        assert (await look(await desk.market.operator())).kind == "inputs"
        desk.clock.advance(timedelta(days=7))
        await desk.room.resolve(found.id)
        assert ScoreInputs.model_validate_json((await look(acme.caller)).content).number == 2

    async def test_the_leaderboard_and_the_claim_against_what_happened(self, desk: Desk) -> None:
        acme, zeta, _ = await _two_rounds(desk)
        async with desk.database.transaction() as session:
            holds = DeploymentHolds(session, desk.clock, desk.outbox)
            window = DeskWindow(session, desk.clock, desk.store, holds, b"n" * 32)
            rows = await window.leaderboard()
            claim = BacktestRequest(eras=500, mean_ic=0.03, deviation=0.25, source="mine")
            early = await window.claim(acme.caller, acme.deployment, claim)
            with pytest.raises(Refusal):
                await window.claim(acme.caller, zeta.deployment, claim)
        assert rows[0].rank == 1
        assert rows[0].deployment == acme.deployment
        assert rows[0].rounds == 2
        assert rows[0].eras == 10
        # Of two rounds, half their difference: each lies this far from the mean.
        async with desk.database.transaction() as session:
            scored = await SignalRepository(session).all_scores()
        first, last = [row.figures["contribution"] for row in scored if row.deployment_id == acme.deployment]
        assert rows[0].contribution_error == pytest.approx(abs(first - last) / 2, abs=1e-9)
        assert (early.verdict, early.live_eras) == ("too-early", 10)


class TestKill:
    async def test_what_is_switched_off_has_no_weight_in_the_next_consensus(self, desk: Desk) -> None:
        acme, _, _ = await _two_rounds(desk)
        found = await desk.open()
        await desk.throw("vendor", "zeta")
        await desk.say(acme, found, 0.5, 3)
        await desk.settle(found)
        answer = ConsensusWrite.model_validate_json((await _documents(desk, found.id, "consensus"))[0])
        assert [w.weight for w in answer.consensus.weights] == [NANO]

    async def test_a_held_one_that_writes_is_told_held(self, desk: Desk) -> None:
        acme, zeta, _ = await _two_rounds(desk)
        await desk.throw("deployment", zeta.deployment)
        found = await desk.open()
        await desk.say(acme, found, 0.5, 3)
        await desk.say(zeta, found, 0.9, 4)
        await desk.settle(found)
        answer = ConsensusWrite.model_validate_json((await _documents(desk, found.id, "consensus"))[0])
        assert {w.deployment: (w.weight, w.reason) for w in answer.consensus.weights}[zeta.deployment] == (0, "held")

    async def test_all_switched_off_sells_everything_whatever_the_turnover(self, desk: Desk) -> None:
        acme, zeta, _ = await _two_rounds(desk)
        await desk.throw("all")
        found = await desk.open()
        await desk.say(acme, found, 0.5, 3)
        await desk.say(zeta, found, 0.5, 4)
        await desk.settle(found)
        first, *_ = await _documents(desk, found.id, "portfolio")
        assert set(OptimizerWrite.model_validate_json(first).portfolio.positions.values()) == {0}

    async def test_a_constant_signal_switches_itself_off_and_the_record_says_so(self, desk: Desk) -> None:
        writer, found = await desk.writer("acme"), await desk.open()
        panel = await desk.panel_of(found)
        for era in range(found.first_era, found.last_era + 1):
            write = desk.write(writer, found, era, dict.fromkeys(panel.names(era), 0.3))
            await desk.take(writer, json.dumps(write).encode())
        await desk.settle(found)
        async with desk.database.transaction() as session:
            holds = await DeploymentHolds(session, desk.clock, desk.outbox).holds_on([writer.deployment])
            record = DeskRecord(session, desk.clock)
            lines = await record.read(writer.deployment, 10)
            assert await record.check(desk.log_key) == 2
        assert "same score" in holds[writer.deployment][0].reason
        assert (lines[0].what, json.loads(lines[0].facts)["origin"]) == ("kill.thrown", "constant")
