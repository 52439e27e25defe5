"""The data map of the platform's own tables."""

from mercato.platform.data_map import OPERATION, ColumnKind, ColumnNote, Erased, Keep, LegalBasis, describe
from mercato.platform.holders import NameHolder
from mercato.platform.outbox import OutboxPlace, OutboxRow

describe(
    OutboxRow,
    "News of changes, until every reader has it.",
    LegalBasis.CONTRACT,
    Keep(days=7, since="at", chore="old news"),
    facts="topic",
    measures="number transaction",
    times="at",
    words="payload",
    more={"context": ColumnNote(ColumnKind.PLACE, "The request that a piece of news came from.", Erased.MASKED)},
)
describe(OutboxPlace, "How far each reader of news has come.", LegalBasis.INTEREST, OPERATION,
         facts="reader", measures="transaction number")  # fmt: skip
describe(NameHolder, "Which workers live, and which run of Redis counts what is lent.", LegalBasis.INTEREST, OPERATION,
         facts="name holder", times="at")  # fmt: skip
