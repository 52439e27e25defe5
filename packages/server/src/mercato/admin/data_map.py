"""The data map of the admin room: the audit log."""

from mercato.admin.models import AuditAnchor, AuditHeadRow, AuditNode, AuditRow, RefusedRow
from mercato.platform import RECORD, ColumnKind, ColumnNote, Erased, Keep, LegalBasis, describe

AUDIT_DAYS = 400

describe(
    AuditRow,
    "Who did what, when, to what.",
    LegalBasis.INTEREST,
    Keep(days=AUDIT_DAYS, since="at", chore="old audit entries"),
    ids="id organisation_id target_id",
    people="actor_id",
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
