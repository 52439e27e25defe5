"""Organisations, sessions and the caller's identity."""

from mercato_cli.errors import MpError
from mercato_cli.profiles import gateway_of
from mercato_cli.transport import Transport
from mercato_contracts.identity import MeView, SessionView, SignUpAnswer
from mercato_contracts.marketplace import MarketplaceView

_MARKETPLACE = "/api/marketplace"


class AccountCalls(Transport):
    """Organisations, sessions and the caller's identity."""

    def find_gateway(self) -> str:
        """The gateway's address, as the marketplace names it."""
        try:
            found = self.read(MarketplaceView, _MARKETPLACE, self.request("GET", _MARKETPLACE, credential=""))
        except MpError as error:
            if error.problem.get("code") != "not_found":
                raise
            return gateway_of(self._profile.url)  # a marketplace of an earlier release
        return found.gateway_url or gateway_of(self._profile.url, found.gateway_port)

    def me(self) -> MeView:
        """The credential's owner and rights."""
        return self.ask(MeView, "GET", "/api/me")

    def sign_up(self, organisation: str, name: str, email: str, password: str) -> SignUpAnswer:
        """A new organisation and its first administrator."""
        body = {"organisation": organisation, "name": name, "email": email, "password": password}
        return self.ask(SignUpAnswer, "POST", "/api/organisations", body)

    def sign_in(self, email: str, password: str, code: str | None = None) -> SessionView:
        """A new session; `code` is for people with a second factor. A device that signed in here before says so."""
        body = {"email": email, "password": password} | ({} if code is None else {"code": code})
        if self._profile.device_token:
            body["device_token"] = self._profile.device_token
        return self.ask(SessionView, "POST", "/api/sessions", body)

    def sign_out(self) -> None:
        """End the session."""
        self.request("DELETE", "/api/sessions/current")
