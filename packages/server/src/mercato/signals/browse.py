"""The desk as callers may see it: scores, their inputs once resolved, consensus, portfolios, leaderboard, claims."""

import math
from collections.abc import Sequence

from mercato.datasets import DataShelves, SeenRound
from mercato.identity import Caller, Directory, Permission
from mercato.platform import Clock, ObjectStore, Session
from mercato.publishing import Catalogue, DeploymentHolds
from mercato.signals.models import BacktestClaim, DeploymentRoundScore, DeskDocument, SignalEntry
from mercato.signals.private_names import PrivateNames
from mercato.signals.refusals import ScoresNotFound, ScoresUnderEmbargo, SignalDeploymentUnknown
from mercato.signals.repository import SignalRepository
from mercato_contracts.consensus import ConsensusWrite
from mercato_contracts.desk import BacktestRequest, LeaderboardRow, Reconciliation, RoundDesk
from mercato_contracts.optimizer import OptimizerWrite
from mercato_contracts.ranking import deviation, mean

_LEAST_LIVE_ERAS = 20
_DESK = ("consensus", "portfolio")


class DeskWindow:
    """The desk as the caller may see it, within one transaction. `names_key` (secret): see `PrivateNames`."""

    def __init__(
        self, session: Session, clock: Clock, store: ObjectStore, holds: DeploymentHolds, names_key: bytes
    ) -> None:
        self._session = session
        self._directory = Directory(session)
        self._rows = SignalRepository(session)
        self._shelves = DataShelves(session, clock, store)
        self._catalogue = Catalogue(session)
        self._holds = holds
        self._names_key = names_key
        self._clock = clock

    async def entries(
        self, caller: Caller, *, round_id: str | None, before: int | None, limit: int
    ) -> Sequence[SignalEntry]:
        """The caller's own, the newest first."""
        caller.require(Permission.SERVICES_READ)
        return await self._rows.written_by(caller.organisation_id, round_id=round_id, before=before, limit=limit)

    async def scores(self, caller: Caller, round_id: str) -> DeskDocument:
        """Raises `RoundNotFound`, `ScoresNotFound`."""
        await self._shelves.get_round_by_id(caller, round_id)
        return await self._document(round_id, "scores")

    async def inputs(self, caller: Caller, round_id: str) -> DeskDocument:
        """The inputs of the scores. Raises `RoundNotFound`, `ScoresNotFound`, `ScoresUnderEmbargo`."""
        seen = await self._shelves.get_round_by_id(caller, round_id)
        found = await self._document(round_id, "inputs")
        _must_be_resolved(caller, seen)
        return found

    async def desk(self, caller: Caller, round_id: str) -> RoundDesk:
        """Consensus and portfolios, in which other names stand for what the caller does not see.

        Raises `RoundNotFound`, `ScoresNotFound`, `ScoresUnderEmbargo`."""
        return await self.desk_of(caller, await self._shelves.get_round_by_id(caller, round_id))

    async def desk_of(self, caller: Caller, seen: SeenRound) -> RoundDesk:
        """The same of a round that was looked up. Raises `ScoresNotFound`, `ScoresUnderEmbargo`."""
        documents = await self._rows.documents(seen.round.id, _DESK)
        if not any(row.kind == "consensus" for row in documents):
            raise ScoresNotFound(f"Round {seen.round.number} has no consensus yet.")
        _must_be_resolved(caller, seen)
        return await self._shown_to(caller, _desk_of(seen.round.id, documents))

    async def newest_desk(self, caller: Caller, round_ids: Sequence[str]) -> RoundDesk | None:
        """Of the first of these rounds that has a consensus, for operators."""
        caller.require(Permission.MARKETPLACE_READ)
        documents = await self._rows.first_documents(round_ids, _DESK)
        return _desk_of(documents[0].round_id, documents) if documents else None

    async def leaderboard(self, viewer: str | None = None, *, everything: bool = False) -> list[LeaderboardRow]:
        """Every deployment that was scored and whose service the organisation `viewer` sees, or all of them."""
        results: dict[str, list[DeploymentRoundScore]] = {}
        for row in await self._rows.all_scores():
            results.setdefault(row.deployment_id, []).append(row)
        if not everything:
            for unseen in await Catalogue(self._session, viewer).unseen_deployments(list(results)):
                del results[unseen]
        held = await self._holds.holds_on(list(results))
        rows = [_standing(deployment, rounds, deployment in held) for deployment, rounds in results.items()]
        rows.sort(key=lambda row: (-row.contribution, -row.rank_ic, row.deployment))
        return [row.model_copy(update={"rank": at}) for at, row in enumerate(rows, start=1)]

    async def claim(self, caller: Caller, deployment_id: str, claim: BacktestRequest) -> Reconciliation:
        """Record the vendor's claim about its own backtest; only the first one counts.

        Raises `SignalDeploymentUnknown`.
        """
        caller.require(Permission.SERVICES_PUBLISH)
        service = await self._catalogue.find_service_of(deployment_id)
        if service is None or service.vendor_id != caller.organisation_id:
            raise SignalDeploymentUnknown(f"{deployment_id} is no deployment of yours.")
        row = BacktestClaim(deployment_id=deployment_id, claimed_at=self._clock.now(), **claim.model_dump())
        await self._rows.put_claim(row)
        return await self.reconcile(deployment_id, everything=True)

    async def reconcile(
        self, deployment_id: str, viewer: str | None = None, *, everything: bool = False
    ) -> Reconciliation:
        """Live rank ICs against the claim; for everybody who sees the service. Raises `SignalDeploymentUnknown`."""
        unseen = await Catalogue(self._session, viewer).unseen_deployments([deployment_id])
        if unseen and not everything:
            raise SignalDeploymentUnknown(f"Of {deployment_id} there is neither a claim nor a score.")
        results = [row for row in await self._rows.all_scores() if row.deployment_id == deployment_id]
        claim = await self._rows.find_claim(deployment_id)
        if not results and claim is None:
            raise SignalDeploymentUnknown(f"Of {deployment_id} there is neither a claim nor a score.")
        service = await self._catalogue.find_service_of(deployment_id)
        live = [era["rank_ic"] for row in results for era in row.figures["eras"]]
        vendor = "" if service is None else (await self._directory.get(service.vendor_id)).slug
        return _compare(deployment_id, vendor, claim, live, results)

    async def _shown_to(self, caller: Caller, desk: RoundDesk) -> RoundDesk:
        taking_part = {weight.deployment for write in desk.consensus for weight in write.consensus.weights}
        private = await self._catalogue.unseen_deployments(taking_part)
        hidden: set[str] = set()
        if private and not caller.may(Permission.MARKETPLACE_READ):
            hidden = await Catalogue(self._session, caller.organisation_slug).unseen_deployments(private)
        names = PrivateNames(self._names_key, hidden)
        return desk.model_copy(
            update={
                "consensus": [names.in_consensus(write) for write in desk.consensus],
                "portfolios": [names.in_portfolio(write) for write in desk.portfolios],
                "stand_ins": {one: names.stand_in(one) for one in sorted(private - hidden)},
            }
        )

    async def _document(self, round_id: str, kind: str) -> DeskDocument:
        found = await self._rows.find_document(round_id, kind)
        if found is None:
            raise ScoresNotFound(f"Round {round_id} has not been scored.")
        return found


