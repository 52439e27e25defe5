"""The data map of the desk: signals of organisations, and who decided about the desk."""

from mercato.platform import RECORD, WITH_LISTING, ColumnKind, ColumnNote, Erased, LegalBasis, describe
from mercato.signals.models import (
    BacktestClaim,
    DeploymentRoundScore,
    DeskDocument,
    DeskEvent,
    DeskRecordHead,
    KillSwitch,
    SignalEntry,
    SignalHead,
    SignalNode,
)

describe(SignalEntry, "Signals, as they were received.", LegalBasis.CONTRACT, RECORD,
         ids="id deployment_id vendor_id round_id", content="scores entry", facts="scores_sha256 leaf",
         measures="place era", times="created_at received_at")  # fmt: skip
describe(SignalNode, "Hashes over signals.", LegalBasis.INTEREST, RECORD, measures="level number", facts="root")
describe(SignalHead, "Signed states of the log of signals.", LegalBasis.INTEREST, RECORD,
         facts="root at key signature", measures="size", times="sealed_at")  # fmt: skip
describe(DeskDocument, "What the desk published.", LegalBasis.CONTRACT, RECORD,
         ids="round_id", facts="kind sha256", content="content", measures="era", times="at")  # fmt: skip
describe(DeploymentRoundScore, "How each deployment did.", LegalBasis.CONTRACT, RECORD,
         ids="deployment_id round_id dataset_id vendor_id", facts="vendor figures", measures="number weight",
         times="at")  # fmt: skip
describe(KillSwitch, "What was switched off, and why.", LegalBasis.INTEREST, RECORD,
         ids="id", people="by lifted_by", facts="scope target origin", words="reason",
         times="thrown_at lifted_at")  # fmt: skip
describe(
    DeskEvent,
    "The desk's record, each line chained to the one before.",
    LegalBasis.INTEREST,
    RECORD,
    people="actor",
    facts="at what subject digest",
    measures="number",
    more={"facts": ColumnNote(ColumnKind.WORDS, "What was decided, and why.", Erased.SHREDDED)},
)
describe(DeskRecordHead, "Signed states of the desk's record.", LegalBasis.INTEREST, RECORD,
         facts="digest at key signature", measures="size", times="sealed_at")  # fmt: skip
describe(BacktestClaim, "What vendors say of their signals.", LegalBasis.CONTRACT, WITH_LISTING,
         ids="deployment_id", facts="source", measures="eras mean_ic deviation", times="claimed_at")  # fmt: skip
