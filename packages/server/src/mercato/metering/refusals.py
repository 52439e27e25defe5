"""What metering refuses."""

from mercato.platform import Malformed, NotFound, Refusal


class GroupRefused(Refusal):
    """Usage seen from this side cannot be grouped this way."""

    code = "usage_group_refused"
    status = 422
    title = "Usage cannot be grouped this way"
    fix = "Group by one of those named under `facts.groups`."


class PeriodRefused(Malformed):
    """The period ends before it begins, or is longer than a query may be."""

    code = "period_refused"
    title = "No such period"
    fix = "Give `since` before `until`, at most 400 days apart."


class BudgetNotFound(NotFound):
    """The organisation has set no such budget."""

    code = "budget_not_found"
    title = "No such budget"
    fix = "`GET /api/budgets` lists the budgets of your organisation."


class BudgetKeyUnknown(NotFound):
    """The key of the budget does not belong to the organisation."""

    code = "budget_key_unknown"
    title = "No such key"
    fix = "`GET /api/keys` lists the keys of your organisation."
