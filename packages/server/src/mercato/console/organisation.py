"""The organisation: its people, invitations, one's own sessions and second factors, roles, the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import audit as audit_api
from mercato.api import identity as people_api
from mercato.api import invitations as invitations_api
from mercato.api import organisations as members_api
from mercato.api import second_factors as factors_api
from mercato.api import sessions as sessions_api
from mercato.api import view_as as views_api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.letters import InvitationDesk
from mercato.edge.paging import After
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Refusal
from mercato_contracts.audit import AuditEntryPage
from mercato_contracts.identity import UserList
from mercato_contracts.people import (
    CodeRequest,
    InvitationPage,
    InvitationRequest,
    LoginSessionList,
    NewInvitationAnswer,
    NewSecondFactorAnswer,
    NewSecondFactorRequest,
    SecondFactorList,
)
from mercato_contracts.standing import DisableRequest, RightsView, RoleChange
from mercato_contracts.view_as import PastView, ViewAsSetting

router = page_router()

_ROLES = (("viewer", "viewer: reads"), ("approver", "approver"), ("admin", "admin: everything of the organisation"))
_VIEWS = 10
_ROWS = 100
_FILTERS: Mapping[str, str] = {
    "actor": "Who", "verb": "What", "target": "Target", "target_type": "Kind", "outcome": "Outcome", "from": "From",
    "to": "To",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """People and invitations, and one's own access."""

    people: UserList
    invitations: InvitationPage
    first: str
    next_people: str
    next_invitations: str
    sessions: LoginSessionList
    factors: SecondFactorList
    roles: Sequence[tuple[str, str]]
    may_write: bool
    reads_audit: bool
    views: Sequence[PastView]
    allows_views: bool
    invited: NewInvitationAnswer | None = None
    factor: NewSecondFactorAnswer | None = None
    recovery_codes: Sequence[str] = ()
    email: str = ""
    role: str = ""
    factor_name: str = ""


@dataclass(frozen=True, slots=True)
class RolesPage:
    """What each role and each kind of key may do."""

    rights: RightsView


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries of the audit log, and the filters in force."""

    found: AuditEntryPage
    chips: Sequence[tuple[str, str, str]]
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class Office:
    """The visitor, and what the page's requests need."""

    visit: SignedIn
    session: Transaction
    parts: Parts
    sessions: sessions_api.SessionDesk
    factors: factors_api.FactorDesk
    invitations: InvitationDesk
    members: members_api.MemberDesk
    views: views_api.ViewDesk
    people: After = None
    sent: After = None
    """Where the pages of people and of invitations begin."""

    async def page(
        self,
        *,
        invited: NewInvitationAnswer | None = None,
        factor: NewSecondFactorAnswer | None = None,
        recovery_codes: Sequence[str] = (),
        email: str = "",
        role: str = "",
        factor_name: str = "",
    ) -> OrganisationPage:
        """Everything that the page shows. The last three: what a form that was not done held."""
        caller, here = self.visit.caller, self.visit.at("/organisation")
        people = await people_api.list_users(caller, self.session, self.parts, after=self.people, limit=_ROWS)
        may_write = caller.may(Permission.USERS_WRITE)
        invitations = InvitationPage(items=[], next=None)
        if may_write:
            invitations = await invitations_api.list_invitations(
                caller, self.invitations, self.parts, after=self.sent, limit=_ROWS
            )
        return OrganisationPage(
            people=people,
            invitations=invitations,
            first=here.first(),
            next_people=here.on("people", people.next),
            next_invitations=here.on("sent", invitations.next),
            sessions=await sessions_api.list_sessions(caller, self.sessions),
            factors=await factors_api.list_second_factors(caller, self.factors),
            roles=_ROLES,
            may_write=may_write,
            reads_audit=caller.may(Permission.AUDIT_READ),
            views=(await views_api.list_views(caller, self.views, limit=_VIEWS)).items,
            allows_views=await self.views.is_allowed(caller),
            invited=invited,
            factor=factor,
            recovery_codes=recovery_codes,
            email=email,
            role=role,
            factor_name=factor_name,
        )

    async def show(
        self, refusal: Refusal | None = None, *, email: str = "", role: str = "", factor_name: str = ""
    ) -> Response:
        page = await self.page(email=email, role=role, factor_name=factor_name)
        return self.visit.show("organisation.html", page, refusal=refusal)


Desk = Annotated[Office, Depends()]


@router.get("/organisation")
async def show_organisation(office: Desk) -> Response:
    """For everybody in it; what a role may not do says so."""
    return await office.show()


