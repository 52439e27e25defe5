"""What the desk publishes names a private service's deployment to nobody who does not see it, and stays verifiable."""

from datetime import timedelta
from typing import Any

import pytest

from mercato.datasets import Round
from mercato.identity import Caller
from mercato.publishing import Catalogue, DeploymentHolds
from mercato.signals import DeskWindow
from mercato_contracts.desk import LeaderboardRow, RoundDesk
from mercato_contracts.scores import RoundScores, ScoreInputs, score_round
from tests.signals.conftest import Desk, Writer


class Scene:
    """Two rounds in which a private deployment of zeta takes part beside a public one of zeta and one of acme."""

    acme: Writer
    open: Writer
    private: Writer
    friend: Caller
    stranger: Caller
    rounds: list[Round]

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def play(self) -> None:
        """Settled and resolved."""
        desk = self.desk
        self.acme, self.open = await desk.writer("acme"), await desk.writer("zeta")
        self.private = await desk.writer("zeta-private", vendor=self.open.caller)
        self.friend, self.stranger = [await desk.people.join(name) for name in ("friend", "stranger")]
        async with desk.database.transaction() as session:
            service = await Catalogue(session).find_service_of(self.private.deployment)
            assert service is not None
            service.visibility, service.visible_to = "private", ["friend"]
        self.rounds = []
        for number in (1, 2):
            found = await desk.open()
            for at, writer in enumerate((self.acme, self.open, self.private)):
                await desk.say(writer, found, 0.1 + at / 4, number + 10 * at)
            await desk.settle(found)
            self.rounds.append(found)
        desk.clock.advance(timedelta(days=14))
        for found in self.rounds:
            await desk.room.resolve(found.id)

    async def published(self, at: int) -> tuple[bytes, bytes]:
        """Inputs and scores of a round, as anybody gets them."""
        async with self.desk.database.transaction() as session:
            window, found = self._window(session), self.rounds[at]
            inputs = await window.inputs(self.stranger, found.id)
            return inputs.content, (await window.scores(self.stranger, found.id)).content

    async def shown(self, caller: Caller) -> RoundDesk:
        """The last round's consensus and portfolios."""
        async with self.desk.database.transaction() as session:
            return await self._window(session).desk(caller, self.rounds[-1].id)

    async def board(self) -> dict[str, LeaderboardRow]:
        """Everything."""
        async with self.desk.database.transaction() as session:
            return {row.deployment: row for row in await self._window(session).leaderboard(everything=True)}

    def _window(self, session: Any) -> DeskWindow:
        desk = self.desk
        holds = DeploymentHolds(session, desk.clock, desk.outbox)
        return DeskWindow(session, desk.clock, desk.store, holds, b"n" * 32)


@pytest.fixture
async def scene(desk: Desk) -> Scene:
    """Played."""
    scene = Scene(desk)
    await scene.play()
    return scene


async def test_published_scores_have_it_under_one_other_name_and_anybody_recomputes_them(scene: Scene) -> None:
    names = set()
    for at in range(2):
        inputs, scores = await scene.published(at)
        for content in (inputs, scores):
            assert scene.private.deployment.encode() not in content
            assert content.count(scene.open.deployment.encode()) == content.count(b'"zeta"') == 1
        again = score_round(ScoreInputs.model_validate_json(inputs))
        assert again.model_dump_json().encode() == scores
        known = {scene.acme.deployment, scene.open.deployment}
        (hidden,) = [one for one in again.deployments if one.deployment not in known]
        names.add((hidden.deployment, hidden.vendor))
    assert len(names) == 1
    # What it stands on in the leaderboard is the same figures, under its own name.
    own = (await scene.board())[scene.private.deployment]
    assert own.vendor == "zeta"
    assert own.deflated_sharpe == hidden.deflated_sharpe


async def test_consensus_and_portfolio_name_it_to_those_only_who_see_it(scene: Scene) -> None:
    _, scores = await scene.published(-1)
    published = {one.deployment for one in RoundScores.model_validate_json(scores).deployments}
    strange = await scene.shown(scene.stranger)
    text = strange.model_dump_json()
    assert scene.private.deployment not in text
    assert strange.stand_ins == {}
    weights = strange.consensus[0].consensus.weights
    assert {weight.deployment for weight in weights} == published
    assert [weight.vendor for weight in weights].count("zeta") == 1
    assert {part.deployment for write in strange.portfolios for part in write.attributions} <= published
    # It was best so far, which is shown too.
    assert strange.consensus[0].consensus.best_single in published - {scene.acme.deployment, scene.open.deployment}
    for caller in (scene.friend, scene.private.caller, await scene.desk.market.operator()):
        seen = await scene.shown(caller)
        assert scene.private.deployment in {weight.deployment for weight in seen.consensus[0].consensus.weights}
        assert seen.stand_ins[scene.private.deployment] in published
        assert RoundDesk.model_validate_json(seen.model_dump_json()) == seen


async def test_a_service_that_is_opened_later_is_shown_by_its_name_in_what_is_not_sealed_by_a_checksum(
    scene: Scene,
) -> None:
    before = await scene.published(-1)
    async with scene.desk.database.transaction() as session:
        service = await Catalogue(session).find_service_of(scene.private.deployment)
        assert service is not None
        service.visibility, service.visible_to = "public", []
    assert scene.private.deployment in (await scene.shown(scene.stranger)).model_dump_json()
    assert await scene.published(-1) == before
