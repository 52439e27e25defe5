"""Disputes of single calls."""

from typing import Any, Literal

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.disputes import DisputePage, DisputeView


class DisputeCalls(Transport):
    """Disputes of single calls."""

    def dispute_call(self, call_id: str, kind: str, words: str) -> DisputeView:
        """Open one."""
        path = f"/api/usage/calls/{segment(call_id)}/dispute"
        return self.ask(DisputeView, "POST", path, {"kind": kind, "words": words})

    def disputes(self, query: dict[str, Any]) -> DisputePage:
        """The newest first."""
        return self.ask(DisputePage, "GET", "/api/disputes", query=query)

    def dispute(self, dispute_id: str) -> DisputeView:
        """One of them."""
        return self.ask(DisputeView, "GET", f"/api/disputes/{segment(dispute_id)}")

    def answer_dispute(self, dispute_id: str, words: str, *, give_back: bool) -> DisputeView:
        """The vendor's answer."""
        path = f"/api/disputes/{segment(dispute_id)}/answer"
        return self.ask(DisputeView, "POST", path, {"words": words, "give_back": give_back})

    def decide_dispute(self, dispute_id: str, verdict: Literal["upheld", "rejected"], reason: str) -> DisputeView:
        """An operator's decision."""
        path = f"/api/disputes/{segment(dispute_id)}/decision"
        return self.ask(DisputeView, "POST", path, {"verdict": verdict, "reason": reason})

    def withdraw_dispute(self, dispute_id: str) -> DisputeView:
        """The consumer gives it up."""
        return self.ask(DisputeView, "POST", f"/api/disputes/{segment(dispute_id)}/withdrawal")