@router.post("/organisation/invitations")
async def invite(request: Request, office: Desk) -> Response:
    """The link is shown this once, and sent by mail. Needs a proof of who one is."""
    form = await Form.of(request)
    try:
        body = as_request(InvitationRequest, email=form.find("email"), role=form.find("role"))
        new = await invitations_api.invite(body, office.visit.caller, office.invitations, office.parts)
    except Refusal as refusal:
        return await office.show(refusal, email=form.get("email")[:254], role=form.get("role")[:20])
    return office.visit.show("organisation.html", await office.page(invited=new))


@router.post("/organisation/invitations/{invitation_id}/withdraw")
async def withdraw_invitation(invitation_id: str, office: Desk) -> Response:
    """Its link no longer works."""
    await invitations_api.withdraw_invitation(invitation_id, office.visit.caller, office.invitations)
    return office.visit.go("/organisation")


@router.post("/organisation/people/{user_id}/role")
async def change_role(user_id: str, request: Request, office: Desk) -> Response:
    """Needs a proof of who one is."""
    form = await Form.of(request)
    body = as_request(RoleChange, role=form.find("role"))
    await members_api.change_role(user_id, body, office.visit.caller, office.members)
    return office.visit.go("/organisation")


@router.post("/organisation/people/{user_id}/disable")
async def disable_user(user_id: str, request: Request, office: Desk) -> Response:
    """Their sessions end, and the keys that they made are revoked unless the box is ticked."""
    form = await Form.of(request)
    body = DisableRequest(keep_keys=form.has("keep_keys"))
    await members_api.disable_user(user_id, body, office.visit.caller, office.members)
    return office.visit.go("/organisation")


@router.post("/organisation/people/{user_id}/enable")
async def enable_user(user_id: str, office: Desk) -> Response:
    """They can sign in again."""
    await members_api.enable_user(user_id, office.visit.caller, office.members)
    return office.visit.go("/organisation")


@router.post("/organisation/sessions/{session_id}/end")
async def end_session(session_id: str, office: Desk) -> Response:
    """One of one's own."""
    await sessions_api.end_session(session_id, office.visit.caller, office.sessions)
    return office.visit.go("/organisation")


@router.post("/organisation/sessions/end-others")
async def end_other_sessions(office: Desk) -> Response:
    """All but this one."""
    await sessions_api.end_other_sessions(office.visit.caller, office.sessions)
    return office.visit.go("/organisation")


@router.post("/organisation/second-factors")
async def add_second_factor(request: Request, office: Desk) -> Response:
    """What the app needs, shown this once; it counts once its first code was typed. Needs a proof of who one is."""
    form = await Form.of(request)
    try:
        body = as_request(NewSecondFactorRequest, name=form.find("name"))
        new = await factors_api.add_second_factor(
            body, office.visit.caller, office.factors, office.session, office.parts
        )
    except Refusal as refusal:
        return await office.show(refusal, factor_name=form.get("name")[:120])
    office.visit.made(new.id)
    return office.visit.show("organisation.html", await office.page(factor=new))


@router.post("/organisation/second-factors/{factor_id}/confirm")
async def confirm_second_factor(factor_id: str, request: Request, office: Desk) -> Response:
    """Recovery codes come with the first app."""
    form = await Form.of(request)
    try:
        body = as_request(CodeRequest, code=form.find("code"))
        codes = await factors_api.confirm_second_factor(factor_id, body, office.visit.caller, office.factors)
    except Refusal as refusal:
        return await office.show(refusal)
    return office.visit.show("organisation.html", await office.page(recovery_codes=codes.recovery_codes))


@router.post("/organisation/second-factors/{factor_id}/remove")
async def remove_second_factor(factor_id: str, office: Desk) -> Response:
    """Needs a proof of who one is."""
    await factors_api.remove_second_factor(factor_id, office.visit.caller, office.factors)
    return office.visit.go("/organisation")


@router.post("/organisation/view-as")
async def set_view_setting(request: Request, office: Desk) -> Response:
    """Needs a proof of who one is."""
    body = ViewAsSetting(allowed=(await Form.of(request)).has("allowed"))
    await views_api.set_view_setting(body, office.visit.caller, office.views)
    return office.visit.go("/organisation")


@router.get("/organisation/roles")
async def show_roles(visit: SignedIn, rights: Annotated[RightsView, Depends(members_api.show_rights)]) -> Response:
    """Made from the table that the code asks."""
    return visit.show("roles.html", RolesPage(rights))


@router.get("/organisation/audit")
async def list_audit_entries(
    visit: SignedIn, found: Annotated[AuditEntryPage, Depends(audit_api.list_audit_entries)]
) -> Response:
    """The organisation's own entries, the newest first."""
    return visit.show("audit.html", audit_page(visit, found))


def audit_page(visit: Visit, found: AuditEntryPage) -> AuditPage:
    """The page of these entries."""
    following = None if found.next is None else str(found.next)
    return AuditPage(found, visit.here.chips(_FILTERS), visit.here.first(), visit.here.on("before", following))
