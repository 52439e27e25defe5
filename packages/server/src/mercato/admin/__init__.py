"""What operators may do to everyone, and the audit log of what everybody did.

*Entry*: one line of the audit log; its core is sealed, its details name people and can be erased. *Head*: a signed
state of the log. *Anchor*: a head that is kept outside of the database. *Segment*: 256 entries with one root.
*Refusal*: a request that was denied; those of a minute are one entry.
"""

from mercato.admin.analytics import Analytics, AnalyticsDesk, AnalyticsWork
from mercato.admin.announcements import Announcements, NoticeBoard
from mercato.admin.audit_rows import EntryFilter
from mercato.admin.backlog import Backlog, Queue
from mercato.admin.browse import AuditLog, export_lines
from mercato.admin.changes import tell_change
from mercato.admin.denials import Refusals
from mercato.admin.erase import ERASURES, ErasureWork, erasure_starter
from mercato.admin.erasures import Erasures
from mercato.admin.export import ExportWork, export_starter
from mercato.admin.exports import PersonExports
from mercato.admin.figures import LAST_BACKUP, keep_figures, read_figures
from mercato.admin.health import (
    KEPT,
    SERVICES,
    STALE,
    Gauge,
    HealthBook,
    Probed,
    ServiceNow,
    Span,
    State,
    is_stale,
    worst,
)
from mercato.admin.health_models import HealthChange, HealthGauge
from mercato.admin.health_rows import Step
from mercato.admin.key_changes import tell_key_change
from mercato.admin.legal_holds import LegalHolds
from mercato.admin.models import Announcement, Erasure, LegalHold, PersonExport
from mercato.admin.news import (
    AccessRefused,
    AnnouncementChanged,
    AuditPruned,
    ErasureAsked,
    HealthChanged,
    LegalHoldChanged,
    PersonExportAsked,
    PrivateDataRead,
    RequestServed,
    SecretChanged,
    SubjectErased,
    WorkflowOrdered,
)
from mercato.admin.overview import Overview, OverviewDesk
from mercato.admin.probing import Probe, Probing
from mercato.admin.prune import AuditPruning
from mercato.admin.record import AuditRecorder
from mercato.admin.replay import KeptErasure, Replay, kept_erasures
from mercato.admin.retention import KeptRows, Retention, chores_of_the_map
from mercato.admin.seal import AuditAnchors, AuditSealer
from mercato.admin.subjects import NOT_AUDITED, audited_news, target_of
from mercato.admin.suspension import SuspensionKeeper
from mercato.admin.verify import LogCheck
from mercato.admin.view_as import begin_view
from mercato.admin.workflows import WorkflowCounts, WorkflowDesk, WorkflowOrders, give_order

__all__ = [
    "ERASURES",
    "KEPT",
    "LAST_BACKUP",
    "NOT_AUDITED",
    "SERVICES",
    "STALE",
    "AccessRefused",
    "Analytics",
    "AnalyticsDesk",
    "AnalyticsWork",
    "Announcement",
    "AnnouncementChanged",
    "Announcements",
    "AuditAnchors",
    "AuditLog",
    "AuditPruned",
    "AuditPruning",
    "AuditRecorder",
    "AuditSealer",
    "Backlog",
    "EntryFilter",
    "Erasure",
    "ErasureAsked",
    "ErasureWork",
    "Erasures",
    "ExportWork",
    "Gauge",
    "HealthBook",
    "HealthChange",
    "HealthChanged",
    "HealthGauge",
    "KeptErasure",
    "KeptRows",
    "LegalHold",
    "LegalHoldChanged",
    "LegalHolds",
    "LogCheck",
    "NoticeBoard",
    "Overview",
    "OverviewDesk",
    "PersonExport",
    "PersonExportAsked",
    "PersonExports",
    "PrivateDataRead",
    "Probe",
    "Probed",
    "Probing",
    "Queue",
    "Refusals",
    "Replay",
    "RequestServed",
    "Retention",
    "SecretChanged",
    "ServiceNow",
    "Span",
    "State",
    "Step",
    "SubjectErased",
    "SuspensionKeeper",
    "WorkflowCounts",
    "WorkflowDesk",
    "WorkflowOrdered",
    "WorkflowOrders",
    "audited_news",
    "begin_view",
    "chores_of_the_map",
    "erasure_starter",
    "export_lines",
    "export_starter",
    "give_order",
    "is_stale",
    "keep_figures",
    "kept_erasures",
    "read_figures",
    "target_of",
    "tell_change",
    "tell_key_change",
    "worst",
]
