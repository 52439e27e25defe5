"""What GraphQL alone refuses."""

from mercato.platform import Refusal


class QueryTooLarge(Refusal):
    """The document asks for more than one request may."""

    code = "graphql_too_large"
    status = 422
    title = "The query asks for too much"
    fix = "Ask for less at once: fewer fields, smaller pages, or several requests."


class QueryInvalid(Refusal):
    """The document is no GraphQL, or does not fit the schema."""

    code = "graphql_invalid"
    status = 422
    title = "The query does not fit the schema"
    fix = "Compare the query with `docs/reference/governance.graphql`."


class PageSizeRefused(Refusal):
    """A page of none, or of more than a hundred."""

    code = "graphql_page_size"
    status = 422
    title = "The page size is out of range"
    fix = "Ask with `first` between 1 and 100, and for more with `after`."


class SubscriptionsOnly(Refusal):
    """A query or mutation came where changes are listened to, or the other way round."""

    code = "graphql_wrong_door"
    status = 422
    title = "This kind of operation has its own address"
    fix = "Queries and mutations go to `/graphql`, subscriptions to its WebSocket or to `/graphql/stream`."
