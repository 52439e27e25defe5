"""The data map of the admin room: the audit log."""

from mercato.admin.models import (
    AuditAnchor,
    AuditHeadRow,
    AuditNode,
    AuditRow,
    Erasure,
    LegalHold,
    PersonExport,
    RefusedRow,
)
from mercato.platform import RECORD, ColumnKind, ColumnNote, Erased, Keep, LegalBasis, describe

AUDIT_DAYS = 400

describe(
    AuditRow,
    "Who did what, when, to what.",
    LegalBasis.INTEREST,
    Keep(days=AUDIT_DAYS, since="at", chore="old audit entries"),
    ids="id organisation_id",
    people="actor_id target_id",
    facts="verb outcome target_type leaf",
    measures="place",
    times="at",
    more={
        "entry": ColumnNote(ColumnKind.FACT, "The sealed part: ids, no names.", Erased.NOTHING),
        "details": ColumnNote(ColumnKind.WORDS, "Names, network, what changed and why.", Erased.SHREDDED),
    },
)
describe(AuditNode, "Hashes over entries.", LegalBasis.INTEREST, RECORD, measures="level number", facts="root")
describe(AuditHeadRow, "Signed states of the audit log.", LegalBasis.INTEREST, RECORD,
         facts="root at key signature", measures="size", times="sealed_at")  # fmt: skip
describe(AuditAnchor, "Which states are kept outside of the database.", LegalBasis.INTEREST, RECORD,
         facts="object_key", measures="size", times="at")  # fmt: skip
describe(RefusedRow, "Refusals of the last minute.", LegalBasis.INTEREST,
         Keep("until the minute is over", chore="refusals of the last minute"),
         people="asker", facts="code route", measures="count", times="minute", words="detail",
         more={"context": ColumnNote(ColumnKind.PLACE, "The request that was refused.", Erased.MASKED)})  # fmt: skip
describe(LegalHold, "Whose data must be kept for now.", LegalBasis.LAW, Keep(days=800, since="lifted_at"),
         ids="id organisation_id", people="person_id placed_by lifted_by", words="reason",
         times="placed_at lifted_at")  # fmt: skip
describe(Erasure, "Who was erased, without a name.", LegalBasis.LAW, RECORD,
         ids="id organisation_id", people="person_id asked_by", facts="counts", times="asked_at ended_at",
)  # fmt: skip
describe(
    PersonExport,
    "Copies of what is known of a person.",
    LegalBasis.LAW,
    Keep(days=0, words="seven days", chore="old copies"),
    ids="id organisation_id",
    facts="sha256 counts",
    measures="bytes",
    times="asked_at expires_at ready_at",
    more={
        "person_id": ColumnNote(ColumnKind.PERSON, "Whose copy it is.", Erased.ROW),
        "asked_by": ColumnNote(ColumnKind.FACT, "Who asked for it."),
        "object_key": ColumnNote(ColumnKind.SECRET, "Where the file is.", Erased.ROW),
    },
)
