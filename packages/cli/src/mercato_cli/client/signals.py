"""Signals, scores and the desk's decisions about a round."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.desk import Leaderboard, LeaderboardRow, Reconciliation, RoundDesk, SignalPage
from mercato_contracts.scores import RoundScores
from mercato_contracts.signals import SIGNATURE_HEADER, SignalProof, SignalReceipt, SignalReceipts


class SignalCalls(Transport):
    """Signals, scores and the desk's decisions about a round."""

    def store_signals(self, body: bytes, signature: str, token: str) -> list[SignalReceipt]:
        """Write signals; `signature` is over exactly these bytes. `token` is the deployment's own, if it has one."""
        signed = {SIGNATURE_HEADER: signature, "content-type": "application/json"}
        content = self.request("POST", "/api/signals/store", content=body, headers=signed, credential=token or None)
        return self.read(SignalReceipts, "/api/signals/store", content).items

    def list_signals(self, round_id: str | None, limit: int) -> list[SignalReceipt]:
        """The organisation's newest entries."""
        return self.ask(SignalPage, "GET", "/api/signals", query={"round": round_id, "limit": limit}).items

    def signal_proof(self, entry_id: str) -> SignalProof:
        """The proof that the entry is in the log."""
        return self.ask(SignalProof, "GET", f"/api/signals/{segment(entry_id)}/proof")

    def scores(self, round_id: str) -> tuple[RoundScores, bytes]:
        """A round's scores, and their exact bytes."""
        path = f"/api/rounds/{segment(round_id)}/scores"
        content = self.request("GET", path)
        return self.read(RoundScores, path, content), content

    def score_inputs(self, round_id: str) -> bytes:
        """The exact bytes that the scores were made from."""
        return self.request("GET", f"/api/rounds/{segment(round_id)}/scores/inputs")

    def round_desk(self, round_id: str) -> RoundDesk:
        """A round's consensus and portfolios."""
        return self.ask(RoundDesk, "GET", f"/api/rounds/{segment(round_id)}/desk")

    def leaderboard(self) -> list[LeaderboardRow]:
        """Deployments by their contribution."""
        return self.ask(Leaderboard, "GET", "/api/leaderboard").items

    def claim_backtest(
        self, deployment: str, eras: int, mean_ic: float, deviation: float, source: str
    ) -> Reconciliation:
        """Claim a backtest; the answer is the first claim beside the live results."""
        body = {"eras": eras, "mean_ic": mean_ic, "deviation": deviation, "source": source}
        return self.ask(Reconciliation, "PUT", f"/api/deployments/{segment(deployment)}/backtest", body)

    def reconciliation(self, deployment: str) -> Reconciliation:
        """Live results against the claim."""
        return self.ask(Reconciliation, "GET", f"/api/deployments/{segment(deployment)}/reconciliation")
