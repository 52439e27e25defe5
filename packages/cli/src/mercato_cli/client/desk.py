"""Kill switches and the desk's record."""

from collections.abc import Iterator

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.desk import KillSwitchList, KillSwitchView, LogAudit, RecordLine, RecordList
from mercato_contracts.optimizer import OptimizerInferenceResponse
from mercato_contracts.record import RecordHead, RecordHeadList

_RECORD_LINES = 500  # on one page


class DeskCalls(Transport):
    """Kill switches and the desk's record."""

    def throw_switch(self, scope: str, target: str, reason: str) -> KillSwitchView:
        """Throw a switch."""
        body = {"scope": scope, "target": target, "reason": reason}
        return self.ask(KillSwitchView, "POST", "/api/kill-switches", body)

    def lift_switch(self, switch_id: str, reason: str) -> KillSwitchView:
        """Lift a switch."""
        return self.ask(KillSwitchView, "POST", f"/api/kill-switches/{segment(switch_id)}/lift", {"reason": reason})

    def kill_switches(self, *, thrown: bool) -> list[KillSwitchView]:
        """List alerts, newest first."""
        return self.ask(KillSwitchList, "GET", "/api/kill-switches", query={"thrown": thrown or None}).items

    def desk_record(self, subject: str | None = None, limit: int | None = None) -> Iterator[RecordLine]:
        """Lines of the desk's record, the newest first: all, or `limit` at most."""
        before, left = None, limit
        while left is None or left > 0:
            asked = min(left or _RECORD_LINES, _RECORD_LINES)
            query = {"subject": subject, "before": before, "limit": asked}
            items = self.ask(RecordList, "GET", "/api/desk/record", query=query).items
            yield from items
            if len(items) < asked:
                return
            before, left = items[-1].number, None if left is None else left - asked

    def record_heads(self, limit: int) -> list[RecordHead]:
        """Signed states of the desk's record, the newest first."""
        return self.ask(RecordHeadList, "GET", "/api/desk/record/heads", query={"limit": limit}).items

    def compute_positions(self, asked: bytes) -> OptimizerInferenceResponse:
        """What the optimizer makes of an `OptimizerInferenceRequest` as JSON."""
        path = "/api/desk/optimizer"
        answer = self.request("POST", path, content=asked, headers={"content-type": "application/json"})
        return self.read(OptimizerInferenceResponse, path, answer)

    def audit_desk(self) -> LogAudit:
        """Have the marketplace recompute log and record."""
        return self.ask(LogAudit, "GET", "/api/signals/audit")
