"""Ends abandoned runs: every state has a deadline, and a run past it is over."""

from datetime import datetime

from mercato.platform import Clock, Outbox, OutsideSubscriber, Session, Workflows, start_on
from mercato.training.news import TrainingEnded, TrainingRequested
from mercato.training.repository import TrainingRepository
from mercato.training.workflow import WORKFLOW

_AT_ONCE = 100
_BY = "training-deadlines"
_WHY = {
    "queued": ("failed", "No worker and no machine took it up in time; start it again."),
    "running": ("timed_out", "It did not end in time, and nothing was heard of it."),
    "collecting": ("failed", "What it left could not be collected in time."),
}


async def end_overdue(session: Session, clock: Clock, outbox: Outbox) -> int:
    """End the runs past their deadline, for good; returns how many. The workflow stops the job of such a run."""
    now = clock.now()
    overdue = await TrainingRepository(session).lock_overdue(now, _AT_ONCE)
    for run in overdue:
        run.state, run.why = _WHY[run.state]
        run.ended_at = now
        news = TrainingEnded(by=_BY, run_id=run.id, organisation_id=run.organisation_id, state=run.state)
        await outbox.add(session, news)
    return len(overdue)


async def find_next_deadline(session: Session) -> datetime | None:
    """When `end_overdue` may have something to do again. A new deadline is always minutes away."""
    return await TrainingRepository(session).find_next_deadline()


def training_starter(workflows: Workflows) -> OutsideSubscriber[TrainingRequested]:
    """Starts the workflow of each run that was asked for."""
    return start_on("training.starter", TrainingRequested, workflows, WORKFLOW, lambda news: news.run_id)
