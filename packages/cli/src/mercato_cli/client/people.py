"""People's own access: sessions, passwords, second factors, invitations."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.identity import UserList, UserView
from mercato_contracts.passkeys import PasskeyList
from mercato_contracts.people import (
    InvitationAccepted,
    InvitationPage,
    InvitationShown,
    InvitationView,
    LoginSessionList,
    NewInvitationAnswer,
    NewSecondFactorAnswer,
    RecoveryCodesAnswer,
    SecondFactorList,
    SessionsEndedAnswer,
)


class PeopleCalls(Transport):
    """People's own access."""

    def list_sessions(self) -> LoginSessionList:
        """The sessions of the caller that are in force."""
        return self.ask(LoginSessionList, "GET", "/api/sessions")

    def end_session(self, session_id: str) -> None:
        """End a session: its tokens are refused from now on."""
        self.request("DELETE", f"/api/sessions/{segment(session_id)}")

    def end_other_sessions(self) -> SessionsEndedAnswer:
        """End all sessions but the current one."""
        return self.ask(SessionsEndedAnswer, "DELETE", "/api/sessions")

    def end_sessions_of(self, user_id: str) -> SessionsEndedAnswer:
        """End all sessions of a colleague."""
        return self.ask(SessionsEndedAnswer, "DELETE", f"/api/users/{segment(user_id)}/sessions")

    def prove(self, *, password: str | None = None, code: str | None = None) -> None:
        """Prove the caller's identity again."""
        body = {name: value for name, value in (("password", password), ("code", code)) if value is not None}
        self.request("POST", "/api/sessions/current/proof", body)

    def change_password(self, current: str, new: str) -> SessionsEndedAnswer:
        """Change the password; the caller's other sessions end."""
        return self.ask(SessionsEndedAnswer, "PUT", "/api/me/password", {"current": current, "new": new})

    def ask_for_password(self, email: str) -> None:
        """Request a letter with a link, if somebody has this address."""
        self.request("POST", "/api/password-resets", {"email": email}, credential="")

    def set_password(self, token: str, password: str) -> UserView:
        """Set a password by the token of a link."""
        return self.ask(UserView, "POST", "/api/password-resets/use", {"token": token, "password": password})

    def list_second_factors(self) -> SecondFactorList:
        """The caller's authenticator apps."""
        return self.ask(SecondFactorList, "GET", "/api/me/second-factors")

    def add_second_factor(self, name: str) -> NewSecondFactorAnswer:
        """Add an app; it counts once it is confirmed."""
        return self.ask(NewSecondFactorAnswer, "POST", "/api/me/second-factors", {"name": name})

    def confirm_second_factor(self, factor_id: str, code: str) -> RecoveryCodesAnswer:
        """Confirm an app by its first code."""
        path = f"/api/me/second-factors/{segment(factor_id)}/confirm"
        return self.ask(RecoveryCodesAnswer, "POST", path, {"code": code})

    def remove_second_factor(self, factor_id: str) -> None:
        """Needs a recent proof."""
        self.request("DELETE", f"/api/me/second-factors/{segment(factor_id)}")

    def renew_recovery_codes(self) -> RecoveryCodesAnswer:
        """Needs a recent proof."""
        return self.ask(RecoveryCodesAnswer, "POST", "/api/me/recovery-codes")

    def list_passkeys(self) -> PasskeyList:
        """The caller's own."""
        return self.ask(PasskeyList, "GET", "/api/me/passkeys")

    def remove_passkey(self, passkey_id: str) -> None:
        """Needs a recent proof."""
        self.request("DELETE", f"/api/me/passkeys/{segment(passkey_id)}")

    def list_users(self) -> list[UserView]:
        """The people of the organisation."""
        return list(self.pages(UserList, "/api/users"))

    def invite(self, email: str, role: str) -> NewInvitationAnswer:
        """An invitation with its link."""
        return self.ask(NewInvitationAnswer, "POST", "/api/invitations", {"email": email, "role": role})

    def list_invitations(self) -> list[InvitationView]:
        """Every invitation of the organisation."""
        return list(self.pages(InvitationPage, "/api/invitations"))

    def withdraw_invitation(self, invitation_id: str) -> None:
        """Withdraw an invitation: its link no longer works."""
        self.request("DELETE", f"/api/invitations/{segment(invitation_id)}")

    def show_invitation(self, token: str) -> InvitationShown:
        """The invitation of a link."""
        return self.ask(InvitationShown, "POST", "/api/invitations/show", {"token": token})

    def accept_invitation(self, token: str, name: str, password: str) -> InvitationAccepted:
        """Accept an invitation; the answer is the new member."""
        body = {"token": token, "name": name, "password": password}
        return self.ask(InvitationAccepted, "POST", "/api/invitations/accept", body)
