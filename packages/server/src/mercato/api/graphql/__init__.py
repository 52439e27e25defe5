"""GraphQL for governance: the same callers, permissions, use cases and refusals as the other routes have."""

from mercato.api.graphql.router import router, streams
from mercato.api.graphql.schema import SCHEMA

__all__ = ["SCHEMA", "router", "streams"]
