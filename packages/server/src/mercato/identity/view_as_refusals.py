"""What viewing as somebody else refuses."""

from mercato.platform import Conflict, Refusal


class ViewAsAdministrator(Refusal):
    """Nobody is shown what an administrator, or a person of the operator, can read."""

    code = "view_as_administrator"
    status = 403
    title = "Nobody views as an administrator"
    fix = "Choose a person of the organisation with the role viewer or approver."


class ViewAsForbidden(Refusal):
    """The organisation does not let operators view as its people."""

    code = "view_as_forbidden"
    status = 403
    title = "The organisation forbids it"
    fix = "An administrator of the organisation allows it, with `mp view-as allow` or on the page of the organisation."


class ViewAsReadsOnly(Refusal):
    """Whoever views as somebody else reads, and changes nothing."""

    code = "view_as_reads_only"
    status = 403
    title = "You are viewing as somebody else"
    fix = "End the view first, with `mp view-as end` or on the page."


class ViewAsNobody(Conflict):
    """The person cannot sign in, so there is nothing to see as them."""

    code = "view_as_disabled_person"
    title = "This person cannot sign in"
    fix = "Choose another person of the organisation; `mp organisations show` has what operators see without a view."
