"""What the desk answers under `/api`: entries, kill switches, the leaderboard, live against backtest."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.consensus import ConsensusWrite, NanoWeight
from mercato_contracts.fields import VendorSlug
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.signals import DeploymentId, Finite, RoundId, SignalReceipt, TreeHead
from mercato_contracts.wire import Wire

KillScope = Literal["deployment", "vendor", "all"]
Reason = Annotated[
    str,
    StringConstraints(min_length=3, max_length=500, strip_whitespace=True),
    Field(description="Why, 3 to 500 characters"),
]


class SignalPage(Wire):
    """Your entries, the newest first; `next` is the `before` of the next page."""

    items: list[SignalReceipt] = Field(description="The entries of this page, newest first")
    next: int | None = Field(description="Pass it as `before` for the next page; null on the last page")


class HeadList(Wire):
    """Signed states of the log, the newest first."""

    items: list[TreeHead] = Field(description="The signed heads, newest first")


class LogAudit(Wire):
    """The log was recomputed from the scores up: how many of its entries, and of the record's lines, hold."""

    entries: int = Field(description="Entries of the signal log that hold")
    record: int = Field(description="Lines of the desk's record that hold")


class ThrowRequest(Wire):
    """What to switch off: a deployment's id, a vendor's name or id, or nothing where it is `all`."""

    scope: KillScope = Field(description="What is switched off")
    target: str = Field(
        default="*", max_length=64, description="A deployment's id, a vendor's short name or id, or `*` for all"
    )
    reason: Reason


class LiftRequest(Wire):
    """Why it is lifted."""

    reason: Reason


class KillSwitchView(Wire):
    """A switch; in force while `lifted_at` is empty. `origin` is `operator` or the trigger that threw it."""

    id: str = Field(description="The switch's id, `kil_…`")
    scope: KillScope = Field(description="What is switched off")
    target: str = Field(description="A deployment's id, a vendor's id, or `*` for all")
    origin: str = Field(description="`operator`, or the name of the trigger that threw it")
    reason: str = Field(description="Why it was thrown")
    by: str = Field(description="The id of the person or process that threw it")
    thrown_at: datetime = Field(description="When it was thrown, UTC")
    lifted_by: str | None = Field(description="The id of the person that lifted it; null while in force")
    lifted_at: datetime | None = Field(description="When it was lifted, UTC; null while in force")


class KillSwitchList(Wire):
    """The newest first."""

    items: list[KillSwitchView] = Field(description="The switches, newest first")


class RecordLine(Wire):
    """One line of the desk's record.

    What a person wrote is sealed in `facts` with a key of theirs; `reason` has it in clear until they are erased.
    """

    number: int = Field(description="The line's number, from 0")
    at: str = Field(description="When it was written, RFC 3339 in UTC")
    actor: str = Field(description="The id of the person or process")
    what: str = Field(description="What happened")
    subject: str = Field(description="What it happened to")
    facts: dict[str, Any] = Field(description="What is recorded of it")
    digest: str = Field(description="SHA-256 of the line and of the digest before it")
    reason: str = Field(default="", description="Why; the digest covers `facts`, not this")


class RecordList(Wire):
    """The newest first."""

    items: list[RecordLine] = Field(description="The lines, newest first")


class LeaderboardRow(Wire):
    """A deployment's standing over all its scored rounds; figures are means over rounds unless stated otherwise."""

    rank: int = Field(description="The position, from 1")
    deployment: DeploymentId
    vendor: VendorSlug
    rounds: int = Field(description="How many rounds were scored")
    eras: int = Field(description="How many eras those rounds had")
    rank_ic: float = Field(description="Spearman's correlation of scores and targets, in [-1, 1]")
    contribution: float = Field(description="What it adds to the consensus (MMC)")
    contribution_error: float | None = Field(
        default=None, description="The standard error of that mean over the rounds; null for fewer than two rounds"
    )
    uniqueness: float = Field(description="1 - its largest mean rank correlation with another vendor's signal")
    churn: float = Field(description="1 - rank correlation of the signal from era to era, on average")
    turnover: float = Field(description="The share of the book that changes from era to era, on average")
    deflated_sharpe: float = Field(description="Of the last round, over all eras so far")
    weight: NanoWeight = Field(description="In the last round's consensus")
    is_held: bool = Field(description="Whether it is kept out of routing, or failed a gate of its last round")


class Leaderboard(Wire):
    """By contribution to the consensus, then by rank IC."""

    items: list[LeaderboardRow] = Field(description="The deployments, best first")


class BacktestRequest(Wire):
    """What the vendor's own backtest found: mean and standard deviation of rank ICs by era."""

    eras: Annotated[int, Field(ge=20, le=100_000)] = Field(description="How many eras the backtest had, 20 to 100,000")
    mean_ic: Annotated[Finite, Field(ge=-1, le=1)] = Field(description="The mean of the rank ICs by era, in [-1, 1]")
    deviation: Annotated[Finite, Field(gt=0, le=1)] = Field(
        description="Their standard deviation, above 0 and at most 1"
    )
    source: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Where the backtest can be looked up, 1 to 200 characters"
    )


class Reconciliation(Wire):
    """What was claimed beside what happened. `z` is their difference in standard errors (Welch), overlap counted.

    `verdict`: `as-claimed` within 2 standard errors, `worse` or `better` beyond, `too-early` below 20 live eras.
    """

    deployment: DeploymentId
    vendor: VendorSlug
    claimed: BacktestRequest | None = Field(description="What the vendor claimed; null: nothing")
    claimed_at: datetime | None = Field(description="When it was claimed, UTC; null: never")
    live_eras: int = Field(description="How many eras were scored live")
    live_mean_ic: float = Field(description="The mean of the live rank ICs by era")
    live_deviation: float = Field(description="Their standard deviation")
    z: float | None = Field(description="The difference in standard errors; null where it cannot be computed")
    verdict: Literal["as-claimed", "worse", "better", "too-early", "unclaimed"] = Field(
        description="What the difference means"
    )


class RoundDesk(Wire):
    """The consensus and the portfolio of each era of a round."""

    round: RoundId
    consensus: list[ConsensusWrite] = Field(description="The consensus of each era")
    portfolios: list[OptimizerWrite] = Field(description="The portfolio of each era")
    stand_ins: dict[DeploymentId, DeploymentId] = Field(
        default={},
        description="Deployments of private services that you see, and the names that stand for them in published "
        "scores",
    )
