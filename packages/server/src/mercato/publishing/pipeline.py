"""The ten phases (`PhaseName`), each a durable step that may run twice, each leaving evidence.

A phase reads the submission, checks it, and writes what it found together with the next state. Between reading and
writing it holds no transaction, so a slow endpoint blocks no connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Literal

import structlog

from mercato.platform import Clock, Database, Ids, Json, Outbox, Session, StepFunction, Steps, Workflow
from mercato.publishing.approval import decided, open_approval
from mercato.publishing.attempts import Attempts, PhaseCrashed, run_phase
from mercato.publishing.facts import PhaseName
from mercato.publishing.models import Evidence, Submission
from mercato.publishing.phases import LiveCalls, Phase, phases_before_approval
from mercato.publishing.ports import PolicyEngine
from mercato.publishing.release_phase import release_submission
from mercato.publishing.repository import SubmissionRepository
from mercato.publishing.work import PhaseResult, as_json, read_work, storable
from mercato_checks.confined import ConfinedChecks

log = structlog.get_logger(__name__)

WORKFLOW = "publish"
DECISION = "approval"
"""The topic of the message that people have decided, or that a vendor is reinstated, which wakes a waiting workflow."""

_TRANSACTIONS_AT_ONCE = 8
"""More submissions may be under way. They take turns here: waiting for the pool instead would end in a timeout."""

_LOOK_AGAIN = timedelta(days=30)
Verdict = Literal["on", "waiting", "over"]
"""What follows a phase: `on` to the next one, `waiting` for people or a vendor's reinstatement, or `over`."""


class Pipeline:
    """Takes submissions to their release or refusal."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        outbox: Outbox,
        live: LiveCalls,
        policy: PolicyEngine,
        checks: ConfinedChecks,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._turns = asyncio.Semaphore(_TRANSACTIONS_AT_ONCE)
        self._phases = phases_before_approval(live, policy)
        self._checks = checks
        self._attempts = Attempts()

    def workflow(self) -> Workflow:
        """The pipeline as a durable workflow over a submission's id."""
        steps: dict[str, StepFunction] = {phase.name.step: partial(self._check, phase) for phase in self._phases}
        steps |= {PhaseName.APPROVAL.step: self._approve, PhaseName.RELEASE.step: self._release}
        return Workflow(WORKFLOW, self._run, steps)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Session]:
        async with self._turns, self._database.transaction() as session:
            yield session

    async def _run(self, steps: Steps, submission_id: str) -> None:
        for phase in self._phases:
            verdict = await steps.run(phase.name.step)
            if verdict == "over":
                return
        verdict = await steps.run(PhaseName.APPROVAL.step)
        while verdict == "waiting":
            await steps.wait(DECISION, _LOOK_AGAIN)
            verdict = await steps.run(PhaseName.APPROVAL.step)
        while verdict != "over":
            verdict = await steps.run(PhaseName.RELEASE.step)
            if verdict == "waiting":  # for the vendor's reinstatement
                await steps.wait(DECISION, _LOOK_AGAIN)

    async def _check(self, phase: Phase, submission_id: str) -> Json:
        started_at = self._clock.now()
        async with self._transaction() as session:
            submission = await _get(session, submission_id)
            if submission.ended_at is not None:
                return "over"
            attempt = await self._attempts.begin(session, submission_id, phase.name)
            work = await read_work(session, self._database, self._checks, submission)
        self._attempts.begun(submission_id, phase.name)
        try:
            result = await run_phase(phase, work, attempt)
        except PhaseCrashed:
            self._attempts.crashed(submission_id, phase.name)
            raise
        except asyncio.CancelledError:
            await self._take_back_attempt(submission_id, phase.name)
            raise
        evidence = self._evidence(submission_id, phase.name, result)
        evidence.started_at = started_at
        async with self._transaction() as session:
            verdict = await self._record(session, await _get(session, submission_id, lock=True), evidence)
            await self._attempts.end(session, submission_id, phase.name)
        return verdict

    async def _take_back_attempt(self, submission_id: str, phase: PhaseName) -> None:
        """Uncount an attempt that an orderly stop cut short; if the database is gone, it stays counted."""
        with contextlib.suppress(Exception):
            async with self._transaction() as session:
                await self._attempts.take_back(session, submission_id, phase)

    async def _approve(self, submission_id: str) -> Json:
        async with self._transaction() as session:
            submission = await _get(session, submission_id, lock=True)
            if submission.ended_at is not None:
                return "over"
            rows = SubmissionRepository(session)
            approval = await rows.find_approval(submission_id)
            if approval is None:
                evidence = (await rows.evidence([submission_id]))[submission_id]
                approval = open_approval(submission, evidence, self._clock.now())
                rows.add(approval)
            result = decided(approval, await rows.votes(submission_id))
            evidence_row = self._evidence(submission_id, PhaseName.APPROVAL, result)
            evidence_row.started_at = approval.created_at
            return await self._record(session, submission, evidence_row)

    async def _release(self, submission_id: str) -> Json:
        started_at = self._clock.now()
        async with self._transaction() as session:
            submission = await _get(session, submission_id, lock=True)
            if submission.ended_at is not None:
                return "over"
            work = await read_work(session, self._database, self._checks, submission)
            result = await release_submission(session, self._clock, self._ids, self._outbox, work)
            evidence = self._evidence(submission_id, PhaseName.RELEASE, result)
            evidence.started_at = started_at
            if result.outcome not in ("failed", "waiting"):
                submission.state, submission.ended_at = "released", self._clock.now()
            return await self._record(session, submission, evidence)

    def _evidence(self, submission_id: str, phase: PhaseName, result: PhaseResult) -> Evidence:
        now = self._clock.now()
        return Evidence(
            submission_id=submission_id,
            phase=phase.position,
            name=phase.value,
            outcome=result.outcome,
            findings=as_json(result.findings),
            facts=storable(result.facts.to_json()),
            started_at=now,
            ended_at=now,
        )

    async def _record(self, session: Session, submission: Submission, evidence: Evidence) -> Verdict:
        """Write the evidence and the next state."""
        rows = SubmissionRepository(session)
        await rows.put_evidence(evidence)
        log.info("phase ended", submission=submission.id, phase=evidence.phase, outcome=evidence.outcome)
        if evidence.outcome == "failed":
            if evidence.phase == PhaseName.SECRETS.position:
                await rows.forget_content(submission.id)
            submission.state, submission.ended_at = "refused", self._clock.now()
            return "over"
        if submission.ended_at is not None:
            return "over"
        submission.state = "waiting" if evidence.outcome == "waiting" else "checking"
        return "waiting" if evidence.outcome == "waiting" else "on"


async def _get(session: Session, submission_id: str, *, lock: bool = False) -> Submission:
    submission = await SubmissionRepository(session).find(submission_id, lock=lock)
    assert submission is not None, f"no submission {submission_id}"
    return submission
