"""What discovery refuses."""

from mercato.platform import Conflict, Malformed, NotFound, Refusal


class CursorOfAnotherSearch(Refusal):
    """The cursor was not given for this search, or was changed on the way."""

    code = "cursor_of_another_search"
    status = 422
    title = "The cursor belongs to another search"
    fix = "Send `next` of the page before with the same words and filters, or leave `cursor` out to start again."


class RangeUpsideDown(Refusal):
    """A filter's lower bound lies above its upper bound."""

    code = "range_upside_down"
    status = 422
    title = "The ends of a range are reversed"
    fix = "Send a lower bound that is at most the upper bound, or leave one of them out."

    def __init__(self, name: str, least: int, most: int) -> None:
        super().__init__(f"The range of {name} begins at {least} and ends at {most}.", range=name)


class FeedbackEnough(Refusal):
    """The organisation gave as much feedback as one may in a day."""

    code = "feedback_enough"
    status = 429
    title = "Enough feedback for today"
    fix = "Go on tomorrow. Saying the same of the same result again adds nothing."


class SavedSearchNotFound(NotFound):
    """There is no such saved search, or it is another organisation's."""

    code = "saved_search_not_found"
    title = "There is no such saved search"
    fix = "See those of your organisation with `mp searches list`."


class SavedSearchesEnough(Conflict):
    """The organisation keeps as many searches as one may."""

    code = "saved_searches_enough"
    title = "Enough saved searches"
    fix = "Forget one that you no longer need, or save this one under the name of another."


class MailNeedsPerson(Malformed):
    """A key or a service account asks for mail, which goes to people."""

    code = "mail_needs_person"
    title = "Mail needs a person"
    fix = "Save the search as a person (`mp login --email …`, or in the console), or hear by a webhook."


class ReviewNotEarned(Refusal):
    """The organisation has not called the service."""

    code = "review_not_earned"
    status = 403
    title = "Only organisations that called a service may review it"
    fix = "Call the service first; an answered call counts after a minute. Vendors do not review themselves."


class ReviewNotFound(NotFound):
    """There is no such review, or it is not the caller's."""

    code = "review_not_found"
    title = "There is no such review"
    fix = "`GET /api/services/{vendor}/{name}/reviews` lists a service's reviews."
