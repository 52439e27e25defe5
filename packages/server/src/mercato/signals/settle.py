"""Settles a closed round in durable steps: consensus, portfolios, scores, triggers."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from pydantic import BaseModel

from mercato.datasets import Panels, Round, RoundClosed, RoundLookup, Rounds
from mercato.platform import (
    Clock,
    Database,
    Ids,
    Json,
    ObjectStore,
    Outbox,
    OutsideSubscriber,
    Session,
    Steps,
    Workflow,
    Workflows,
    start_on,
)  # fmt: skip
from mercato.publishing import Catalogue, RunningDeployments
from mercato.signals.assemble import Mandate, build_consensus, build_inputs, build_portfolio
from mercato.signals.book import RoundBook, Voice
from mercato.signals.kill import BY_ITSELF, KillSwitches
from mercato.signals.models import DeploymentRoundScore, DeskDocument, SignalEntry
from mercato.signals.optimize import OptimizerSpec
from mercato.signals.private_names import PrivateNames
from mercato.signals.record import DeskRecord
from mercato.signals.repository import SignalRepository
from mercato.signals.triggers import TriggerSpec, fired
from mercato.signals.weights import WeightSpec
from mercato_contracts.consensus import ConsensusWeight, ConsensusWrite
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.scores import DeploymentScore, RoundScores, ScoreInputs, ScoringSpec, score_round

log = structlog.get_logger(__name__)

WORKFLOW = "settle-round"


@dataclass(frozen=True, slots=True)
class _Result:
    """The computed result of a round, not written yet. `of`: the score of each deployment that was scored, in the
    order of `scores`. `thrown`: deployment, trigger and reason of each switch."""

    inputs: ScoreInputs
    scores: RoundScores
    of: Sequence[tuple[Voice, DeploymentScore]]
    thrown: Sequence[tuple[str, str, str]]


class RoundSettling:
    """Settles closed rounds.

    Each step is idempotent: published results stay unchanged. A step reads in one transaction, computes outside, and
    writes in another: a transaction that has written holds back all news. `names_key` (secret) makes the names of
    stocks, and those that stand for private deployments, in published scores and their inputs.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        outbox: Outbox,
        store: ObjectStore,
        names_key: bytes,
        mandate: Mandate = Mandate(),
        score_round: Callable[[ScoreInputs], RoundScores] = score_round,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._store = store
        self._names_key = names_key
        self._mandate = mandate
        self._score_round = score_round

    def workflow(self) -> Workflow:
        """Durable, over a round's id."""
        return Workflow(WORKFLOW, self._run, {"consensus": self.agree, "portfolio": self.invest, "scores": self.score})

    async def _run(self, steps: Steps, round_id: str) -> None:
        for era in await steps.run("consensus"):
            await steps.run("portfolio", era)
        await steps.run("scores")

    async def agree(self, round_id: str) -> Json:
        """The consensus of each era; returns the eras."""
        async with self._database.transaction() as session:
            found, voices = await self._read(session, round_id)
            held = await self._switches(session).held([voice.deployment.id for voice in voices])
        book = await self._open(found, voices)
        consensus = await asyncio.to_thread(build_consensus, book, held, WeightSpec())
        async with self._database.transaction() as session:
            for each in consensus:
                await self._publish(session, round_id, "consensus", each.consensus.era, each)
        return list(book.eras)

    async def invest(self, round_id: str, era: int) -> Json:
        """The portfolio of one era, from the positions of the era before."""
        async with self._database.transaction() as session:
            found, voices = await self._read(session, round_id)
            rows = SignalRepository(session)
            kept = await rows.find_document(round_id, "consensus", era)
            assert kept is not None
            before = await rows.newest_portfolio(await RoundLookup(session).ids_of(found.dataset_id), era)
        held = OptimizerWrite.model_validate_json(before.content).portfolio.positions if before else {}
        book = await self._open(found, voices)
        consensus = ConsensusWrite.model_validate_json(kept.content)
        portfolio = await asyncio.to_thread(build_portfolio, book, consensus, held, self._mandate, OptimizerSpec())
        async with self._database.transaction() as session:
            await self._publish(session, round_id, "portfolio", era, portfolio)
        return era

    async def score(self, round_id: str) -> Json:
        """The scores, the switches that they throw, and the round's next state; returns the checksum of the scores."""
        async with self._database.transaction() as session:
            found, voices = await self._read(session, round_id)
            if found.scores_sha256 is not None:
                return found.scores_sha256
            rows = SignalRepository(session)
            kept = await rows.find_document(round_id, "consensus", found.first_era)
            assert kept is not None
            vendors = {voice.deployment.vendor_id for voice in voices}
            private = await Catalogue(session).unseen_deployments([voice.deployment.id for voice in voices])
            trials = await RunningDeployments(session).count_submissions(vendors, found.closes_at)
            earlier = {
                voice.deployment.id: await rows.scores_written_before(voice.deployment.id, round_id) for voice in voices
            }
        book = await self._open(found, voices)
        weights = ConsensusWrite.model_validate_json(kept.content).consensus.weights
        names = PrivateNames(self._names_key, private)
        result = await asyncio.to_thread(self._compute, book, weights, trials, earlier, names)
        async with self._database.transaction() as session:
            rounds = Rounds(session, self._clock, self._outbox)
            # Lock before checking: a second run of this step finds either nothing or everything of the first.
            settled = await rounds.lock(round_id)
            if settled.scores_sha256 is not None:
                return settled.scores_sha256
            await self._publish(session, round_id, "inputs", 0, result.inputs)
            document = await self._publish(session, round_id, "scores", 0, result.scores)
            await self._keep(session, book, result)
            await rounds.mark_scored(round_id, document.sha256, by=BY_ITSELF)
        log.info("a round is scored", round=round_id, deployments=len(result.scores.deployments))
        return document.sha256

    def _compute(
        self,
        book: RoundBook,
        weights: Sequence[ConsensusWeight],
        trials: Mapping[str, int],
        earlier: Mapping[str, Sequence[float]],
        names: PrivateNames,
    ) -> _Result:
        spec = ScoringSpec(horizon_days=book.round.horizon_days)
        by_deployment = {weight.deployment: weight.weight for weight in weights}
        inputs = build_inputs(book, by_deployment, trials, names, spec)
        scores = self._score_round(inputs)
        voices = {names.deployment(voice.deployment.id): voice for voice in book.voices}
        scored = [(voices[score.deployment], score) for score in scores.deployments]
        thrown = []
        for voice, score in scored:
            history = [*voice.skill, *(era.rank_ic for era in score.eras)]
            now = book.scores_of(voice).ravel().tolist()
            spec_of_triggers = TriggerSpec(horizon_days=book.round.horizon_days)
            for trigger, reason in fired(score, history, now, earlier[voice.deployment.id], spec_of_triggers):
                thrown.append((voice.deployment.id, trigger, reason))
        return _Result(inputs, scores, scored, thrown)

    async def _keep(self, session: Session, book: RoundBook, result: _Result) -> None:
        rows, switches = SignalRepository(session), self._switches(session)
        for voice, score in result.of:
            owned = voice.deployment
            # Under its own name: these rows are for those who see it.
            figures = score.model_copy(update={"deployment": owned.id, "vendor": owned.vendor})
            await rows.put_score(
                DeploymentRoundScore(
                    deployment_id=owned.id, round_id=book.round.id, dataset_id=book.round.dataset_id,
                    number=book.round.number, vendor_id=owned.vendor_id, vendor=owned.vendor,
                    weight=score.weight, figures=figures.model_dump(mode="json"), at=self._clock.now(),
                )
            )  # fmt: skip
        for deployment_id, trigger, reason in result.thrown:
            await switches.throw_automatically(deployment_id, trigger, reason)
        await DeskRecord(session, self._clock).add(
            BY_ITSELF, "round.scored", book.round.id, inputs=result.scores.inputs, number=book.round.number
        )

    async def _read(self, session: Session, round_id: str) -> tuple[Round, list[Voice]]:
        found = await RoundLookup(session).find(round_id)
        assert found is not None, f"no round {round_id}"
        return found, await read_voices(session, found)

    async def _open(self, found: Round, voices: Sequence[Voice]) -> RoundBook:
        """With the panel, which is read while no transaction is open."""
        return RoundBook(found, await Panels(self._database, self._store).load(found.panel_id), voices)

    async def _publish(self, session: Session, round_id: str, kind: str, era: int, document: BaseModel) -> DeskDocument:
        content = document.model_dump_json().encode()
        row = DeskDocument(
            round_id=round_id, kind=kind, era=era, content=content, at=self._clock.now(),
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        return await SignalRepository(session).put_document(row)

    def _switches(self, session: Session) -> KillSwitches:
        return KillSwitches(session, self._clock, self._ids, self._outbox)


async def read_voices(session: Session, found: Round) -> list[Voice]:
    """Every deployment that wrote to this round, the oldest first."""
    rows = SignalRepository(session)
    written: dict[str, dict[int, SignalEntry]] = {}
    entries = await rows.newest_in(found.id)
    for entry in entries:
        written.setdefault(entry.deployment_id, {})[entry.era] = entry
    earlier: dict[str, list[DeploymentRoundScore]] = {}
    for score in await rows.scores_before(found.dataset_id, found.number):
        earlier.setdefault(score.deployment_id, []).append(score)
    return [
        Voice(deployment, written[deployment.id], earlier.get(deployment.id, []))
        for deployment in await RunningDeployments(session).owners_of(written)
    ]


def settling_starter(workflows: Workflows) -> OutsideSubscriber[RoundClosed]:
    """Starts the settling of each round that closed."""
    return start_on("the desk", RoundClosed, workflows, WORKFLOW, lambda news: news.round_id)
