"""What the desk answers under `/api`: entries, kill switches, the leaderboard, live against backtest."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.consensus import ConsensusWrite, NanoWeight
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.signals import DeploymentId, Finite, RoundId, SignalReceipt, TreeHead
from mercato_contracts.wire import Wire

KillScope = Literal["deployment", "vendor", "all"]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]


class SignalPage(Wire):
    """Your entries, the newest first; `next` is the `before` of the next page."""

    items: list[SignalReceipt]
    next: int | None


class HeadList(Wire):
    """Signed states of the log, the newest first."""

    items: list[TreeHead]


class LogAudit(Wire):
    """The log was recomputed from the scores up: so many entries hold, and so many lines of the desk's record."""

    entries: int
    record: int


class ThrowRequest(Wire):
    """What to switch off: a deployment's id, a vendor's name or id, or nothing where it is `all`."""

    scope: KillScope
    target: str = Field(default="*", max_length=64)
    reason: Reason


class LiftRequest(Wire):
    """Why it may run again."""

    reason: Reason


class KillSwitchView(Wire):
    """A switch; in force while `lifted_at` is empty. `origin` is `operator` or the trigger that threw it."""

    id: str
    scope: KillScope
    target: str
    origin: str
    reason: str
    by: str
    thrown_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


class KillSwitchList(Wire):
    """The newest first."""

    items: list[KillSwitchView]


class RecordLine(Wire):
    """One line of the desk's record.

    What a person wrote is sealed in `facts` with a key of theirs; `reason` has it in clear until they are erased.
    """

    number: int
    at: str
    actor: str
    what: str
    subject: str
    facts: dict[str, Any]
    digest: str
    reason: str = Field(default="", description="Why; the digest covers `facts`, not this")


class RecordList(Wire):
    """The newest first."""

    items: list[RecordLine]


class LeaderboardRow(Wire):
    """A deployment's standing over all its scored rounds; figures are means over rounds unless said."""

    rank: int
    deployment: DeploymentId
    vendor: str
    rounds: int
    eras: int
    rank_ic: float
    contribution: float
    uniqueness: float
    churn: float
    turnover: float
    deflated_sharpe: float = Field(description="Of the last round, over all eras so far")
    weight: NanoWeight = Field(description="In the last round's consensus")
    is_held: bool


class Leaderboard(Wire):
    """By contribution to the consensus, then by rank IC."""

    items: list[LeaderboardRow]


class BacktestRequest(Wire):
    """What the vendor's own backtest found: mean and standard deviation of rank ICs by era."""

    eras: Annotated[int, Field(ge=20, le=100_000)]
    mean_ic: Annotated[Finite, Field(ge=-1, le=1)]
    deviation: Annotated[Finite, Field(gt=0, le=1)]
    source: Annotated[str, Field(min_length=1, max_length=200)]


class Reconciliation(Wire):
    """What was claimed beside what happened. `z` is their difference in standard errors (Welch), overlap counted.

    `verdict`: `as-claimed` within 2 standard errors, `worse` or `better` beyond, `too-early` below 20 live eras.
    """

    deployment: DeploymentId
    vendor: str
    claimed: BacktestRequest | None
    claimed_at: datetime | None
    live_eras: int
    live_mean_ic: float
    live_deviation: float
    z: float | None
    verdict: Literal["as-claimed", "worse", "better", "too-early", "unclaimed"]


class RoundDesk(Wire):
    """The consensus and the portfolio of each era of a round."""

    round: RoundId
    consensus: list[ConsensusWrite]
    portfolios: list[OptimizerWrite]
