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


class ZoneUnknown(Malformed):
    """No time zone of the IANA database has this name."""

    code = "zone_unknown"
    title = "No such time zone"
    fix = "Give an IANA name such as `Asia/Kolkata`, `Europe/Berlin` or `UTC`."


class SeriesTooLong(Malformed):
    """The period has more steps than one answer may have."""

    code = "series_too_long"
    title = "Too many steps"
    fix = "Give a larger `step`, a shorter period, or a smaller `top`; `facts.most` is what one answer holds."


class FilterRefused(Refusal):
    """Usage seen from this side is not narrowed so."""

    code = "usage_filter_refused"
    status = 422
    title = "Usage cannot be filtered this way"
    fix = "Leave out the filters named under `facts.hidden`: vendors do not see the keys of their callers."


class CursorForeign(Malformed):
    """The cursor comes from another list, or from other filters."""

    code = "cursor_foreign"
    title = "The cursor belongs to another list"
    fix = "Send `next` of the page before with the same filters, or leave `after` out to begin anew."


class CallNotFound(NotFound):
    """There is no such call, or it is none of the caller's organisation."""

    code = "call_not_found"
    title = "No such call"
    fix = "`GET /api/usage/calls` lists the calls of your organisation, `side=vendor` those of its services."


class ExportsBusy(Refusal):
    """As many exports run as may at once."""

    code = "exports_busy"
    status = 503
    title = "Too many exports at once"
    fix = "Try again in a minute."


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


class AnomalyNotFound(NotFound):
    """No unusual hour of the organisation has this id."""

    code = "anomaly_not_found"
    title = "No such unusual hour"
    fix = "List them with `mp anomalies list`."
