"""Kill switches: thrown with one click and a reason, lifted only after a new proof of identity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Names
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actors, Permission
from mercato.platform import Refusal, Session
from mercato.signals import KillSwitch, KillSwitches
from mercato_contracts.desk import LiftRequest, ThrowRequest

router = page_router()


@dataclass(frozen=True, slots=True)
class SwitchesPage:
    """Those in force first; names of people beside ids."""

    thrown: Sequence[KillSwitch]
    lifted: Sequence[KillSwitch]
    people: dict[str, str]
    vendors: dict[str, str]
    may_write: bool
    scope: str = "all"
    target: str = ""
    reason: str = ""
    lifting: str = ""
    """The switch that was not lifted yet, for the reason that was typed."""


@router.get("/desk/switches")
async def show_switches(visit: SignedIn, session: Transaction) -> Response:
    """With the form that throws one."""
    return visit.show("desk/switches.html", await _page(visit, session))


@router.post("/desk/switches")
async def throw(request: Request, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """In force at gateways within a second."""
    form = await Form.of(request)
    try:
        wanted = as_request(
            ThrowRequest, scope=form.find("scope"), target=form.find("target"), reason=form.find("reason")
        )
        switches = KillSwitches(session, parts.clock, parts.ids, parts.outbox)
        await switches.throw(visit.caller, wanted.scope, wanted.target, wanted.reason)
    except Refusal as refusal:
        typed = (form.get("scope")[:20], form.get("target")[:64], form.get("reason")[:500])
        return visit.show("desk/switches.html", await _page(visit, session, *typed), refusal=refusal)
    return visit.go("/desk/switches")


@router.post("/desk/switches/{switch_id}/lift")
async def lift(switch_id: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """What it covers runs again. It needs a proof of who asks from the last ten minutes."""
    visit.caller.require(Permission.MARKETPLACE_WRITE)
    visit.caller.require_recent_proof(visit.now)
    form = await Form.of(request)
    try:
        wanted = as_request(LiftRequest, reason=form.find("reason"))
        await KillSwitches(session, parts.clock, parts.ids, parts.outbox).lift(visit.caller, switch_id, wanted.reason)
    except Refusal as refusal:
        typed = replace(await _page(visit, session), lifting=switch_id, reason=form.get("reason")[:500])
        return visit.show("desk/switches.html", typed, refusal=refusal)
    return visit.go("/desk/switches")


async def _page(visit: Visit, session: Session, scope: str = "all", target: str = "", reason: str = "") -> SwitchesPage:
    parts = visit.wiring
    rows = await KillSwitches(session, parts.clock, parts.ids, parts.outbox).list_all(visit.caller, thrown_only=False)
    known = await Actors(session).find({each for row in rows for each in (row.by, row.lifted_by) if each})
    return SwitchesPage(
        thrown=[row for row in rows if row.lifted_at is None],
        lifted=[row for row in rows if row.lifted_at is not None],
        vendors=await Names(session).organisations({row.target for row in rows if row.scope == "vendor"}),
        people={actor_id: actor.name for actor_id, actor in known.items()},
        may_write=visit.caller.may(Permission.MARKETPLACE_WRITE),
        scope=scope,
        target=target,
        reason=reason,
    )
