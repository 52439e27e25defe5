"""What people send and receive about their own access: sessions, passwords, second factors, invitations."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mercato_contracts.identity import Email, Name, OrganisationView, Password, UserView
from mercato_contracts.wire import Wire

InvitedRole = Literal["super_admin", "admin", "approver", "viewer"]
LinkToken = Annotated[SecretStr, Field(max_length=200)]
Code = Annotated[SecretStr, Field(min_length=6, max_length=40)]


class LoginSessionView(Wire):
    """A session in force."""

    id: str = Field(description="The session's id, `ses_…`")
    current: bool = Field(description="Whether it is the session of this request")
    device: str | None = Field(description="How the client names itself; `null` where it does not")
    network: str | None = Field(description="Where it was begun, without the last part of the address")
    created_at: datetime = Field(description="When the person signed in")
    used_at: datetime | None = Field(description="When its tokens were last renewed")
    expires_at: datetime = Field(description="When it ends by itself")


class LoginSessionList(Wire):
    """Sessions in force, the newest first."""

    items: list[LoginSessionView] = Field(description="The sessions")


class SessionsEndedAnswer(Wire):
    """How many sessions ended."""

    ended: int = Field(description="How many sessions ended by this request")


class ProofRequest(Wire):
    """A new proof of who is asking: `code` for people with a second factor, `password` for all others."""

    password: SecretStr | None = Field(default=None, description="The person's password", max_length=200)
    code: Code | None = Field(default=None, description="Six digits of an authenticator app, or a recovery code")


class PasswordChangeRequest(Wire):
    """The current password and the new one."""

    current: SecretStr = Field(description="The password that is in force", max_length=200)
    new: Password = Field(description="The password from now on")


class PasswordResetRequest(Wire):
    """Whose password was forgotten."""

    email: Email = Field(description="The person's address; the link goes there")


class PasswordResetUse(Wire):
    """The token of a link, and the password from now on."""

    token: LinkToken = Field(description="The last part of the link in the letter")
    password: Password = Field(description="The password from now on")


class NewSecondFactorRequest(Wire):
    """A new authenticator app."""

    name: Name = Field(description="What the person calls it")


class SecondFactorView(Wire):
    """An authenticator app that counts."""

    id: str = Field(description="The factor's id, `fac_…`")
    name: str = Field(description="What the person calls it")
    created_at: datetime = Field(description="When it was added")
    used_at: datetime | None = Field(description="When a code of it was last accepted")


class SecondFactorList(Wire):
    """A person's second factors."""

    items: list[SecondFactorView] = Field(description="The factors, the oldest first")
    recovery_codes_left: int = Field(description="How many recovery codes were not used yet")


class NewSecondFactorAnswer(Wire):
    """What the authenticator app needs; shown this once."""

    id: str = Field(description="The factor's id, to confirm it with")
    secret: str = Field(description="The secret in base32, for typing it in")
    uri: str = Field(description="The `otpauth://` address that a QR code holds")


class CodeRequest(Wire):
    """The code that the authenticator app shows now."""

    code: Code = Field(description="Six digits")


class RecoveryCodesAnswer(Wire):
    """Codes that stand in for the app, each once; shown this once."""

    recovery_codes: list[str] = Field(description="Ten codes; empty where the person has codes already")


class InvitationRequest(Wire):
    """Who is invited, and the role that they get."""

    email: Email = Field(description="The address that is invited")
    role: InvitedRole = Field(description="The role that the person will have")


class InvitationView(Wire):
    """An invitation."""

    id: str = Field(description="The invitation's id, `ivt_…`")
    email: str = Field(description="The address that is invited")
    role: InvitedRole = Field(description="The role that the person will have")
    state: Literal["open", "accepted", "withdrawn", "expired"] = Field(description="Whether its link works, or why not")
    invited_by: str = Field(description="The id of the person who invited")
    created_at: datetime = Field(description="When the invitation was made")
    expires_at: datetime = Field(description="When its link stops working")


class NewInvitationAnswer(InvitationView):
    """An invitation with its link. The link is also sent by mail."""

    link: str = Field(description="The link by which the person joins; it works once")


class InvitationPage(Wire):
    """Some invitations, the newest first; `next` is the `after` of the next page."""

    items: list[InvitationView] = Field(description="The invitations")
    next: str | None = Field(description="The `after` of the next page; `null` on the last")


class InvitationShown(Wire):
    """What a link invites to."""

    organisation: OrganisationView = Field(description="The organisation that invites")
    email: str = Field(description="The address that is invited")
    role: InvitedRole = Field(description="The role that the person will have")
    expires_at: datetime = Field(description="When the link stops working")


class InvitationTokenRequest(Wire):
    """The token of an invitation's link."""

    token: LinkToken = Field(description="The last part of the link")


class InvitationAcceptance(Wire):
    """The token of an invitation's link, and who joins."""

    token: LinkToken = Field(description="The last part of the link")
    name: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)] = Field(
        description="The person's name"
    )
    password: Password = Field(description="The person's password")


class InvitationAccepted(Wire):
    """The new member of the organisation."""

    organisation: OrganisationView = Field(description="The organisation that the person joined")
    user: UserView = Field(description="The new member")
