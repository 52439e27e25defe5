"""Deployments: what is routed, what is held and why, and each one's last heartbeat."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.deployments import Deployments, DeploymentState
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Refusal
from mercato_contracts.deployments import LinkRequest

router = page_router()


@dataclass(frozen=True, slots=True)
class DeploymentsPage:
    """All of them, the newest first; those of yanked releases last."""

    items: Sequence[DeploymentState]


@router.get("/vendor/deployments")
async def show_deployments(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """With holds and heartbeats."""
    states = await Deployments(session, parts.clock, parts.outbox).list_all(visit.caller)
    newest = sorted(states, key=lambda one: (one.running.status != "yanked", one.running.deployment.id), reverse=True)
    return visit.show("vendor/deployments.html", DeploymentsPage(newest))


@dataclass(frozen=True, slots=True)
class DeploymentPage:
    """One, with the form that links it."""

    state: DeploymentState
    public_key: str
    interval: str
    may_link: bool


@router.get("/vendor/deployments/{deployment_id}")
async def show_deployment(deployment_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """What it runs, who holds it, what it says of itself."""
    state = await Deployments(session, parts.clock, parts.outbox).get(visit.caller, deployment_id)
    return visit.show("vendor/deployment.html", _page(visit.caller.may(Permission.DEPLOYMENTS_WRITE), state))


@router.post("/vendor/deployments/{deployment_id}/link")
async def link_deployment(
    deployment_id: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """It signs with this key from now on."""
    visit.caller.require(Permission.DEPLOYMENTS_WRITE)
    desk = Deployments(session, parts.clock, parts.outbox)
    state = await desk.get(visit.caller, deployment_id)
    form = await Form.of(request)
    try:
        wanted = as_request(LinkRequest, public_key=form.get("public_key"), interval_seconds=form.find("interval"))
        await desk.link(
            visit.caller, deployment_id, public_key=wanted.public_key, interval_seconds=wanted.interval_seconds
        )
    except Refusal as refusal:
        page = DeploymentPage(state, form.get("public_key")[:100], form.get("interval")[:10], True)
        return visit.show("vendor/deployment.html", page, refusal=refusal)
    return visit.go(f"/vendor/deployments/{deployment_id}")


def _page(may_link: bool, state: DeploymentState) -> DeploymentPage:
    link = state.link
    return DeploymentPage(state, link.public_key if link else "", str(link.interval_seconds if link else 30), may_link)
