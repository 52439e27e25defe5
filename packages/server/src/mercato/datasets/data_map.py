"""The data map of data rounds: prices of stocks, and who moved a round when."""

from mercato.datasets.models import Dataset, Round, RoundFile, RoundTransition, StoredPanel
from mercato.platform import RECORD, LegalBasis, describe

describe(Dataset, "What rounds are made of.", LegalBasis.CONTRACT, RECORD,
         ids="id reader_id panel_id", facts="name", words="title summary card", times="created_at")  # fmt: skip
describe(StoredPanel, "Prices that a round is made from.", LegalBasis.CONTRACT, RECORD,
         ids="id dataset_id", facts="object_key sha256 first_day last_day features sources",
         measures="bytes eras horizon_days lag_days", times="built_at")  # fmt: skip
describe(Round, "Periods of data.", LegalBasis.CONTRACT, RECORD,
         ids="id dataset_id panel_id", facts="state scores_sha256",
         measures="number first_era last_era train_last_era horizon_days lag_days",
         times="opened_at closes_at embargo_until")  # fmt: skip
describe(RoundFile, "Files of rounds.", LegalBasis.CONTRACT, RECORD,
         ids="round_id", facts="name object_key sha256", measures="bytes rows")  # fmt: skip
describe(RoundTransition, "Who moved a round, and why.", LegalBasis.CONTRACT, RECORD,
         ids="round_id", people="by", facts="state", words="reason", times="at")  # fmt: skip
