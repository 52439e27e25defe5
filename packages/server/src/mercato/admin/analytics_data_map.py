"""The data map of analytics."""

from mercato.admin.analytics_models import AnalyticsReport
from mercato.platform import OPERATION, LegalBasis, describe

describe(AnalyticsReport, "Figures of the whole marketplace, made anew every hour.", LegalBasis.INTEREST, OPERATION,
         ids="name", facts="digest figures", times="made_at until")  # fmt: skip
