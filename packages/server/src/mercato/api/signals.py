"""The desk: signals taken and proved, scores, leaderboard, kill switches."""

import asyncio
import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, Response

from mercato.deployments import Signatures
from mercato.edge.caller import SignedIn
from mercato.edge.paging import Page
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.viewer import SeesEverything, Viewer
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.publishing import DeploymentHolds
from mercato.signals import (
    DeskDocument,
    DeskEvent,
    DeskRecord,
    DeskWindow,
    KillSwitch,
    KillSwitches,
    ReceivedBody,
    SignalLog,
    SignalStore,
    optimize,
    receive,
    view_receipt,
)
from mercato_contracts.desk import (
    BacktestRequest,
    HeadList,
    KillScope,
    KillSwitchList,
    KillSwitchView,
    Leaderboard,
    LiftRequest,
    LogAudit,
    Reconciliation,
    RecordLine,
    RecordList,
    RoundDesk,
    SignalPage,
    ThrowRequest,
)
from mercato_contracts.optimizer import OptimizerInferenceRequest, OptimizerInferenceResponse
from mercato_contracts.record import RecordHeadList
from mercato_contracts.scores import RoundScores, ScoreInputs
from mercato_contracts.signals import SIGNATURE_HEADER, SignalConsistency, SignalProof, SignalReceipts

router = APIRouter(prefix="/api", tags=["desk"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)
"""Routes of which a part is slow and comes before their transaction."""

_WRITE = {"$ref": "#/components/schemas/SignalWrite"}
_BATCH = {"$ref": "#/components/schemas/SignalWriteBatch"}
_BODY: dict[str, Any] = {
    "parameters": [{"name": "Mercato-Signature", "in": "header", "required": True, "schema": {"type": "string"}}],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": [_WRITE, _BATCH]}}}},
}

_PUBLISHED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document as it was published",
        "headers": {"Mercato-Sha256": {"description": "The checksum of its bytes", "schema": {"type": "string"}}},
    }
}


def _window(session: Transaction, parts: Parts) -> DeskWindow:
    holds = DeploymentHolds(session, parts.clock, parts.outbox)
    return DeskWindow(session, parts.clock, parts.objects, holds, parts.data_key)


def _switches(session: Transaction, parts: Parts) -> KillSwitches:
    return KillSwitches(session, parts.clock, parts.ids, parts.outbox)


def _log(session: Transaction, parts: Parts) -> SignalLog:
    return SignalLog(session, parts.clock)


def _record(session: Transaction, parts: Parts) -> DeskRecord:
    return DeskRecord(session, parts.clock)


Window = Annotated[DeskWindow, Depends(_window)]
Switches = Annotated[KillSwitches, Depends(_switches)]
Log = Annotated[SignalLog, Depends(_log)]
Record = Annotated[DeskRecord, Depends(_record)]


async def _receive(request: Request, caller: SignedIn, parts: Parts) -> ReceivedBody:
    return await receive(parts.database, parts.live_rounds, caller, await request.body())


Received = Annotated[ReceivedBody, Depends(_receive)]


@late.post(
    "/signals/store",
    status_code=201,
    summary="Write signals of an open round, signed by the deployment: one `SignalWrite` or a `SignalWriteBatch`",
    openapi_extra=_BODY,
    response_model=SignalReceipts,
)
async def store_signals(
    request: Request, caller: SignedIn, body: Received, session: Transaction, parts: Parts
) -> Response:
    """The header `Mercato-Signature` signs the exact bytes of the body with the deployment's linked key. All writes of
    a batch are taken or none. A write that is in the log already gets its old receipt again.
    """
    store = SignalStore(session, parts.clock, parts.ids, parts.outbox, Signatures(session))
    taken = await store.take(caller, body, request.headers.get(SIGNATURE_HEADER))
    # Written as it is: to check a thousand receipts a second time costs more than to make them.
    return Response(SignalReceipts(items=taken).model_dump_json(), 201, media_type="application/json")


