"""Which refusals a route can reach and which permissions it asks for, read from the source of what it calls.

Follows calls by the annotations that the code carries: parameters, return types, what a constructor keeps. A refusal
counts as reachable where reachable code makes one and nothing between there and the route catches it. What a Protocol's
method may raise is what its implementations may raise.
"""

import ast
import contextlib
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import mercato
from mercato.identity import Caller, Permission
from mercato.platform import Refusal

Asked = tuple[Permission, ...]
"""One of these permissions is asked for, whichever the request needs."""

Found = frozenset[type[Refusal] | Asked]
_NOTHING: Found = frozenset()
_NO_RING = sys.maxsize


class _Instance:
    """A value known by its annotation only."""

    __slots__ = ("hint",)

    def __init__(self, hint: Any) -> None:
        self.hint = hint


class _Method:
    """A method and the class through which it was found."""

    __slots__ = ("function", "owner")

    def __init__(self, function: Callable[..., Any], owner: type) -> None:
        self.function = function
        self.owner = owner


class Reachable:
    """Answers for many routes over one reading of the source."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, Any], Found] = {}
        self._open: dict[tuple[Any, Any], int] = {}
        self._ring = _NO_RING
        """How deep the outermost open call lies that what is being read calls again."""

    def of_route(self, dependant: Any) -> Found:
        """What the endpoint and all of its dependencies may raise."""
        found = self.of(dependant.call) if dependant.call is not None else _NOTHING
        return found.union(*(self.of_route(each) for each in dependant.dependencies))

    def of(self, function: Any, owner: type | None = None) -> Found:
        """What a call of the function may raise; foreign code raises no refusal of ours."""
        function = inspect.unwrap(function)
        if inspect.isclass(function):
            made = function.__init__ if "__init__" in vars(function) else None
            return self.of(made, function) if made is not None and _is_ours(made) else _NOTHING
        if not _is_ours(function):
            return _NOTHING
        place = (function, owner)
        if place in self._known:
            return self._known[place]
        if place in self._open:
            self._ring = min(self._ring, self._open[place])
            return _NOTHING
        depth, around = len(self._open), self._ring
        self._open[place], self._ring = depth, _NO_RING
        try:
            found = _Body(self, function, owner).read()
        finally:
            del self._open[place]
        # Part of a ring of calls that began further out is known in part only: it is then read again.
        if self._ring >= depth:
            self._known[place], self._ring = found, _NO_RING
        self._ring = min(self._ring, around)
        return found


class _Body:
    """One function's source: the types of its names, and what its calls may raise."""

    def __init__(self, reachable: Reachable, function: Callable[..., Any], owner: type | None) -> None:
        self._reachable = reachable
        self._globals = function.__globals__
        self._owner = owner
        self._node = _source(function)
        hints = _hints(function)
        self._names: dict[str, Any] = {name: _Instance(hint) for name, hint in hints.items() if name != "return"}
        for parameter in inspect.signature(function).parameters.values():
            if inspect.isfunction(parameter.default):
                self._names[parameter.name] = parameter.default
        if owner is not None and self._node.args.args and not isinstance(function, staticmethod):
            self._names[self._node.args.args[0].arg] = _Instance(owner)
        for node in ast.walk(self._node):
            if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
                module = importlib.import_module(node.module)
                self._names |= {each.asname or each.name: getattr(module, each.name, None) for each in node.names}

    def read(self) -> Found:
        return self._block(self._node.body)

    def _block(self, body: list[ast.stmt]) -> Found:
        return _NOTHING.union(*(self._statement(each) for each in body))

    def _statement(self, node: ast.AST) -> Found:
        if isinstance(node, ast.Try):
            return self._try(node)
        found = _NOTHING.union(*(self._statement(child) for child in ast.iter_child_nodes(node)))
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            value = self._value(node.value) or self._annotated(node)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and value is not None:
                    self._names[target.id] = value
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            self._names[node.optional_vars.id] = self._value(node.context_expr)
        if isinstance(node, ast.Call):
            found |= self._call(node)
        if isinstance(node, ast.Attribute):
            found |= self._property(node)
        return found

    def _annotated(self, node: ast.Assign | ast.AnnAssign) -> Any:
        if isinstance(node, ast.Assign):
            return None
        try:
            return _Instance(eval(ast.unparse(node.annotation), self._globals))  # our own source
        except NameError:
            return None

    def _try(self, node: ast.Try) -> Found:
        found = self._block(node.body)
        for handler in node.handlers:
            ends = [each for each in ast.walk(handler) if isinstance(each, ast.Raise)]
            if not any(each.exc is None or isinstance(each.exc, ast.Name) for each in ends):
                caught = tuple(self._caught(handler.type))
                found = frozenset(each for each in found if isinstance(each, tuple) or not issubclass(each, caught))
        handled = [self._block(handler.body) for handler in node.handlers]
        return found.union(*handled, self._block(node.orelse), self._block(node.finalbody))

    def _caught(self, node: ast.expr | None) -> Iterator[type]:
        if node is None:
            yield Exception
        for each in node.elts if isinstance(node, ast.Tuple) else [node]:
            kind = self._value(each) if each is not None else None
            if inspect.isclass(kind):
                yield kind

    def _call(self, node: ast.Call) -> Found:
        callee = self._value(node.func)
        found = self._called(callee)
        if isinstance(callee, _Method) and callee.function is Caller.require:
            found |= {self._permissions(node.args[0])}
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            # What is handed over as a function may be called by whoever got it.
            value = self._value(argument) if isinstance(argument, ast.Name | ast.Attribute) else None
            if isinstance(value, _Method) or inspect.isfunction(value):
                found |= self._called(value)
        return found

    def _permissions(self, node: ast.expr) -> Asked:
        if isinstance(node, ast.IfExp):
            return tuple(sorted({*self._permissions(node.body), *self._permissions(node.orelse)}))
        asked = self._value(node)
        return (asked,) if isinstance(asked, Permission) else ()

    def _called(self, callee: Any) -> Found:
        if inspect.isclass(callee) and issubclass(callee, Refusal):
            return frozenset({callee})
        if isinstance(callee, _Method):
            return _NOTHING.union(
                *(
                    self._reachable.of(method, owner)
                    for method, owner in _implementations(callee.function, callee.owner)
                )
            )
        return self._reachable.of(callee) if inspect.isfunction(callee) or inspect.isclass(callee) else _NOTHING

    def _property(self, node: ast.Attribute) -> Found:
        value = self._value(node.value)
        if not isinstance(value, _Instance):
            return _NOTHING
        found = _NOTHING
        for owner in _classes(value.hint):
            member = inspect.getattr_static(owner, node.attr, None)
            if isinstance(member, property) and member.fget is not None:
                found |= self._reachable.of(member.fget, owner)
        return found

    def _value(self, node: ast.expr) -> Any:
        """The object itself, an `_Instance`, a `_Method`, or None where it cannot be known."""
        if isinstance(node, ast.Name):
            known = self._names.get(node.id)
            return known if known is not None else self._globals.get(node.id, getattr(__builtins__, node.id, None))
        if isinstance(node, ast.Await):
            return self._value(node.value)
        if isinstance(node, ast.IfExp):
            return self._value(node.body) or self._value(node.orelse)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self._value, node.values)), None)
        if isinstance(node, ast.Attribute):
            return self._member(self._value(node.value), node.attr)
        if isinstance(node, ast.Subscript):
            value = self._value(node.value)
            inner = typing.get_args(value.hint) if isinstance(value, _Instance) else ()
            return _Instance(inner[-1]) if inner else None
        if isinstance(node, ast.Call):
            return self._result(self._value(node.func))
        return None

    def _member(self, value: Any, name: str) -> Any:
        if isinstance(value, _Instance):
            return _member_of(value.hint, name)
        if inspect.isclass(value) and inspect.isfunction(getattr(value, name, None)):
            return _Method(getattr(value, name), value)
        return getattr(value, name, None) if inspect.isclass(value) or inspect.ismodule(value) else None

    def _result(self, callee: Any) -> Any:
        if inspect.isclass(callee):
            return _Instance(callee)
        function = callee.function if isinstance(callee, _Method) else callee
        if not inspect.isfunction(inspect.unwrap(function) if callable(function) else function):
            return None
        hint = _hints(inspect.unwrap(function)).get("return")
        if hint is typing.Self and isinstance(callee, _Method):
            hint = callee.owner
        return _Instance(hint) if hint is not None else None


