"""What the admin room refuses."""

from mercato.platform import Conflict, NotFound, Refusal, Unavailable


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


class ErasureBegun(Conflict):
    """What is known of this person goes, or is gone: nothing can be held or copied any more."""

    code = "erasure_begun"
    title = "The person is being erased"
    fix = "Look at the erasure; what it took cannot be brought back."


class UnderLegalHold(Conflict):
    """What is known of this person must be kept for now."""

    code = "under_legal_hold"
    title = "This person is under a legal hold"
    fix = "Ask the operator when the hold ends; operators lift it with `mp privacy release`."


class InvoicesOpen(Conflict):
    """Nobody else could be asked for what the organisation owes or is owed."""

    code = "invoices_open"
    title = "Invoices are open, and this is the last person responsible for them"
    fix = "Wait until the month is closed and its invoices are thirty days old, or give another person the role first."


class ErasureNotFound(NotFound):
    """No such erasure that the caller may see."""

    code = "erasure_not_found"
    title = "No such erasure"
    fix = "`mp privacy erasures` lists them."


class ExportNotFound(NotFound):
    """No such copy that the caller may have, or it expired."""

    code = "export_not_found"
    title = "No such copy"
    fix = "A copy is kept for seven days: ask for a new one with `mp privacy export`."


class AnnouncementNotFound(NotFound):
    """There is no such announcement."""

    code = "announcement_not_found"
    title = "No such announcement"
    fix = "`mp announcements list` shows the announcements."


class UnderMaintenance(Unavailable):
    """Nobody but operators changes anything while maintenance is in force. Calls of services go on."""

    code = "under_maintenance"
    title = "The marketplace is under maintenance"
    fix = "Try again when it is over. Calls of services and reads work meanwhile."


class WorkflowUnknown(NotFound):
    """There is no such workflow."""

    code = "workflow_unknown"
    title = "No such workflow"
    fix = "`mp workflows list` shows the workflows."


class WorkflowNotOver(Conflict):
    """Only what failed or was cancelled can be retried."""

    code = "workflow_not_over"
    title = "The workflow did not fail"
    fix = "Wait until it ends, or cancel it first."


class WorkflowOver(Conflict):
    """Only what is under way can be cancelled."""

    code = "workflow_over"
    title = "The workflow has ended"
    fix = "Nothing is left to cancel; `mp workflows list` shows how it ended."
