"""The data map of analytics."""

from mercato.admin.analytics_models import AnalyticsReport, RefusalDay
from mercato.platform import OPERATION, Keep, LegalBasis, describe

describe(AnalyticsReport, "Figures of the whole marketplace, made anew every hour.", LegalBasis.INTEREST, OPERATION,
         ids="name", facts="digest figures", times="made_at until")  # fmt: skip
describe(RefusalDay, "How often the marketplace refused, by code.", LegalBasis.INTEREST, Keep(days=400, since="at"),
         facts="code", measures="refusals", times="at")  # fmt: skip
