"""Operators' overview, settings, announcements and workflows."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.analytics import AnalyticsView
from mercato_contracts.announcements import AnnouncementList, AnnouncementView
from mercato_contracts.overview import Overview
from mercato_contracts.settings import SettingList
from mercato_contracts.standing import KeyOfAnyonePage
from mercato_contracts.workflows import QueueList, WorkflowPage, WorkflowView


class OperatorCalls(Transport):
    """Operators' overview, settings, announcements and workflows."""

    def overview(self) -> Overview:
        """The marketplace at a glance."""
        return self.ask(Overview, "GET", "/api/overview")

    def analytics(self) -> AnalyticsView:
        """How the marketplace grows."""
        return self.ask(AnalyticsView, "GET", "/api/analytics")

    def settings(self) -> SettingList:
        """The settings that the control plane has read."""
        return self.ask(SettingList, "GET", "/api/settings")

    def keys_of_all(self, organisation: str | None, limit: int) -> KeyOfAnyonePage:
        """The oldest first."""
        query = {"organisation": organisation, "limit": limit}
        return self.ask(KeyOfAnyonePage, "GET", "/api/marketplace/keys", query=query)

    def announcements(self, *, all_of_them: bool) -> AnnouncementList:
        """The newest first."""
        return self.ask(AnnouncementList, "GET", "/api/announcements", query={"all_of_them": all_of_them})

    def announce(self, kind: str, text: str, starts_at: str | None, ends_at: str | None) -> AnnouncementView:
        """Make an announcement."""
        body: dict[str, Any] = {"kind": kind, "text": text, "starts_at": starts_at, "ends_at": ends_at}
        return self.ask(AnnouncementView, "POST", "/api/announcements", body)

    def workflows(self, state: str | None, limit: int) -> WorkflowPage:
        """The newest first."""
        return self.ask(WorkflowPage, "GET", "/api/workflows", query={"state": state, "limit": limit})

    def order_workflow(self, workflow_id: str, order: str, reason: str) -> WorkflowView:
        """`retry` or `cancel`."""
        return self.ask(WorkflowView, "POST", f"/api/workflows/{segment(workflow_id)}/{order}", {"reason": reason})

    def queues(self) -> QueueList:
        """The queues."""
        return self.ask(QueueList, "GET", "/api/queues")

    def end_announcement(self, announcement_id: str) -> AnnouncementView:
        """End an announcement."""
        return self.ask(AnnouncementView, "POST", f"/api/announcements/{segment(announcement_id)}/end")
