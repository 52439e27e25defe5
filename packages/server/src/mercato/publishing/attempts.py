"""A phase that crashed its process twice is not started a third time: it fails, with a finding that says why."""

import asyncio

import structlog

from mercato.platform import Session
from mercato.publishing.attempt_rows import AttemptRepository
from mercato.publishing.facts import PhaseName, StoppedFacts
from mercato.publishing.phases import Phase
from mercato.publishing.work import PhaseResult, Work
from mercato_checks.codes import found
from mercato_checks.confined import CheckStopped

log = structlog.get_logger(__name__)

_MOST_ATTEMPTS = 2
_CODES = {
    "cpu": "check_cpu_limit",
    "memory": "check_memory_limit",
    "deadline": "check_deadline",
    "crash": "check_crashed",
}


class PhaseCrashed(Exception):
    """A check's process ended without a result; the phase is retried once."""


class Attempts:
    """Counts the attempts at each phase in the database, where the attempt of a killed worker stays counted."""

    def __init__(self) -> None:
        # An attempt that this process has counted already, and retries after an outage of the database, counts once.
        self._counted: set[tuple[str, PhaseName]] = set()

    async def begin(self, session: Session, submission_id: str, phase: PhaseName) -> int:
        """The number of this attempt, from 1. Call `begun` once the transaction is committed."""
        count = 0 if (submission_id, phase) in self._counted else 1
        return await AttemptRepository(session).add(submission_id, phase.position, count)

    def begun(self, submission_id: str, phase: PhaseName) -> None:
        """The attempt is counted."""
        self._counted.add((submission_id, phase))

    def crashed(self, submission_id: str, phase: PhaseName) -> None:
        """The attempt crashed a process, so the next one counts."""
        self._counted.discard((submission_id, phase))

    async def take_back(self, session: Session, submission_id: str, phase: PhaseName) -> None:
        """An orderly stop cut the attempt short, so it does not count."""
        await AttemptRepository(session).take_back(submission_id, phase.position)
        self._counted.discard((submission_id, phase))

    async def end(self, session: Session, submission_id: str, phase: PhaseName) -> None:
        """The phase has a result."""
        await AttemptRepository(session).forget(submission_id, phase.position)
        self._counted.discard((submission_id, phase))


async def run_phase(phase: Phase, work: Work, attempt: int) -> PhaseResult:
    """The phase's result, also if a limit or a crash ended it. Raises `PhaseCrashed` if it may be retried."""
    submission = work.submission.id
    if attempt > _MOST_ATTEMPTS:
        log.error("phase abandoned", submission=submission, phase=phase.name.position)
        message = f"Phase {phase.name.position} ({phase.name}) was started {_MOST_ATTEMPTS} times and never finished."
        return PhaseResult([found("check_abandoned", "", message)], StoppedFacts("abandoned"))
    try:
        async with asyncio.timeout(phase.seconds) as deadline:
            return await phase.check(work)
    except CheckStopped as stopped:
        log.warning(
            "check stopped", submission=submission, phase=phase.name.position, reason=str(stopped), attempt=attempt
        )
        if stopped.reason == "crash" and attempt < _MOST_ATTEMPTS:
            raise PhaseCrashed(str(stopped)) from None
        return _stopped(phase, _CODES[stopped.reason], stopped.detail)
    except TimeoutError:
        if not deadline.expired():
            raise
        return _stopped(phase, "check_deadline", f"no result after {phase.seconds:g} s")


def _stopped(phase: Phase, code: str, detail: str) -> PhaseResult:
    message = f"Phase {phase.name.position} ({phase.name}) has no result: {detail}."
    return PhaseResult([found(code, "", message)], StoppedFacts(detail))
