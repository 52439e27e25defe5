"""What one document may ask for, counted before anything of it is looked up or even validated."""

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_operation_ast,
    parse,
)

from mercato.api.graphql.refusals import QueryInvalid, QueryTooLarge

MOST_TOKENS = 2_000
MOST_DEPTH = 12
MOST_INTROSPECTION_DEPTH = 20
MOST_ALIASES = 30
MOST_FIELDS = 500
MOST_COST = 5_000
MOST_PAGE = 100

_LISTS = frozenset({"types", "fields", "inputFields", "interfaces", "possibleTypes"})
"""What introspection may name once on a path: fields of types of fields of types grow without end."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a selection asks for: for each thing that it is asked of."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    cost: int = 0


def read(query: str, operation_name: str | None = None) -> DocumentNode:
    """The document, which is small enough and has this one operation. Raises `QueryTooLarge`, `QueryInvalid`."""
    try:
        document = parse(query, max_tokens=MOST_TOKENS, no_location=False)
        check(document)
    except GraphQLSyntaxError as error:
        if "token" in error.message and str(MOST_TOKENS) in error.message:
            raise QueryTooLarge(f"A query has at most {MOST_TOKENS} tokens.", most=MOST_TOKENS) from None
        if "nested too deeply" in error.message:
            raise QueryTooLarge(f"A query is at most {MOST_DEPTH} levels deep.", most=MOST_DEPTH) from None
        raise QueryInvalid(error.message[:300]) from None
    except RecursionError:
        raise QueryTooLarge(f"A query is at most {MOST_DEPTH} levels deep.", most=MOST_DEPTH) from None
    if get_operation_ast(document, operation_name) is None:
        raise QueryInvalid("Name one operation of the document in `operationName`.")
    return document


def check(document: DocumentNode) -> None:
    """Raises `QueryTooLarge` where any operation of the document asks for too much."""
    counter = _Counter(document)
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode):
            continue
        found = counter.count(node.selection_set, frozenset())
        if found.aliases > MOST_ALIASES:
            raise QueryTooLarge(f"A query has at most {MOST_ALIASES} aliases.", most=MOST_ALIASES, found=found.aliases)
        if found.fields > MOST_FIELDS:
            raise QueryTooLarge(f"A query names at most {MOST_FIELDS} fields.", most=MOST_FIELDS, found=found.fields)
        if found.cost > MOST_COST:
            raise QueryTooLarge(
                f"The pages of a query have at most {MOST_COST} rows together.", most=MOST_COST, found=found.cost
            )
        if node.operation is OperationType.MUTATION and found.fields and len(node.selection_set.selections) > 1:
            raise QueryTooLarge("A mutation changes one thing.", most=1)


class _Counter:
    """Fragments are counted once, however often they are spread."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, frozenset[str], int], Counted] = {}
        self._open: set[str] = set()

    def count(self, selections: SelectionSetNode | None, lists: frozenset[str], level: int = 1) -> Counted:
        """`lists` are what introspection has named above."""
        depth = aliases = fields = cost = 0
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                found = self._field(node, lists, level)
            elif isinstance(node, InlineFragmentNode):
                found = self.count(node.selection_set, lists, level)
            else:
                assert isinstance(node, FragmentSpreadNode)
                found = self._spread(node.name.value, lists, level)
            depth = max(depth, found.depth)
            aliases, fields, cost = aliases + found.aliases, fields + found.fields, cost + found.cost
            if fields > MOST_FIELDS or aliases > MOST_ALIASES:
                break  # enough is known
        return Counted(depth, aliases, fields, cost)

    def _field(self, node: FieldNode, lists: frozenset[str], level: int) -> Counted:
        name = node.name.value
        inside = lists | {name} if lists or name in ("__schema", "__type") else lists
        if name in _LISTS and name in lists:
            raise QueryTooLarge(f"Introspection asks for `{name}` within `{name}`.", most=1)
        most = MOST_INTROSPECTION_DEPTH if inside else MOST_DEPTH
        if level > most:
            raise QueryTooLarge(f"A query is at most {most} levels deep.", most=most)
        below = self.count(node.selection_set, inside, level + 1)
        page = _page(node)
        return Counted(
            1 + below.depth, (node.alias is not None) + below.aliases, 1 + below.fields,
            page + (page or 1) * below.cost,
        )  # fmt: skip

    def _spread(self, name: str, lists: frozenset[str], level: int) -> Counted:
        fragment = self._fragments.get(name)
        if fragment is None or name in self._open:
            return Counted()  # validation says what is wrong with it
        key = name, lists, level
        if key not in self._known:
            self._open.add(name)
            self._known[key] = self.count(fragment.selection_set, lists, level)
            self._open.discard(name)
        return self._known[key]


def _page(node: FieldNode) -> int:
    """The rows that the field asks for: a size that comes as a variable counts as the largest."""
    for argument in node.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode):
                return min(int(argument.value.value), MOST_PAGE) if len(argument.value.value) < 10 else MOST_PAGE
            return MOST_PAGE
    return 0


def error_of(refusal: Exception) -> GraphQLError:
    """The refusal as GraphQL says it."""
    return GraphQLError(str(refusal), original_error=refusal)
