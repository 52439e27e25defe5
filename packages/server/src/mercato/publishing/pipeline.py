"""The ten phases, each a durable step that may run twice, each leaving evidence.

A phase reads the submission, looks, and writes what it found together with the state that follows; between reading and
writing it holds no transaction, so a slow endpoint holds no connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Literal

import structlog

from mercato.platform import Clock, Database, Ids, Json, Outbox, Session, Steps, Workflow
from mercato.publishing.approval import decided, open_approval
from mercato.publishing.attempts import Attempts, PhaseCrashed, run_phase
from mercato.publishing.models import Evidence, Submission
from mercato.publishing.phases import SECRETS, LiveCalls, Phase, phases_before_approval
from mercato.publishing.policy import PolicyEngine
from mercato.publishing.release_phase import release_submission
from mercato.publishing.repository import SubmissionRepository
from mercato.publishing.work import PhaseResult, as_json, read_work, storable
from mercato_checks.confined import ConfinedChecks

log = structlog.get_logger(__name__)

WORKFLOW = "publish"
DECISION = "approval"
"""The topic on which a waiting workflow is told that people have decided."""

_TRANSACTIONS_AT_ONCE = 8
"""More submissions may be under way; they take turns, or they would wait for a connection until the pool gives up."""

_LOOK_AGAIN = timedelta(days=30)
Verdict = Literal["on", "waiting", "over"]
"""What follows a phase: the next one, a decision, or nothing."""


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
        checks = {_step_of(phase.number, phase.name): partial(self._check, phase) for phase in self._phases}
        return Workflow(WORKFLOW, self._run, {**checks, _APPROVAL: self._approve, _RELEASE: self._release})

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Session]:
        async with self._turns, self._database.transaction() as session:
            yield session

    async def _run(self, steps: Steps, submission_id: str) -> None:
        for phase in self._phases:
            verdict = await steps.run(_step_of(phase.number, phase.name))
            if verdict == "over":
                return
        verdict = await steps.run(_APPROVAL)
        while verdict == "waiting":
            await steps.wait(DECISION, _LOOK_AGAIN)
            verdict = await steps.run(_APPROVAL)
        if verdict == "on":
            await steps.run(_RELEASE)

    async def _check(self, phase: Phase, submission_id: str) -> Json:
        started_at = self._clock.now()
        async with self._transaction() as session:
            submission = await _get(session, submission_id)
            if submission.ended_at is not None:
                return "over"
            attempt = await self._attempts.begin(session, submission_id, phase.number)
            work = await read_work(session, self._database, self._checks, submission)
        self._attempts.begun(submission_id, phase.number)
        try:
            result = await run_phase(phase, work, attempt)
        except PhaseCrashed:
            self._attempts.crashed(submission_id, phase.number)
            raise
        except asyncio.CancelledError:
            await self._take_back_attempt(submission_id, phase.number)
            raise
        evidence = self._evidence(submission_id, phase.number, phase.name, result)
        evidence.started_at = started_at
        async with self._transaction() as session:
            verdict = await self._record(session, await _get(session, submission_id, lock=True), evidence)
            await self._attempts.end(session, submission_id, phase.number)
        return verdict

    async def _take_back_attempt(self, submission_id: str, phase: int) -> None:
        """A worker that stops in good order was not stopped by the phase. Where the database is gone, it counts."""
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
                approval = open_approval(submission_id, evidence, self._clock.now())
                rows.add(approval)
            result = decided(approval, await rows.votes(submission_id))
            evidence_row = self._evidence(submission_id, 9, "approval", result)
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
            evidence = self._evidence(submission_id, 10, "release", result)
            evidence.started_at = started_at
            if result.outcome != "failed":
                submission.state, submission.ended_at = "released", self._clock.now()
            return await self._record(session, submission, evidence)

    def _evidence(self, submission_id: str, number: int, name: str, result: PhaseResult) -> Evidence:
        now = self._clock.now()
        return Evidence(
            submission_id=submission_id,
            phase=number,
            name=name,
            outcome=result.outcome,
            findings=as_json(result.findings),
            facts=storable(result.facts),
            started_at=now,
            ended_at=now,
        )

    async def _record(self, session: Session, submission: Submission, evidence: Evidence) -> Verdict:
        """Write the evidence and the state that follows from it."""
        rows = SubmissionRepository(session)
        await rows.put_evidence(evidence)
        log.info("phase ended", submission=submission.id, phase=evidence.phase, outcome=evidence.outcome)
        if evidence.outcome == "failed":
            if evidence.phase == SECRETS:
                await rows.forget_content(submission.id)
            submission.state, submission.ended_at = "refused", self._clock.now()
            return "over"
        if submission.ended_at is not None:
            return "over"
        submission.state = "waiting" if evidence.outcome == "waiting" else "checking"
        return "waiting" if evidence.outcome == "waiting" else "on"


def _step_of(number: int, name: str) -> str:
    """The phase's step. Submissions under way have these names in their records, so they do not change."""
    return f"{number} {name}"


_APPROVAL, _RELEASE = _step_of(9, "approval"), _step_of(10, "release")


async def _get(session: Session, submission_id: str, *, lock: bool = False) -> Submission:
    submission = await SubmissionRepository(session).find(submission_id, lock=lock)
    assert submission is not None, f"no submission {submission_id}"
    return submission
