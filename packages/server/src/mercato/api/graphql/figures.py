"""What the figures of a document cost, counted before any of them is read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.execution.values import get_argument_values, get_variable_values

from mercato.api.graphql.refusals import QueryTooLarge
from mercato.platform import Refusal

MOST_FIGURES = 20_000
"""Of all `metrics` of a document together: a month by the hour of every metric, once."""
LEAST_FIGURES = 1_000
"""What each `metrics` counts as at least: reading costs something, however few figures come of it."""


def check_figures(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode,
    variables: Mapping[str, Any], count: Callable[[Mapping[str, Any]], int],
) -> None:  # fmt: skip
    """Raises `QueryTooLarge`. `count` is how many figures these arguments of `metrics` give; what it refuses, or what
    does not fit the schema, is refused where the field is answered."""
    fields = [node for node in _of_root(document, operation.selection_set, set()) if node.name.value == "metrics"]
    known = schema.query_type
    if not fields or known is None:
        return
    coerced = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
    if isinstance(coerced, list):
        return
    figures = 0
    for node in fields:
        try:
            figures += max(count(get_argument_values(known.fields["metrics"], node, coerced)), LEAST_FIGURES)
        except (GraphQLError, Refusal):
            continue
    if figures > MOST_FIGURES:
        raise QueryTooLarge(
            f"The figures of a query are at most {MOST_FIGURES:,} together, which are steps by metrics by groups; each"
            f" `metrics` counts as {LEAST_FIGURES:,} or more. Ask for longer steps, a shorter period or fewer metrics.",
            most=MOST_FIGURES, found=figures,
        )  # fmt: skip


def _of_root(document: DocumentNode, selections: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
    """The fields of the operation itself; a fragment that is spread twice gives the same fields once."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _of_root(document, node.selection_set, seen)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            if node.name.value in fragments:
                yield from _of_root(document, fragments[node.name.value].selection_set, seen)
