"""What discovery refuses."""

from mercato.platform import Refusal


class CursorOfAnotherSearch(Refusal):
    """The cursor was not given for this search, or was changed on the way."""

    code = "cursor_of_another_search"
    status = 422
    title = "The cursor belongs to another search"
    fix = "Send `next` of the page before with the same words and filters, or leave `cursor` out to start again."
