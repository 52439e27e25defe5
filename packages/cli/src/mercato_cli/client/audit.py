"""The audit log: entries, heads, hashes."""

from collections.abc import Iterator
from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.audit import (
    AuditEntryPage,
    AuditEntryWithProof,
    AuditHead,
    AuditHeadPage,
    AuditLeaves,
    AuditVerification,
)
from mercato_contracts.head_keys import PublishedHeadKeys


class AuditCalls(Transport):
    """The audit log: entries, heads, hashes."""

    def audit_entries(self, wanted: dict[str, Any], before: int | None, limit: int) -> AuditEntryPage:
        """The newest first."""
        return self.ask(AuditEntryPage, "GET", "/api/audit/entries", query={**wanted, "before": before, "limit": limit})

    def audit_entry(self, entry_id: str) -> AuditEntryWithProof:
        """One entry with its proof."""
        return self.ask(AuditEntryWithProof, "GET", f"/api/audit/entries/{segment(entry_id)}")

    def newest_audit_head(self) -> AuditHead | None:
        """`None` before the first seal."""
        heads = self.ask(AuditHeadPage, "GET", "/api/audit/heads", query={"limit": 1}).items
        return heads[0] if heads else None

    def head_keys(self) -> PublishedHeadKeys:
        """Every key that signs or signed heads, the oldest first."""
        return self.ask(PublishedHeadKeys, "GET", "/api/audit/keys")

    def audit_leaves(self) -> Iterator[AuditLeaves]:
        """Every hash, page by page."""
        first: int | None = 0
        while first is not None:
            page = self.ask(AuditLeaves, "GET", "/api/audit/leaves", query={"first": first})
            yield page
            first = page.next

    def export_audit(self, wanted: dict[str, Any]) -> bytes:
        """One entry a line."""
        return self.request("GET", "/api/audit/export", query=wanted)

    def verify_audit(self) -> AuditVerification:
        """The marketplace's own check of the whole log."""
        return self.ask(AuditVerification, "GET", "/api/audit/verification")
