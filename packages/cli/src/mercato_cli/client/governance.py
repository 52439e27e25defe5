"""Governance by GraphQL."""

from typing import Any

from mercato_cli.transport import Transport
from mercato_contracts.graphql import GraphqlAnswer, GraphqlRequest


class GovernanceCalls(Transport):
    """Governance by GraphQL."""

    def graphql(self, query: str, variables: dict[str, Any] | None) -> GraphqlAnswer:
        """Errors are in the answer."""
        body = GraphqlRequest(query=query, variables=variables).model_dump(mode="json", exclude_none=True)
        return self.ask(GraphqlAnswer, "POST", "/graphql", body)
