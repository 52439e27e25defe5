"""The page about events: each class of news with its fields, and the modules that tell and hear it."""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import mercato
from mercato.platform import News, every_news

_SOURCE = Path(mercato.__file__).parent


@dataclass(frozen=True, slots=True)
class Modules:
    """Paths of the modules that tell and hear one class of news."""

    tell: list[str] = field(default_factory=list)
    hear: list[str] = field(default_factory=list)


def our_news() -> list[type[News]]:
    """The marketplace's own classes by topic; a test that asks may have made some too."""
    for path in _SOURCE.glob("*/news.py"):
        importlib.import_module(f"mercato.{path.parent.name}.news")
    ours = [kind for kind in every_news() if kind.__module__.startswith("mercato.")]
    return sorted(ours, key=lambda kind: kind.topic)


def find_modules() -> dict[type[News], Modules]:
    """Where each class is told and heard.

    A module that makes an instance tells it; one that names the class in any other way hears it.
    """
    kinds = our_news()
    modules = {kind: Modules() for kind in kinds}
    for path in sorted(_SOURCE.rglob("*.py")):
        if path.name == "news.py":
            continue
        made, named = _mentions(ast.parse(path.read_text()))
        where = path.relative_to(_SOURCE).as_posix()
        for kind in kinds:
            if kind.__name__ in made:
                modules[kind].tell.append(where)
            if kind.__name__ in named:
                modules[kind].hear.append(where)
    return modules


def _mentions(module: ast.Module) -> tuple[set[str], set[str]]:
    """Names of news that are called and names that are used otherwise, as far as they were imported from a room."""
    news = _names_of_news(module)
    called = {id(node.func): node.func.id for node in _calls(module)}
    other = {
        node.id
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called
    }
    return set(called.values()) & news, other & news


def _names_of_news(module: ast.Module) -> set[str]:
    """What is imported from rooms of ours: other packages have classes of the same names."""
    imported = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if (node.module or "").partition(".")[0] == "mercato"]
    return {alias.asname or alias.name for node in ours for alias in node.names}


def _calls(module: ast.Module) -> Iterator[Any]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node


def meaning_of(kind: type[News], name: str) -> str:
    """The docstring below a field, of the class that declares it."""
    for owner in kind.__mro__:
        if name in vars(owner).get("__annotations__", {}):
            return _docstrings(owner).get(name, "")
    return ""


def _docstrings(owner: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for declared, below in zip(tree.body, tree.body[1:], strict=False):
        name = declared.target if isinstance(declared, ast.AnnAssign) else None
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(name, ast.Name) and isinstance(text, ast.Constant):
            found[name.id] = inspect.cleandoc(str(text.value)).replace("\n", " ")
    return found


def events() -> str:
    """Every class of news: its topic, its fields, who tells it and who hears it."""
    lines = [
        "# Events\n",
        "The control plane publishes each change as an event: a row of the outbox, written in the transaction of the",
        "change. An event is stored under its topic, which never changes.\n",
        "Every event has the field `by`: " + _lower(meaning_of(News, "by")),
        "It is empty in rows from a version that did not store it.\n",
        "Modules are named below `packages/server/src/mercato`. Organisations receive some of these events as",
        "[webhooks](../webhooks.md).\n",
    ]
    for kind, modules in find_modules().items():
        lines += [f"## `{kind.topic}`\n", f"{inspect.cleandoc(kind.__doc__ or '')} Class `{kind.__name__}`.\n"]
        lines += ["| Field | Type | What it is |", "|---|---|---|"]
        lines += [_row(kind, each) for each in fields(kind) if each.name != "by"]
        lines += ["", f"* Published by: {_list(modules.tell)}", f"* Read by: {_list(modules.hear)}\n"]
    return "\n".join(lines)


def _row(kind: type[News], each: Field[Any]) -> str:
    hint = get_type_hints(kind)[each.name]
    return f"| `{each.name}` | {_type_name(hint)} | {meaning_of(kind, each.name)} |"


def _type_name(hint: Any) -> str:
    """In JSON's words."""
    if hint is type(None):
        return "null"
    if get_origin(hint) is dict:
        return "object"
    if isinstance(hint, type):
        return {str: "string", int: "integer", bool: "boolean"}[hint]
    return " or ".join(f"`{part}`" if isinstance(part, str) else _type_name(part) for part in get_args(hint))


def _list(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths) if paths else "no module"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
