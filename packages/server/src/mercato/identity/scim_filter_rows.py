"""SCIM filters as conditions of the database (RFC 7644, section 3.4.2.2).

`scim2-models` reads and checks the text; here its tree becomes a condition on columns. An attribute that is not in the
tables below is refused, and so is a filter that is larger than any that is needed. Imported where a filter is: that
library takes 0.3 s and memory of every process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    and_,
    column,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from mercato.identity.models import User
from mercato.identity.scim_models import ScimGroup, ScimMember, ScimPerson
from mercato.identity.scim_refusals import ScimFilterRefused

_MOST_TERMS = 30

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class _Column:
    """An attribute with one value. Texts are compared without regard to case unless they are `exact`."""

    value: SQLColumnExpression[Any]
    exact: bool = False
    kind: type = str


@dataclass(frozen=True, slots=True)
class _Many:
    """An attribute with several values: whether one of them fulfils a condition on the columns of `inner`."""

    inner: Mapping[str, _Column]
    some: Callable[[Condition], Condition]


_Table = Mapping[str, "_Column | _Many"]

_email: ColumnElement[Any] = literal_column("each_email.value", JSONB)
_own_email = func.jsonb_build_object("value", User.email, "type", "work", "primary", true())
_each_email = (
    func.jsonb_array_elements(func.coalesce(ScimPerson.emails, func.jsonb_build_array(_own_email)))
    .table_valued(column("value"))
    .render_derived(name="each_email")
)

PEOPLE: _Table = {
    "id": _Column(User.id, exact=True),
    "externalid": _Column(ScimPerson.external_id, exact=True),
    "username": _Column(func.coalesce(ScimPerson.user_name, User.email)),
    "displayname": _Column(func.coalesce(ScimPerson.display_name, User.name)),
    "name.formatted": _Column(ScimPerson.formatted_name),
    "name.givenname": _Column(ScimPerson.given_name),
    "name.familyname": _Column(ScimPerson.family_name),
    "active": _Column(User.disabled_at.is_(None), kind=bool),
    "meta.created": _Column(User.created_at, kind=datetime),
    "meta.lastmodified": _Column(func.coalesce(ScimPerson.changed_at, User.created_at), kind=datetime),
    "emails": _Many(
        {
            "value": _Column(_email["value"].astext),
            "type": _Column(_email["type"].astext),
            "primary": _Column(func.coalesce(_email["primary"].as_boolean(), false()), kind=bool),
        },
        lambda condition: exists(select(1).select_from(_each_email).where(condition)),
    ),
    "groups": _Many(
        {"value": _Column(ScimGroup.id, exact=True), "display": _Column(ScimGroup.display_name)},
        lambda condition: exists(
            select(1)
            .select_from(ScimMember)
            .join(ScimGroup, ScimGroup.id == ScimMember.group_id)
            .where(ScimMember.user_id == User.id, condition)
            .correlate(User)
        ),
    ),
}  # fmt: skip

GROUPS: _Table = {
    "id": _Column(ScimGroup.id, exact=True),
    "externalid": _Column(ScimGroup.external_id, exact=True),
    "displayname": _Column(ScimGroup.display_name),
    "meta.created": _Column(ScimGroup.created_at, kind=datetime),
    "meta.lastmodified": _Column(ScimGroup.changed_at, kind=datetime),
    "members": _Many(
        {"value": _Column(ScimMember.user_id, exact=True)},
        lambda condition: exists(
            select(1).select_from(ScimMember).where(ScimMember.group_id == ScimGroup.id, condition).correlate(ScimGroup)
        ),
    ),
}


def condition_of(node: FilterNode, table: _Table) -> Condition:
    """The filter as a condition. Raises `ScimFilterRefused`."""
    if _terms(node) > _MOST_TERMS:
        raise ScimFilterRefused(f"The filter has more than {_MOST_TERMS} comparisons.")
    return _Conditions(table).visit(node)


def _terms(node: FilterNode) -> int:
    if isinstance(node, LogicalExpr):
        return sum(map(_terms, node.terms))
    if isinstance(node, Not):
        return _terms(node.expr)
    return _terms(node.val_filter) if isinstance(node, ValuePath) else 1


class _Conditions(FilterVisitor[Condition]):
    """Makes the condition of each node."""

    def __init__(self, table: _Table) -> None:
        self._table = table

    def visit_not(self, node: Not) -> Condition:
        return not_(func.coalesce(self.visit(node.expr), false()))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        terms = [self.visit(term) for term in node.terms]
        return and_(*terms) if node.op == LogicalOperator.and_ else or_(*terms)

    def visit_present(self, node: Present) -> Condition:
        found, sub = self._find(node.attr_path)
        if isinstance(found, _Column):
            return _present(found)
        return found.some(_present(_inner(found, sub, node.attr_path)) if sub else true())

    def visit_comparison(self, node: Comparison) -> Condition:
        found, sub = self._find(node.attr_path)
        if isinstance(found, _Column):
            return _compare(found, node)
        inner = _inner(found, sub or "value", node.attr_path)
        if node.op == CompareOperator.ne:
            return not_(found.some(_compare(inner, Comparison(node.attr_path, CompareOperator.eq, node.value))))
        return found.some(_compare(inner, node))

    def visit_value_path(self, node: ValuePath) -> Condition:
        found, _ = self._find(node.attr_path)
        if isinstance(found, _Column):
            raise ScimFilterRefused(f"`{node.attr_path}` has no values to choose from.")
        return found.some(_Conditions(found.inner).visit(node.val_filter))

    def _find(self, path: AttrPath) -> "tuple[_Column | _Many, str]":
        attr, sub = path.attr.lower(), (path.sub_attr or "").lower()
        found = self._table.get(f"{attr}.{sub}" if sub else attr)
        if found is None and sub:
            found = self._table.get(attr)
            found = found if isinstance(found, _Many) else None
        if found is None:
            raise ScimFilterRefused(f"`{path}` cannot be searched.")
        return found, sub


def _inner(many: _Many, name: str, path: AttrPath) -> _Column:
    if name not in many.inner:
        raise ScimFilterRefused(f"`{path}` cannot be searched.")
    return many.inner[name]


def _present(at: _Column) -> Condition:
    return and_(at.value.is_not(None), at.value != "") if at.kind is str else at.value.is_not(None)


def _compare(at: _Column, node: Comparison) -> Condition:
    if node.value is None:
        absent = at.value.is_(None)
        return {CompareOperator.eq: absent, CompareOperator.ne: not_(absent)}.get(node.op, false())
    value = _value(at, node)
    if at.kind is not str:
        return _by_operator(at.value, node.op, value)
    left = at.value if at.exact else func.lower(at.value)
    right = value if at.exact else value.lower()
    if node.op == CompareOperator.co:
        return left.contains(right, autoescape=True)
    if node.op == CompareOperator.sw:
        return left.startswith(right, autoescape=True)
    if node.op == CompareOperator.ew:
        return left.endswith(right, autoescape=True)
    return _by_operator(left, node.op, right)


def _by_operator(left: SQLColumnExpression[Any], op: CompareOperator, right: Any) -> Condition:
    if op == CompareOperator.ne:
        return left.is_distinct_from(right)
    compared: dict[CompareOperator, Callable[[], Condition]] = {
        CompareOperator.eq: lambda: left == right,
        CompareOperator.gt: lambda: left > right,
        CompareOperator.ge: lambda: left >= right,
        CompareOperator.lt: lambda: left < right,
        CompareOperator.le: lambda: left <= right,
    }
    if op not in compared:
        raise ScimFilterRefused(f"`{op}` compares texts only.")
    return compared[op]()


def _value(at: _Column, node: Comparison) -> Any:
    """The operand in the kind of the attribute."""
    if at.kind is datetime and isinstance(node.value, str):
        try:
            return datetime.fromisoformat(node.value)
        except ValueError:
            raise ScimFilterRefused(
                f"`{node.attr_path}` is compared with a time such as 2026-11-02T09:00:00Z."
            ) from None
    if at.kind is bool and isinstance(node.value, str) and node.value.lower() in ("true", "false"):
        return node.value.lower() == "true"
    if not isinstance(node.value, at.kind):
        raise ScimFilterRefused(f"`{node.attr_path}` is not compared with a value of this kind.")
    return node.value
