"""What the worker runs of publishing: the pipeline, and the readers that start it and tell it what people decided."""

from collections.abc import Sequence

from mercato.platform import DurableSubscriber, Event, Session, Workflows
from mercato.publishing.news import ApprovalDecided, SubmissionReceived
from mercato.publishing.pipeline import DECISION, WORKFLOW


class PipelineStarter:
    """Hears of submissions and decisions."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def subscriber(self) -> DurableSubscriber[SubmissionReceived | ApprovalDecided]:
        """One reader for both, so that a decision is never told before its workflow was started."""
        return DurableSubscriber("publishing", (SubmissionReceived, ApprovalDecided), self._handle)

    async def _handle(self, _: Session, events: Sequence[Event[SubmissionReceived | ApprovalDecided]]) -> None:
        # The engine keeps its own records: what is started twice is started once, so events may come again.
        for event in events:
            submission_id = event.news.submission_id
            if isinstance(event.news, SubmissionReceived):
                await self._workflows.start(WORKFLOW, submission_id)
            else:
                await self._workflows.send(WORKFLOW, submission_id, DECISION, "decided", once="decided")
