"""The data map of the edge."""

from mercato.edge.models import IdempotentAnswer
from mercato.platform import ColumnKind, ColumnNote, Keep, LegalBasis, describe

describe(
    IdempotentAnswer,
    "Answers that a repeated request gets again.",
    LegalBasis.CONTRACT,
    Keep(days=1, since="at", chore="old answers"),
    facts="name body_digest status media_type",
    times="at",
    more={"sealed": ColumnNote(ColumnKind.SECRET, "The answer, sealed with a key that only the client has.")},
)
