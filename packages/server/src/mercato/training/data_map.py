"""The data map of training."""

from mercato.platform import WITH_ORGANISATION, ColumnKind, ColumnNote, Erased, LegalBasis, describe
from mercato.training.models import Artifact, Run, RunLog, RunStep

_GIVEN = ColumnNote(ColumnKind.CONTENT, "What the organisation gave to its run.", Erased.MASKED)

describe(
    Run,
    "Training runs of organisations.",
    LegalBasis.CONTRACT,
    WITH_ORGANISATION,
    ids="id organisation_id",
    people="created_by",
    facts="provider code_sha256 data_sha256 data_key state handle metrics",
    words="why",
    measures="seconds nanos_per_hour milliseconds cost_nanos log_bytes exit_code",
    times="launching_at stop_asked_at created_at started_at ended_at deadline_at",
    more={"spec": _GIVEN, "environment": _GIVEN},
)
describe(RunStep, "What a run reported.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="run_id", facts="metrics", measures="step", times="at")  # fmt: skip
describe(RunLog, "What a run printed.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="run_id", measures="place stop", words="text")  # fmt: skip
describe(Artifact, "Files that a run left.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="run_id", facts="name kind sha256 key", measures="bytes")  # fmt: skip
