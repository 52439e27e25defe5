"""Starts the pipeline for new submissions, and wakes it when people have decided or a vendor is reinstated."""

from collections.abc import Sequence

from mercato.platform import Event, OutsideSubscriber, Workflows
from mercato.publishing.news import ApprovalDecided, SubmissionReceived, SubmissionResumed
from mercato.publishing.pipeline import DECISION, WORKFLOW

_Heard = SubmissionReceived | ApprovalDecided | SubmissionResumed


class PipelineStarter:
    """Reads the news of submissions, decisions and reinstatements."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def subscriber(self) -> OutsideSubscriber[_Heard]:
        """One reader for all, so a decision never reaches the engine before the start of its workflow."""
        return OutsideSubscriber("publishing", (SubmissionReceived, ApprovalDecided, SubmissionResumed), self._handle)

    async def _handle(self, events: Sequence[Event[_Heard]]) -> None:
        # Events may come again: the engine ignores a second start, and a second message of the same name.
        for event in events:
            submission_id = event.news.submission_id
            if isinstance(event.news, SubmissionReceived):
                await self._workflows.start(WORKFLOW, submission_id)
            elif isinstance(event.news, SubmissionResumed):
                # A vendor may be suspended and reinstated several times: each is a message of its own.
                once = f"resumed:{event.place.transaction}:{event.place.number}"
                await self._workflows.send(WORKFLOW, submission_id, DECISION, "resumed", once=once)
            else:
                await self._workflows.send(WORKFLOW, submission_id, DECISION, "decided", once="decided")
