"""Viewing as somebody else, and what an organisation says to it."""

from mercato_cli.transport import Transport
from mercato_contracts.view_as import CurrentView, PastView, PastViewPage, ViewAsSetting, ViewAsState


class ViewCalls(Transport):
    """Views of operators."""

    def view_as(self, person: str, reason: str, organisation: str | None) -> CurrentView:
        """From the next request on. Needs a recent proof."""
        body = {"person": person, "reason": reason, "organisation": organisation}
        return self.ask(CurrentView, "POST", "/api/view-as", body)

    def current_view(self) -> CurrentView | None:
        """The one that this session is in."""
        return self.ask(ViewAsState, "GET", "/api/view-as").view

    def end_view(self) -> None:
        """Without a view nothing changes."""
        self.request("DELETE", "/api/view-as")

    def list_views(self) -> list[PastView]:
        """Who looked at one's own organisation; an operator's own views."""
        return list(self.pages(PastViewPage, "/api/view-as/views"))

    def allow_views(self, *, allowed: bool) -> ViewAsSetting:
        """Needs a recent proof."""
        return self.ask(ViewAsSetting, "PUT", "/api/view-as/setting", {"allowed": allowed})
