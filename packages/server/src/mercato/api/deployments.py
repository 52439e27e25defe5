"""Deployments: listed, linked, heard."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from pydantic import ValidationError

from mercato.deployments import DeploymentLink, Deployments, DeploymentState, Heartbeats
from mercato.edge.caller import SignedIn
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.platform import Malformed
from mercato_contracts.deployments import (
    DeploymentList,
    DeploymentView,
    Heartbeat,
    HeartbeatReceipt,
    HoldView,
    LinkRequest,
    LinkView,
)
from mercato_contracts.problem import FieldError

router = APIRouter(prefix="/api", tags=["deployments"], route_class=TransactionalRoute)


def _deployments_of(session: Transaction, parts: Parts) -> Deployments:
    return Deployments(session, parts.clock, parts.outbox)


def _heartbeats_of(session: Transaction, parts: Parts) -> Heartbeats:
    return Heartbeats(session, parts.clock, parts.outbox)


Desk = Annotated[Deployments, Depends(_deployments_of)]
Hearing = Annotated[Heartbeats, Depends(_heartbeats_of)]

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Heartbeat"}}},
    }
}


@router.get("/deployments", summary="The deployments of your organisation")
async def list_deployments(caller: SignedIn, desk: Desk) -> DeploymentList:
    """Each with its holds, which keep it out of routing, and its link."""
    return DeploymentList(items=[view_deployment(state) for state in await desk.list_all(caller)])


@router.get("/deployments/{deployment_id}", summary="One deployment of yours")
async def get_deployment(deployment_id: str, caller: SignedIn, desk: Desk) -> DeploymentView:
    """With its holds, which keep it out of routing, and the state of its link: when it was heard and when it is due."""
    return view_deployment(await desk.get(caller, deployment_id))


@router.put("/deployments/{deployment_id}/link", summary="Link a deployment to the key it signs with")
async def link_deployment(deployment_id: str, body: LinkRequest, caller: SignedIn, desk: Desk) -> DeploymentView:
    """From then on the deployment signs its heartbeats and signals with the private half, and sends a heartbeat every
    `interval_seconds`. Linking again replaces the key: what the old one signed is refused.
    """
    state = await desk.link(caller, deployment_id, public_key=body.public_key, interval_seconds=body.interval_seconds)
    return view_deployment(state)


@router.post("/heartbeats", summary="Send a deployment's heartbeat, signed over the body", openapi_extra=_BODY)
async def take_heartbeat(
    request: Request,
    caller: SignedIn,
    hearing: Hearing,
    mercato_signature: Annotated[str | None, Header(description="`ed25519=<base64>`")] = None,
) -> HeartbeatReceipt:
    """`Mercato-Signature` signs the exact bytes of the body with the linked key. `sequence` must rise with every
    heartbeat; one that was taken before is refused. A deployment that misses its heartbeats is kept out of routing.
    """
    body = await request.body()
    heartbeat = _read(body)
    return _receipt(heartbeat, await hearing.take(caller, heartbeat, body, mercato_signature))


def _read(body: bytes) -> Heartbeat:
    try:
        return Heartbeat.model_validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)[:20]
        errors = [
            FieldError(field=".".join(map(str, item["loc"])) or "body", code=item["type"], message=item["msg"])
            for item in problems
        ]
        raise Malformed("Not a heartbeat.", errors=errors) from None


def _receipt(heartbeat: Heartbeat, link: DeploymentLink) -> HeartbeatReceipt:
    assert link.heard_at is not None
    return HeartbeatReceipt(
        deployment=heartbeat.deployment, sequence=heartbeat.sequence, heard_at=link.heard_at, due_at=link.due_at
    )


def view_deployment(state: DeploymentState) -> DeploymentView:
    running, link = state.running, state.link
    return DeploymentView.model_validate(
        {
            "id": running.deployment.id,
            "service": f"{running.vendor_slug}/{running.service.name}",
            "version": running.version,
            "release_status": running.status,
            "url": running.deployment.url,
            "created_at": running.deployment.created_at,
            "routed": not state.holds and running.status != "yanked" and running.service.status == "listed",
            "holds": [HoldView(by=hold.holder, reason=hold.reason, since=hold.held_at) for hold in state.holds],
            "link": None if link is None else _view_link(link),
        }
    )


def _view_link(link: DeploymentLink) -> LinkView:
    return LinkView.model_validate(
        {
            "public_key": link.public_key,
            "interval_seconds": link.interval_seconds,
            "state": link.state,
            "due_at": link.due_at,
            "heard_at": link.heard_at,
            "sequence": link.sequence,
            "figures": link.figures,
            "linked_at": link.linked_at,
        }
    )
