"""What service accounts refuse."""

from mercato.platform import Conflict, NotFound, Refusal


class ServiceAccountNotFound(NotFound):
    """The caller's organisation has no such service account."""

    code = "service_account_not_found"
    title = "No such service account"
    fix = "`GET /api/service-accounts` lists those of your organisation."


class ServiceAccountTaken(Conflict):
    """The organisation has a service account of this name."""

    code = "service_account_taken"
    title = "The name is taken"
    fix = "Choose another name, or use the service account that has it; disabled ones keep theirs."


class ServiceAccountDisabled(Conflict):
    """A disabled service account gets no keys."""

    code = "service_account_disabled"
    title = "The service account is disabled"
    fix = "Enable it first with `POST /api/service-accounts/{account_id}/enable`, or use another one."


class RightsTooWide(Refusal):
    """A service account may not have more than its role allows or than whoever gives it may do."""

    code = "rights_too_wide"
    status = 422
    title = "The rights are too wide"
    fix = "Leave out the rights named under `facts.refused`."
