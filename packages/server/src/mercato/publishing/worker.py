"""Starts the pipeline for new submissions, and wakes it when people have decided."""

from collections.abc import Sequence

from mercato.platform import Event, OutsideSubscriber, Workflows
from mercato.publishing.news import ApprovalDecided, SubmissionReceived
from mercato.publishing.pipeline import DECISION, WORKFLOW


class PipelineStarter:
    """Reads the news of submissions and decisions."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def subscriber(self) -> OutsideSubscriber[SubmissionReceived | ApprovalDecided]:
        """One reader for both, so a decision never reaches the engine before the start of its workflow."""
        return OutsideSubscriber("publishing", (SubmissionReceived, ApprovalDecided), self._handle)

    async def _handle(self, events: Sequence[Event[SubmissionReceived | ApprovalDecided]]) -> None:
        # Events may come again: the engine ignores a second start, and a second message of the same name.
        for event in events:
            submission_id = event.news.submission_id
            if isinstance(event.news, SubmissionReceived):
                await self._workflows.start(WORKFLOW, submission_id)
            else:
                await self._workflows.send(WORKFLOW, submission_id, DECISION, "decided", once="decided")
