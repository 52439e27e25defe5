"""What the admin room refuses."""

from mercato.platform import Conflict, NotFound, Refusal


class AuditEntryNotFound(NotFound):
    """The log has no such entry that the caller may see."""

    code = "audit_entry_not_found"
    title = "No such entry in the audit log"
    fix = "`GET /api/audit/entries` lists the entries that you may see."


class AuditHeadNotFound(NotFound):
    """The log was never sealed at this size."""

    code = "audit_head_not_found"
    title = "No such head of the audit log"
    fix = "`GET /api/audit/heads` lists the signed heads."


class AuditDamaged(Refusal):
    """Entries are not what was sealed."""

    code = "audit_log_damaged"
    status = 500
    title = "The audit log was altered"
    fix = "Keep every head that you have, and run `mp audit verify` to see where it differs."


class AuditPrunedAway(Conflict):
    """A proof needs entries that were pruned."""

    code = "audit_entries_pruned"
    title = "These entries were pruned"
    fix = "Use a head that is newer than the oldest entry that `GET /api/audit/entries` still lists."
