"""What the desk does with a round that has closed: consensus, portfolios, scores, triggers; in durable steps."""

import asyncio
import hashlib
from collections.abc import Collection, Sequence

import structlog
from pydantic import BaseModel
from sqlalchemy import func, select

from mercato.datasets import Panels, Round, RoundClosed, Rounds
from mercato.identity import Organisation
from mercato.platform import (
    Clock,
    Database,
    DurableSubscriber,
    Event,
    Ids,
    Json,
    ObjectStore,
    Outbox,
    Session,
    Steps,
    Workflow,
    Workflows,
)  # fmt: skip
from mercato.publishing import Deployment, Release, Service, Submission
from mercato.signals.assemble import Mandate, build_consensus, build_inputs, build_portfolio
from mercato.signals.book import RoundBook, Voice
from mercato.signals.kill import BY_ITSELF, KillSwitches
from mercato.signals.models import DeploymentRoundScore, DeskDocument, SignalEntry
from mercato.signals.optimize import OptimizerSpec
from mercato.signals.record import DeskRecord
from mercato.signals.repository import SignalRepository
from mercato.signals.triggers import TriggerSpec, fired
from mercato.signals.weights import WeightSpec
from mercato_contracts.consensus import ConsensusWrite
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.scores import RoundScores, ScoreInputs, ScoringSpec, score_round

log = structlog.get_logger(__name__)

WORKFLOW = "settle-round"