def _desk_of(round_id: str, documents: Sequence[DeskDocument]) -> RoundDesk:
    return RoundDesk(
        round=round_id,
        consensus=[ConsensusWrite.model_validate_json(row.content) for row in documents if row.kind == "consensus"],
        portfolios=[OptimizerWrite.model_validate_json(row.content) for row in documents if row.kind == "portfolio"],
    )


def _must_be_resolved(caller: Caller, seen: SeenRound) -> None:
    if seen.round.state != "resolved" and not caller.may(Permission.MARKETPLACE_READ):
        raise ScoresUnderEmbargo(
            f"Round {seen.round.number} is under embargo until {seen.round.embargo_until:%Y-%m-%d %H:%M:%S} UTC.",
            embargo_until=seen.round.embargo_until.isoformat(),
        )


def _standing(deployment: str, rounds: Sequence[DeploymentRoundScore], is_held: bool) -> LeaderboardRow:
    def average(name: str) -> float:
        return round(mean([row.figures[name] for row in rounds]), 9)

    last = rounds[-1]
    spread = deviation([row.figures["contribution"] for row in rounds])
    return LeaderboardRow(
        rank=0,
        deployment=deployment,
        vendor=last.vendor,
        rounds=len(rounds),
        eras=sum(len(row.figures["eras"]) for row in rounds),
        rank_ic=average("rank_ic"),
        contribution=average("contribution"),
        contribution_error=round(spread / math.sqrt(len(rounds)), 9) if len(rounds) > 1 else None,
        uniqueness=average("uniqueness"),
        churn=average("churn"),
        turnover=average("turnover"),
        deflated_sharpe=last.figures["deflated_sharpe"],
        weight=last.weight,
        is_held=is_held,
    )


def _compare(
    deployment: str,
    vendor: str,
    claim: BacktestClaim | None,
    live: Sequence[float],
    rows: Sequence[DeploymentRoundScore],
) -> Reconciliation:
    middle = mean(live)
    spread = deviation(live)
    z: float | None = None
    verdict = "unclaimed" if claim is None else "too-early"
    if claim is not None and len(live) >= _LEAST_LIVE_ERAS:
        # Targets overlap by the horizon: only one era per horizon is independent.
        horizon = 5
        error = math.sqrt(spread**2 * horizon / len(live) + claim.deviation**2 * horizon / claim.eras)
        z = round((middle - claim.mean_ic) / error, 6) if error > 0 else 0.0
        verdict = "as-claimed" if abs(z) <= 2 else ("worse" if z < 0 else "better")
    claimed = None if claim is None else BacktestRequest(
        eras=claim.eras, mean_ic=claim.mean_ic, deviation=claim.deviation, source=claim.source
    )  # fmt: skip
    return Reconciliation(
        deployment=deployment, vendor=rows[-1].vendor if rows else vendor, claimed=claimed,
        claimed_at=claim.claimed_at if claim else None, live_eras=len(live), live_mean_ic=round(middle, 9),
        live_deviation=round(spread, 9), z=z, verdict=verdict,
    )  # fmt: skip
