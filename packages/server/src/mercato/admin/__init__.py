"""What operators may do to everyone, and the audit log of what everybody did.

*Entry*: one line of the audit log; its core is sealed, its details name people and can be erased. *Head*: a signed
state of the log. *Anchor*: a head that is kept outside of the database. *Segment*: 256 entries with one root.
*Refusal*: a request that was denied; those of a minute are one entry.
"""

from mercato.admin.audit_rows import EntryFilter
from mercato.admin.browse import AuditLog, export_lines
from mercato.admin.changes import tell_change
from mercato.admin.denials import Refusals
from mercato.admin.erase import ERASURES, ErasureStarter, ErasureWork
from mercato.admin.erasures import Erasures
from mercato.admin.export import ExportStarter, ExportWork
from mercato.admin.exports import PersonExports
from mercato.admin.legal_holds import LegalHolds
from mercato.admin.models import Erasure, LegalHold, PersonExport
from mercato.admin.news import (
    AccessRefused,
    AuditPruned,
    ErasureAsked,
    LegalHoldChanged,
    PersonExportAsked,
    PrivateDataRead,
    RequestServed,
    SubjectErased,
)
from mercato.admin.prune import AuditPruning
from mercato.admin.record import AuditRecorder
from mercato.admin.replay import KeptErasure, Replay, kept_erasures
from mercato.admin.retention import KeptRows, Retention, chores_of_the_map
from mercato.admin.seal import AuditAnchors, AuditSealer
from mercato.admin.subjects import NOT_AUDITED, audited_news, target_of
from mercato.admin.suspension import SuspensionKeeper
from mercato.admin.verify import LogCheck

__all__ = [
    "ERASURES",
    "NOT_AUDITED",
    "AccessRefused",
    "AuditAnchors",
    "AuditLog",
    "AuditPruned",
    "AuditPruning",
    "AuditRecorder",
    "AuditSealer",
    "EntryFilter",
    "Erasure",
    "ErasureAsked",
    "ErasureStarter",
    "ErasureWork",
    "Erasures",
    "ExportStarter",
    "ExportWork",
    "KeptErasure",
    "KeptRows",
    "LegalHold",
    "LegalHoldChanged",
    "LegalHolds",
    "LogCheck",
    "PersonExport",
    "PersonExportAsked",
    "PersonExports",
    "PrivateDataRead",
    "Refusals",
    "Replay",
    "RequestServed",
    "Retention",
    "SubjectErased",
    "SuspensionKeeper",
    "audited_news",
    "chores_of_the_map",
    "export_lines",
    "kept_erasures",
    "target_of",
    "tell_change",
]
