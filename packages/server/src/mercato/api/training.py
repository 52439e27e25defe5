"""Training runs: started, followed, stopped, and what they left."""

import asyncio
import time
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from mercato.edge.caller import SignedIn
from mercato.edge.holds import authenticated
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute, prove_credential
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import NotSignedIn
from mercato.platform import Session
from mercato.training import Dossier, OutputPage, Run, StoredCode, TrainingRuns, claim_run, store_code
from mercato_contracts.training import ClaimRequest, LogPage, StartTrainingRequest, TrainingRun, TrainingRunPage

router = APIRouter(prefix="/api/training", tags=["training"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)
streams = APIRouter(prefix="/api/training", tags=["training"])

_LINK_LIVES = timedelta(minutes=15)
_LOOK_SECONDS = 0.25
_LONGEST_WAIT = 25


def _runs(session: Session, parts: Wiring) -> TrainingRuns:
    return TrainingRuns(session, parts.clock, parts.ids, parts.outbox, parts.objects, parts.providers)


def _runs_of(session: Transaction, parts: Parts) -> TrainingRuns:
    return _runs(session, parts)


Desk = Annotated[TrainingRuns, Depends(_runs_of)]


async def _store_code(
    body: StartTrainingRequest, caller: SignedIn, parts: Parts
) -> tuple[StartTrainingRequest, StoredCode]:
    """The store of files may be slow: no connection of the database is held while it takes the code."""
    async with parts.database.transaction() as session:
        content = await _runs(session, parts).check(caller, body.spec, body.code)
    return body, await store_code(parts.objects, parts.ids, content)


Stored = Annotated[tuple[StartTrainingRequest, StoredCode], Depends(_store_code)]


@late.post("/runs", status_code=201, summary="Start a training run")
async def start_training_run(caller: SignedIn, stored: Stored, desk: Desk) -> TrainingRun:
    """The run waits for its provider, within its budget. Every request starts another run."""
    body, code = stored
    return view_run(await desk.start(caller, body.spec, code))


@router.get("/runs", summary="The runs of your organisation, the newest first")
async def list_training_runs(
    caller: SignedIn, desk: Desk, after: After = None, limit: PageSize = 50
) -> TrainingRunPage:
    """Without steps and artifacts; the run itself has them."""
    runs = await desk.list_all(caller, before=after, limit=limit)
    return TrainingRunPage(items=[_view(run, Dossier(run, [], [])) for run in runs], next=Page.of(runs, limit).next)


@router.get("/runs/{run_id}", summary="A run: why it waits, how far it is, what it cost and left")
async def get_training_run(run_id: str, caller: SignedIn, desk: Desk) -> TrainingRun:
    """Its state, the reason for it, its metrics by step, its cost so far and what it left."""
    return view_run(await desk.get(caller, run_id))


@router.post("/runs/{run_id}/stop", summary="Stop a run; one that has ended stays as it ended")
async def stop_training_run(run_id: str, caller: SignedIn, desk: Desk) -> TrainingRun:
    """The run ends within seconds and costs what it used. A run that has ended stays as it ended."""
    return view_run(await desk.stop(caller, run_id))


@router.get(
    "/runs/{run_id}/artifacts/{name}",
    summary="A file that the run left",
    status_code=307,
    response_class=Response,
    responses={
        307: {
            "description": "Where the file is",
            "headers": {
                "Location": {"description": "A signed link, good for 15 minutes", "schema": {"type": "string"}}
            },
        }
    },
)
async def get_training_artifact(run_id: str, name: str, caller: SignedIn, desk: Desk, parts: Parts) -> Response:
    """Redirects to a signed link that is good for 15 minutes and needs no credential."""
    artifact = await desk.get_artifact(caller, run_id, name)
    return Response(status_code=307, headers={"location": await parts.objects.presign(artifact.key, _LINK_LIVES)})


@router.post(
    "/runs/{run_id}/claim",
    status_code=204,
    summary="Claim a run for a job, by its signed link",
)
async def claim_training_run(
    run_id: str,
    body: ClaimRequest,
    session: Transaction,
    parts: Parts,
    place: Annotated[str, Query(pattern=r"^[a-z0-9]{1,40}$")],
    expires: Annotated[str, Query(pattern=r"^[0-9]{1,12}$")],
    signature: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")],
) -> Response:
    """The signature in the link is the credential. The same claim again changes nothing; another job is refused."""
    parts.claims.check(run_id, place, expires, signature)
    await claim_run(session, run_id, place, body.job)
    return Response(status_code=204)


@streams.get("/runs/{run_id}/logs", summary="Read a run's log, waiting for more")
async def read_training_log(
    run_id: str,
    request: Request,
    parts: Parts,
    after: Annotated[int, Query(ge=0, le=2**60)] = 0,
    wait: Annotated[int, Query(ge=0, le=_LONGEST_WAIT, description="Seconds")] = 0,
) -> LogPage:
    """From the byte `after` on. Where nothing is new, the answer waits for up to `wait` seconds."""
    deadline = time.monotonic() + wait
    await prove_credential(request, parts)
    while True:
        # A transaction a look: who waits must not hold one open.
        found = await _look(request, parts, run_id, after)
        if found.text or found.ended or time.monotonic() >= deadline:
            return LogPage(text=found.text, offset=found.offset, next=found.next, ended=found.ended)
        await asyncio.sleep(_LOOK_SECONDS)


async def _look(request: Request, parts: Wiring, run_id: str, after: int) -> OutputPage:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise NotSignedIn("This request carries no key or access token.")
    async with parts.database.transaction() as session:
        caller = await authenticated(request, parts, session, credential.strip())
        return await _runs(session, parts).read_log(caller, run_id, after)


def view_run(dossier: Dossier) -> TrainingRun:
    return _view(dossier.run, dossier)


def _view(run: Run, dossier: Dossier) -> TrainingRun:
    return TrainingRun.model_validate(
        {
            "id": run.id,
            "spec": run.spec,
            "state": run.state,
            "why": run.why,
            "code_sha256": run.code_sha256,
            "data_sha256": run.data_sha256,
            "environment": run.environment,
            "cost_nanos": run.cost_nanos,
            "nanos_per_hour": run.nanos_per_hour,
            "steps": [{"step": step.step, "metrics": step.metrics, "at": step.at} for step in dossier.steps],
            "metrics": run.metrics,
            "artifacts": [
                {"name": each.name, "kind": each.kind, "bytes": each.bytes, "sha256": each.sha256}
                for each in dossier.artifacts
            ],
            "exit_code": run.exit_code,
            "created_at": run.created_at,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "deadline_at": run.deadline_at,
        }
    )


router.include_router(late)
