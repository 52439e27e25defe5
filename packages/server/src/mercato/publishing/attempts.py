"""A phase that ended its process twice is not begun a third time: it ends with a reason instead."""

import asyncio

import structlog

from mercato.platform import Session
from mercato.publishing.attempt_rows import AttemptRepository
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
    """A check's process ended without a result; the phase is tried once more."""


class Attempts:
    """Counts the attempts at each phase in the database, so that a worker that was killed leaves its mark."""

    def __init__(self) -> None:
        # What this very process has begun and tries again (after an outage of the database, say) counts once.
        self._counted: set[tuple[str, int]] = set()

    async def begin(self, session: Session, submission_id: str, phase: int) -> int:
        """Which attempt this is, from 1. Call `begun` once the transaction is committed."""
        count = 0 if (submission_id, phase) in self._counted else 1
        return await AttemptRepository(session).add(submission_id, phase, count)

    def begun(self, submission_id: str, phase: int) -> None:
        """The attempt is counted."""
        self._counted.add((submission_id, phase))

    def crashed(self, submission_id: str, phase: int) -> None:
        """The attempt ended a process, so the next one counts."""
        self._counted.discard((submission_id, phase))

    async def take_back(self, session: Session, submission_id: str, phase: int) -> None:
        """The attempt was cut off by an orderly stop and does not count."""
        await AttemptRepository(session).take_back(submission_id, phase)
        self._counted.discard((submission_id, phase))

    async def end(self, session: Session, submission_id: str, phase: int) -> None:
        """The phase has a result."""
        await AttemptRepository(session).forget(submission_id, phase)
        self._counted.discard((submission_id, phase))


async def run_phase(phase: Phase, work: Work, attempt: int) -> PhaseResult:
    """The phase's result, also where a limit or a crash ended it. Raises `PhaseCrashed` where it may be tried again."""
    submission = work.submission.id
    if attempt > _MOST_ATTEMPTS:
        log.error("phase abandoned", submission=submission, phase=phase.number)
        message = f"Phase {phase.number} ({phase.name}) was begun {_MOST_ATTEMPTS} times and never came to an end."
        return PhaseResult([found("check_abandoned", "", message)], {"stopped": "abandoned"})
    try:
        async with asyncio.timeout(phase.seconds) as deadline:
            return await phase.check(work)
    except CheckStopped as stopped:
        log.warning("check stopped", submission=submission, phase=phase.number, reason=str(stopped), attempt=attempt)
        if stopped.reason == "crash" and attempt < _MOST_ATTEMPTS:
            raise PhaseCrashed(str(stopped)) from None
        return _stopped(phase, _CODES[stopped.reason], stopped.detail)
    except TimeoutError:
        if not deadline.expired():
            raise
        return _stopped(phase, "check_deadline", f"no result after {phase.seconds:g} s")


def _stopped(phase: Phase, code: str, detail: str) -> PhaseResult:
    message = f"Phase {phase.number} ({phase.name}) has no result: {detail}."
    return PhaseResult([found(code, "", message)], {"stopped": detail})