@router.get("/signals", summary="Your entries in the log, the newest first")
async def list_signals(
    caller: SignedIn,
    window: Window,
    round_id: Annotated[str | None, Query(alias="round")] = None,
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> SignalPage:
    """What your organisation's deployments wrote, with each entry's place and hash in the log."""
    rows = await window.entries(caller, round_id=round_id, before=before, limit=limit)
    items = [view_receipt(row) for row in rows]
    return SignalPage(items=items, next=Page.of(rows, limit, lambda row: row.place).next)


@router.get("/signals/heads", summary="Signed states of the log, the newest first")
async def list_heads(log: Log, limit: Annotated[int, Query(ge=1, le=500)] = 24) -> HeadList:
    """Each head is the root of a Merkle tree over all entries so far, signed by the marketplace."""
    return HeadList(items=await log.heads(limit))


@router.post("/signals/heads", summary="Seal log and record now instead of at the hour's end (operators)")
async def seal_log(caller: SignedIn, log: Log, record: Record, parts: Parts) -> HeadList:
    """A head is made only where entries came since the last one; a repeat answers with that."""
    caller.require(Permission.MARKETPLACE_WRITE)
    await log.seal(parts.log_key, at_once=True)
    await record.seal(parts.log_key, at_once=True)
    return HeadList(items=await log.heads(1))


@router.get("/signals/consistency", summary="Proof that a later state of the log only added to an earlier one")
async def prove_consistency(log: Log, first: int, second: int | None = None) -> SignalConsistency:
    """The hashes from which anybody can check, without trust in the marketplace, that no entry of the earlier state was
    changed or removed.
    """
    return await log.prove_consistency(first, second)


@router.get("/signals/audit", summary="Recompute the log and the desk's record (operators)")
async def audit_log(caller: SignedIn, log: Log, record: Record, parts: Parts) -> LogAudit:
    """Every hash and signature is computed again. A log that was altered is refused as damaged, with the first place
    that does not fit.
    """
    caller.require(Permission.MARKETPLACE_READ)
    return LogAudit(entries=await log.audit(), record=await record.check(parts.log_key))


@router.get("/signals/{entry_id}/proof", summary="Proof that an entry stands in the log")
async def prove_entry(entry_id: str, log: Log) -> SignalProof:
    """The hashes from the entry to a signed head. An entry that no head covers yet is refused until the next seal,
    within the hour.
    """
    return await log.prove(entry_id)


@router.get(
    "/rounds/{round_id}/scores",
    summary="The scores of a round, byte for byte as published",
    response_model=RoundScores,
    responses=_PUBLISHED,
)
async def get_round_scores(round_id: str, caller: SignedIn, window: Window) -> Response:
    """The header `Mercato-Sha256` is the checksum under which the scores were published. Other names stand in them for
    deployments whose services were private when the round was scored, and for their vendors.
    """
    return _as_published(await window.scores(caller, round_id))


@router.get(
    "/rounds/{round_id}/scores/inputs",
    summary="What the scores were made from, once the round is resolved",
    response_model=ScoreInputs,
    responses=_PUBLISHED,
)
async def get_score_inputs(round_id: str, caller: SignedIn, window: Window) -> Response:
    """With these and `mp score verify`, anybody can compute the scores again."""
    return _as_published(await window.inputs(caller, round_id))


@router.get("/rounds/{round_id}/desk", summary="Consensus and portfolio of each era, once the round is resolved")
async def get_round_desk(round_id: str, caller: SignedIn, window: Window) -> RoundDesk:
    """Who had which weight in the consensus, and the portfolio made from it. Other names stand for deployments of
    private services that you do not see, and for their vendors.
    """
    return await window.desk(caller, round_id)


@router.get("/leaderboard", summary="Deployments by what they add to the consensus")
async def get_leaderboard(window: Window, viewer: Viewer, everything: SeesEverything) -> Leaderboard:
    """Over the rounds that were scored. Each deployment with its mean score, how often it scored and what it earned.
    Those of private services are there for the organisations that see them.
    """
    return Leaderboard(items=await window.leaderboard(viewer, everything=everything))


@router.put("/deployments/{deployment_id}/backtest", summary="Claim a backtest's result")
async def claim_backtest(deployment_id: str, body: BacktestRequest, caller: SignedIn, window: Window) -> Reconciliation:
    """The mean and the standard deviation that live results are compared with. The first claim stays: a later one
    changes nothing.
    """
    return await window.claim(caller, deployment_id, body)


@router.get("/deployments/{deployment_id}/reconciliation", summary="Live results against the claimed backtest")
async def reconcile_backtest(
    deployment_id: str, window: Window, viewer: Viewer, everything: SeesEverything
) -> Reconciliation:
    """How far the live mean lies from the claimed one, and whether chance explains it."""
    return await window.reconcile(deployment_id, viewer, everything=everything)


@router.get("/kill-switches", summary="Kill switches, the newest first (operators)")
async def list_switches(caller: SignedIn, switches: Switches, thrown: bool = False) -> KillSwitchList:
    """The last 200. With `thrown=true`, only those still in force."""
    return KillSwitchList(items=[_view_switch(row) for row in await switches.list_all(caller, thrown_only=thrown)])


@router.post(
    "/kill-switches", status_code=201, summary="Switch a deployment, a vendor or the whole desk off (operators)"
)
async def throw_switch(body: ThrowRequest, caller: SignedIn, switches: Switches) -> KillSwitchView:
    """Within a second gateways route no call to what it covers, and its signals count no longer. Thrown twice it is one
    switch.
    """
    return _view_switch(await switches.throw(caller, body.scope, body.target, body.reason))


@router.post("/kill-switches/{switch_id}/lift", summary="Lift a kill switch (operators)")
async def lift_switch(switch_id: str, body: LiftRequest, caller: SignedIn, switches: Switches) -> KillSwitchView:
    """What another switch covers stays off. Lifting a lifted switch changes nothing."""
    return _view_switch(await switches.lift(caller, switch_id, body.reason))


@router.get("/desk/record", summary="What was decided on the desk, by whom and why, the newest first (operators)")
async def read_record(
    caller: SignedIn,
    record: Record,
    subject: str | None = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> RecordList:
    """Each line carries the digest of the line before, so that none can be changed unseen."""
    caller.require(Permission.MARKETPLACE_READ)
    lines = await record.read(subject, limit, before)
    reasons = await record.reasons(lines)
    return RecordList(items=[_view_line(row, reason) for row, reason in zip(lines, reasons, strict=True)])


@router.get("/desk/record/heads", summary="Signed states of the desk's record, the newest first")
async def list_record_heads(record: Record, limit: Annotated[int, Query(ge=1, le=500)] = 24) -> RecordHeadList:
    """Each signs the record's last line at that moment."""
    return RecordHeadList(items=await record.heads(limit))


@late.post("/desk/optimizer", summary="A portfolio for given scores, returns and limits (operators)")
async def ask_optimizer(body: OptimizerInferenceRequest, caller: SignedIn) -> OptimizerInferenceResponse:
    """The same optimizer that makes the desk's portfolios; nothing is stored. Limits that cannot be met together are
    refused with the reason.
    """
    caller.require(Permission.MARKETPLACE_READ)
    return await asyncio.to_thread(optimize, body)


def _as_published(row: DeskDocument) -> Response:
    return Response(row.content, media_type="application/json", headers={"Mercato-Sha256": row.sha256})


def _view_switch(row: KillSwitch) -> KillSwitchView:
    return KillSwitchView(
        id=row.id,
        scope=cast(KillScope, row.scope),
        target=row.target,
        origin=row.origin,
        reason=row.reason,
        by=row.by,
        thrown_at=row.thrown_at,
        lifted_by=row.lifted_by,
        lifted_at=row.lifted_at,
    )


def _view_line(row: DeskEvent, reason: str) -> RecordLine:
    return RecordLine(
        number=row.number, at=row.at, actor=row.actor, what=row.what, subject=row.subject,
        facts=json.loads(row.facts), digest=row.digest, reason=reason,
    )  # fmt: skip


router.include_router(late)