class RoundSettling:
    """Settles closed rounds. Each step may run twice: what was published stays as it is.

    `names_key` (secret) makes the names under which stocks appear in published score inputs.
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
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._store = store
        self._names_key = names_key
        self._mandate = mandate

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
            book = await self._open(session, round_id)
            held = await self._switches(session).held([voice.deployment.id for voice in book.voices])
            for told in await asyncio.to_thread(build_consensus, book, held, WeightSpec()):
                await self._publish(session, round_id, "consensus", told.consensus.era, told)
            return list(book.eras)

    async def invest(self, round_id: str, era: int) -> Json:
        """The portfolio of one era, from the positions of the era before."""
        async with self._database.transaction() as session:
            book = await self._open(session, round_id)
            rows = SignalRepository(session)
            found = await rows.find_document(round_id, "consensus", era)
            assert found is not None
            before = await rows.newest_portfolio(book.round.dataset_id, era)
            held = OptimizerWrite.model_validate_json(before.content).portfolio.positions if before else {}
        consensus = ConsensusWrite.model_validate_json(found.content)
        told = await asyncio.to_thread(build_portfolio, book, consensus, held, self._mandate, OptimizerSpec())
        async with self._database.transaction() as session:
            await self._publish(session, round_id, "portfolio", era, told)
        return era

    async def score(self, round_id: str) -> Json:
        """The scores, what they throw, and the round's next state; returns the checksum of the scores."""
        async with self._database.transaction() as session:
            rounds = Rounds(session, self._clock, self._ids, self._outbox, self._store)
            # The lock comes first: who runs this step a second time finds what the first one did, all of it.
            settled = await rounds.lock(round_id)
            if settled.scores_sha256 is not None:
                return settled.scores_sha256
            book = await self._open(session, round_id)
            rows = SignalRepository(session)
            inputs = await self._inputs(session, rows, book)
            scores = await asyncio.to_thread(score_round, inputs)
            await self._publish(session, round_id, "inputs", 0, inputs)
            document = await self._publish(session, round_id, "scores", 0, scores)
            await self._keep(session, rows, book, scores)
            await rounds.mark_scored(round_id, document.sha256, by=BY_ITSELF)
            log.info("a round is scored", round=round_id, deployments=len(scores.deployments))
            return document.sha256

    async def _inputs(self, session: Session, rows: SignalRepository, book: RoundBook) -> ScoreInputs:
        kept = await rows.find_document(book.round.id, "consensus", book.round.first_era)
        assert kept is not None
        told = ConsensusWrite.model_validate_json(kept.content).consensus.weights
        vendors = {voice.vendor.id for voice in book.voices}
        return build_inputs(
            book,
            {weight.deployment: weight.weight for weight in told},
            await _trials(session, vendors, book.round),
            self._names_key,
            ScoringSpec(horizon_days=book.round.horizon_days),
        )

    async def _keep(self, session: Session, rows: SignalRepository, book: RoundBook, scores: RoundScores) -> None:
        record, switches = DeskRecord(session, self._clock), self._switches(session)
        voices = {voice.deployment.id: voice for voice in book.voices}
        for score in scores.deployments:
            voice = voices[score.deployment]
            await rows.put_score(
                DeploymentRoundScore(
                    deployment_id=score.deployment, round_id=book.round.id, dataset_id=book.round.dataset_id,
                    number=book.round.number, vendor_id=voice.vendor.id, vendor=voice.vendor.slug,
                    weight=score.weight, figures=score.model_dump(mode="json"), at=self._clock.now(),
                )
            )  # fmt: skip
            history = [*voice.skill, *(era.rank_ic for era in score.eras)]
            now = book.said(voice).ravel().tolist()
            before = await rows.scores_said_before(score.deployment, book.round.id)
            for trigger, reason in fired(
                score, history, now, before, TriggerSpec(horizon_days=book.round.horizon_days)
            ):
                await switches.throw_automatically(score.deployment, trigger, reason)
        await record.add(BY_ITSELF, "round.scored", book.round.id, inputs=scores.inputs, number=book.round.number)

    async def _open(self, session: Session, round_id: str) -> RoundBook:
        found = await session.get(Round, round_id)
        assert found is not None, f"no round {round_id}"
        panel = await Panels(session, self._store).load(found.panel_id)
        return RoundBook(found, panel, await read_voices(session, found))

    async def _publish(self, session: Session, round_id: str, kind: str, era: int, told: BaseModel) -> DeskDocument:
        content = told.model_dump_json().encode()
        row = DeskDocument(
            round_id=round_id, kind=kind, era=era, content=content, at=self._clock.now(),
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        return await SignalRepository(session).put_document(row)

    def _switches(self, session: Session) -> KillSwitches:
        return KillSwitches(session, self._clock, self._ids, self._outbox)


async def read_voices(session: Session, found: Round) -> list[Voice]:
    """Everyone who wrote to this round, the oldest deployment first."""
    rows = SignalRepository(session)
    written: dict[str, dict[int, SignalEntry]] = {}
    entries = await rows.newest_in(found.id)
    for entry in entries:
        written.setdefault(entry.deployment_id, {})[entry.era] = entry
    earlier: dict[str, list[DeploymentRoundScore]] = {}
    for score in await rows.scores_before(found.dataset_id, found.number):
        earlier.setdefault(score.deployment_id, []).append(score)
    query = (
        select(Deployment, Organisation)
        .join(Release, Release.id == Deployment.release_id)
        .join(Service, Service.id == Release.service_id)
        .join(Organisation, Organisation.id == Service.vendor_id)
        .where(Deployment.id.in_(written))
        .order_by(Deployment.created_at, Deployment.id)
    )
    return [
        Voice(deployment, vendor, written[deployment.id], earlier.get(deployment.id, []))
        for deployment, vendor in (await session.execute(query)).all()
    ]


async def _trials(session: Session, vendor_ids: Collection[str], found: Round) -> dict[str, int]:
    """How often each vendor had a model validated here until the round closed: submissions that were checked."""
    query = (
        select(Submission.vendor_id, func.count())
        .where(Submission.vendor_id.in_(vendor_ids), Submission.created_at <= found.closes_at)
        .group_by(Submission.vendor_id)
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


class SettlingStarter:
    """Hears that a round has closed."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def subscriber(self) -> DurableSubscriber[RoundClosed]:
        """A durable reader; the engine starts a round's settling once however often it is told."""
        return DurableSubscriber("the desk", (RoundClosed,), self._handle)

    async def _handle(self, _: Session, events: Sequence[Event[RoundClosed]]) -> None:
        for event in events:
            await self._workflows.start(WORKFLOW, event.news.round_id)
