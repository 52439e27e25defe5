"""The lowest room: session, outbox, durable workflows, clock, refusals, telemetry. No business.

* *Session*: one transaction of the database.
* *News*: what happened, as a typed value; the *outbox* stores it in the transaction of the change.
* *Subscriber*: a reader of news: durable, once for the marketplace, or ephemeral, in every process.
* *Workflow*: work in steps whose results outlive the process; a step may run twice.
* *Refusal*: an error that is an answer, with a stable code.
* *Chain*: rows of which each covers the one before; *head*: a signed state of a chain.
"""

from mercato.platform.bell import Bell
from mercato.platform.chain import Chain, ChainDamaged, ChainTables, LinkedDigests, SignedHead
from mercato.platform.clock import Clock, Ids, SystemClock, SystemIds
from mercato.platform.commits import Unconfirmed
from mercato.platform.context import RequestContext, Served, current_request, serving
from mercato.platform.data_map import (
    BOOKS,
    OPERATION,
    PERSONAL,
    RECORD,
    WITH_ACCOUNT,
    WITH_LISTING,
    WITH_ORGANISATION,
    ColumnKind,
    ColumnNote,
    Described,
    Erased,
    Keep,
    LegalBasis,
    describe,
    described_tables,
    description_of,
    undescribed,
)
from mercato.platform.database import LIVELY, Base, Database, Session, after_commit, driver_url, libpq_url
from mercato.platform.database_time import compare_time, time_kept
from mercato.platform.extras import DeskNotInstalled, desk_libraries
from mercato.platform.feed import DurableSubscriber, EphemeralSubscriber, OutboxFeed, OutsideSubscriber
from mercato.platform.file_lock import is_locked
from mercato.platform.following import follow_outside
from mercato.platform.head_key import HeadKey, HeadSigner
from mercato.platform.holders import Holding, hold_name, holder_of, let_name_go, list_holdings, note_name
from mercato.platform.key_ring import FIRST, KeyRing, RingDamaged, RingKey
from mercato.platform.key_wrapping import KeyWrapper, KmsFailed, is_wrapped, unwrap_ring, wrap_ring, wrapped_by
from mercato.platform.lead_reader import LeadReader, LeadTerms, StillLeads, forget_lead_reader
from mercato.platform.leading import LeadLost, leading
from mercato.platform.lines import LineFormat, csv_head, csv_line, line_of, stream_lines
from mercato.platform.mail import Letter, Mail, MailRefused
from mercato.platform.marketplace_secret import MarketplaceSecret, Seal, is_any_of
from mercato.platform.measured import MeasuredGauge
from mercato.platform.merkle_tree import MerkleTree, SubtreeRoot
from mercato.platform.news import News, every_news
from mercato.platform.objects import (
    CHUNK_BYTES,
    LONGEST_LINK,
    ObjectNotFound,
    ObjectStore,
    RangeOutside,
    StoredObject,
    check_expiry,
    check_key,
    check_prefix,
    check_range,
)
from mercato.platform.one_line import one_line
from mercato.platform.outbox import (
    Event,
    Lag,
    Outbox,
    OutboxLag,
    Place,
    forget_events,
    reaches_back,
    read_end,
    read_events,
    read_place,
)
from mercato.platform.prepared import Prepared
from mercato.platform.refusals import Conflict, Malformed, NotFound, Refusal, Unavailable, every_refusal
from mercato.platform.sealed_rows import SealedColumn, count_by_key, reseal
from mercato.platform.secrets import Purpose, SealBroken, derive_key
from mercato.platform.starting import start_on
from mercato.platform.telemetry import configure_logging, mask_fields
from mercato.platform.together import Answers, Question, ask_together
from mercato.platform.tracing import current_trace, traced
from mercato.platform.workflows import (
    Json,
    NotJson,
    StepFunction,
    Steps,
    UnknownStep,
    Workflow,
    WorkflowFunction,
    WorkflowNotFound,
    WorkflowRecord,
    WorkflowRecords,
    WorkflowRejected,
    Workflows,
    WorkflowsAway,
    WorkflowsRefused,
    WorkflowState,
    copy_json,
    name_call,
    place_of,
)
from mercato_contracts.masking import mask

__all__ = [
    "BOOKS",
    "CHUNK_BYTES",
    "FIRST",
    "LIVELY",
    "LONGEST_LINK",
    "OPERATION",
    "PERSONAL",
    "RECORD",
    "WITH_ACCOUNT",
    "WITH_LISTING",
    "WITH_ORGANISATION",
    "Answers",
    "Base",
    "Bell",
    "Chain",
    "ChainDamaged",
    "ChainTables",
    "Clock",
    "ColumnKind",
    "ColumnNote",
    "Conflict",
    "Database",
    "Described",
    "DeskNotInstalled",
    "DurableSubscriber",
    "EphemeralSubscriber",
    "Erased",
    "Event",
    "HeadKey",
    "HeadSigner",
    "Holding",
    "Ids",
    "Json",
    "Keep",
    "KeyRing",
    "KeyWrapper",
    "KmsFailed",
    "Lag",
    "LeadLost",
    "LeadReader",
    "LeadTerms",
    "LegalBasis",
    "Letter",
    "LineFormat",
    "LinkedDigests",
    "Mail",
    "MailRefused",
    "Malformed",
    "MarketplaceSecret",
    "MeasuredGauge",
    "MerkleTree",
    "News",
    "NotFound",
    "NotJson",
    "ObjectNotFound",
    "ObjectStore",
    "Outbox",
    "OutboxFeed",
    "OutboxLag",
    "OutsideSubscriber",
    "Place",
    "Prepared",
    "Purpose",
    "Question",
    "RangeOutside",
    "Refusal",
    "RequestContext",
    "RingDamaged",
    "RingKey",
    "Seal",
    "SealBroken",
    "SealedColumn",
    "Served",
    "Session",
    "SignedHead",
    "StepFunction",
    "Steps",
    "StillLeads",
    "StoredObject",
    "SubtreeRoot",
    "SystemClock",
    "SystemIds",
    "Unavailable",
    "Unconfirmed",
    "UnknownStep",
    "Workflow",
    "WorkflowFunction",
    "WorkflowNotFound",
    "WorkflowRecord",
    "WorkflowRecords",
    "WorkflowRejected",
    "WorkflowState",
    "Workflows",
    "WorkflowsAway",
    "WorkflowsRefused",
    "after_commit",
    "ask_together",
    "check_expiry",
    "check_key",
    "check_prefix",
    "check_range",
    "compare_time",
    "configure_logging",
    "copy_json",
    "count_by_key",
    "csv_head",
    "csv_line",
    "current_request",
    "current_trace",
    "derive_key",
    "describe",
    "described_tables",
    "description_of",
    "desk_libraries",
    "driver_url",
    "every_news",
    "every_refusal",
    "follow_outside",
    "forget_events",
    "forget_lead_reader",
    "hold_name",
    "holder_of",
    "is_any_of",
    "is_locked",
    "is_wrapped",
    "leading",
    "let_name_go",
    "libpq_url",
    "line_of",
    "list_holdings",
    "mask",
    "mask_fields",
    "name_call",
    "note_name",
    "one_line",
    "place_of",
    "reaches_back",
    "read_end",
    "read_events",
    "read_place",
    "reseal",
    "serving",
    "start_on",
    "stream_lines",
    "time_kept",
    "traced",
    "undescribed",
    "unwrap_ring",
    "wrap_ring",
    "wrapped_by",
]
