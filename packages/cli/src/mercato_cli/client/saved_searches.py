"""Searches that the organisation keeps."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.saved_searches import SavedSearchFitPage, SavedSearchList, SavedSearchView


class SavedSearchCalls(Transport):
    """Saved searches."""

    def save_search(self, name: str, search: dict[str, Any], *, mail: bool) -> SavedSearchView:
        """Kept under this name, in place of the one that had it."""
        return self.ask(SavedSearchView, "POST", "/api/saved-searches", {"name": name, "search": search, "mail": mail})

    def saved_searches(self) -> SavedSearchList:
        """All of the organisation's."""
        return self.ask(SavedSearchList, "GET", "/api/saved-searches")

    def saved_search_fits(self, saved_id: str, query: dict[str, Any]) -> SavedSearchFitPage:
        """Its reported services, the newest first."""
        return self.ask(SavedSearchFitPage, "GET", f"/api/saved-searches/{segment(saved_id)}/fits", query=query)

    def forget_search(self, saved_id: str) -> None:
        """Gone, with its reports."""
        self.request("DELETE", f"/api/saved-searches/{segment(saved_id)}")