def _member_of(hint: Any, name: str) -> Any:
    for owner in _classes(hint):
        member = inspect.getattr_static(owner, name, None)
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        if inspect.isfunction(member):
            return _Method(member, owner)
        if isinstance(member, property) and member.fget is not None:
            return _Instance(_hints(member.fget).get("return"))
        kept = _attributes(owner).get(name)
        if kept is not None:
            return kept if inspect.isfunction(kept) else _Instance(kept)
    # What a port lacks belongs to the one implementation to which the code narrowed it.
    behind = [kind for owner in _classes(hint) if _is_port(owner) for kind in _implementing(owner)]
    return next(filter(None, (_member_of(kind, name) for kind in behind)), None)


def _implementations(function: Callable[..., Any], owner: type) -> Iterator[tuple[Callable[..., Any], type]]:
    if not _is_port(owner):
        yield function, owner
    else:
        yield from ((inspect.getattr_static(kind, function.__name__), kind) for kind in _implementing(owner))


def _is_port(owner: type) -> bool:
    return bool(getattr(owner, "_is_protocol", False))


@functools.cache
def _implementing(port: type) -> tuple[type, ...]:
    asked = {name: each for name, each in vars(port).items() if inspect.isfunction(each) and name[0] != "_"}
    return tuple(
        kind
        for kind in _our_classes()
        if not _is_port(kind)
        and all(_is_like(inspect.getattr_static(kind, name, None), each) for name, each in asked.items())
    )


