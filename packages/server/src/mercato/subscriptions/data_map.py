"""The data map of subscriptions."""

from mercato.platform import BOOKS, LegalBasis, describe
from mercato.subscriptions.models import Subscription

describe(Subscription, "Who may call what, at which price.", LegalBasis.CONTRACT, BOOKS,
         ids="id consumer_id vendor_id service_id plan_id", people="created_by", facts="status",
         times="created_at active_since cancelled_at")  # fmt: skip