def _is_like(method: Any, asked: Callable[..., Any]) -> bool:
    return inspect.isfunction(method) and list(inspect.signature(method).parameters) == list(
        inspect.signature(asked).parameters
    )


@functools.cache
def _our_classes() -> tuple[type, ...]:
    modules = [module for name, module in sys.modules.items() if name.startswith("mercato.")]
    found = {member for module in modules for member in vars(module).values() if inspect.isclass(member)}
    return tuple(
        sorted(
            (kind for kind in found if str(kind.__module__).startswith("mercato.")), key=lambda kind: kind.__qualname__
        )
    )


def _classes(hint: Any) -> tuple[type, ...]:
    """The classes of ours that a value with this annotation may be an instance of."""
    if isinstance(hint, typing.TypeAliasType) if hasattr(typing, "TypeAliasType") else False:
        return _classes(hint.__value__)
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _classes(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(kind for each in typing.get_args(hint) for kind in _classes(each))
    if inspect.isclass(hint) and hint.__module__.startswith("mercato"):
        return (hint,)
    if inspect.isclass(origin) and origin.__module__.startswith("mercato"):
        return (origin,)
    return ()


_KEPT: dict[type, dict[str, Any]] = {}


def _attributes(owner: type) -> dict[str, Any]:
    """What an instance keeps: annotated fields, and what its constructor assigns."""
    if owner in _KEPT:
        return _KEPT[owner]
    kept = _annotations(owner)
    # Known while it is read: a constructor asks for what it assigned the line before.
    _KEPT[owner] = kept
    for base in reversed(owner.__mro__):
        made = vars(base).get("__init__")
        if inspect.isfunction(made) and _is_ours(made) and not dataclasses.is_dataclass(base):
            body = _Body(Reachable(), made, base)
            for node in ast.walk(body._node):
                _keep(node, body, kept)
    return kept


def _keep(node: ast.AST, body: _Body, kept: dict[str, Any]) -> None:
    """`self.name = value` and `self.name: Kind = value`, also several at once."""
    if isinstance(node, ast.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        pairs = [(node.target, node.value)]
    else:
        return
    for target, value in list(pairs):
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs += zip(target.elts, value.elts, strict=False)
    for target, value in pairs:
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            read = body._value(value) or body._annotated(node)
            if isinstance(read, _Instance) and read.hint is not None:
                kept.setdefault(target.attr, read.hint)
            elif inspect.isfunction(read):
                kept.setdefault(target.attr, read)


def _is_ours(function: Any) -> bool:
    # What a dataclass writes for itself has no source.
    written = inspect.isfunction(function) and not function.__code__.co_filename.startswith("<")
    return written and function.__module__.startswith(("mercato.", "mercato_contracts"))


def _annotations(owner: type) -> dict[str, Any]:
    """What a class says its attributes are, without what only the type checker imports."""
    found: dict[str, Any] = {}
    for base in reversed(owner.__mro__):
        names = vars(sys.modules[base.__module__])
        for name, hint in vars(base).get("__annotations__", {}).items():
            one = types.SimpleNamespace(__annotations__={name: hint})
            with contextlib.suppress(NameError, TypeError):
                found |= typing.get_type_hints(one, globalns=names, include_extras=True)
    return found


@functools.cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        return {}


@functools.cache
def _source(function: Callable[..., Any]) -> ast.FunctionDef | ast.AsyncFunctionDef:
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), function
    return node


def load_everything() -> None:
    """Import every module of the control plane, so that each port's implementations are known."""
    for module in pkgutil.walk_packages(mercato.__path__, "mercato."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            __import__(module.name)
