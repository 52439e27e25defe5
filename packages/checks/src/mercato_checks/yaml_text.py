"""Reads YAML as YAML 1.2 and JSON mean it: no types of Python, no dates, `no` is a word, an anchor may be used again.

Written on libyaml's events because PyYAML's own composer refuses repeated anchors (allowed since YAML 1.2), turns
`2024-01-01` into a date and `no` into false, keeps the last of two equal keys silently, and shares aliased nodes, so
that a few lines can stand for billions of them. Everything is bounded before it is built.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from mercato_checks.findings import shorten

_INT = re.compile(r"[-+]?[0-9]+$")
_OTHER_INT = re.compile(r"0(o[0-7]+|x[0-9a-fA-F]+)$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TAG = "tag:yaml.org,2002:"
_CORE_TAGS = frozenset(f"{_TAG}{name}" for name in ("int", "float", "bool", "null"))
_PLAIN_TAGS = frozenset({None, "!", f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq", f"{_TAG}timestamp"})
_LONGEST_NUMBER = 100
_MOST_REPEATED = 1_000
_MOST_DIRECTIVES = 1_000
_LINE_ENDS = "\n\r\x85\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Limits:
    """How deep and how large a tree may become once its aliases are written out; `characters` are those of aliases."""

    depth: int = 100
    nodes: int = 1_500_000
    characters: int = 64 * 1024 * 1024


class Unreadable(ValueError):
    """The text is invalid. `kind` is `syntax`, `depth`, `nodes`, `alias`, `tag`, `number` or `key`."""

    def __init__(self, kind: str, message: str, line: int | None = None) -> None:
        at = "" if line is None else f" (line {line})"
        super().__init__(f"{message}{at}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class YamlText:
    """A tree of dict, list, str, int, float, bool and None; keys are text as written. `repeated` names double keys."""

    tree: Any
    repeated: list[str]


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an anchor stands for: how many values that is, how many levels, how many characters."""

    value: Any
    size: int
    height: int
    length: int


@dataclass(slots=True)
class _Open:
    """A mapping or sequence still being read."""

    node: dict[str, Any] | list[Any]
    anchor: str | None
    path: tuple[str | int, ...]
    size: int = 1
    height: int = 1
    length: int = 0
    key: str | None = None
    merges: list[dict[str, Any]] = field(default_factory=list)


def read_yaml(text: str, limits: Limits = Limits()) -> YamlText:
    """The one document of `text`. Raises `Unreadable` for anything else, and for what would pass the limits."""
    try:
        return _Reader(limits).read(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        # The parser has a bound of its own, and reads ahead: it may reach that before we see our own passed.
        kind = "depth" if "nesting depth" in problem else "syntax"
        raise Unreadable(kind, shorten(problem, 200), None if mark is None else mark.line + 1) from None
    except (UnicodeError, RecursionError) as error:
        raise Unreadable("syntax", shorten(error, 200)) from None


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._repeated: list[str] = []
        self._root: list[Any] = []
        self._nodes = 0
        self._aliased = 0

    def read(self, text: str) -> YamlText:
        _refuse_many_directives(text)
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent) and self._root:
                raise Unreadable("syntax", "a second document begins; one file holds one", _line(event))
        if not self._root:
            raise Unreadable("syntax", "the text is empty")
        return YamlText(self._root[0], self._repeated)

    def _scalar(self, event: Any) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node, dict) and top.key is None:
            self._key(top, event)
            return
        value = _resolve(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, 0, len(event.value))
        self._add(value, 1, 0, len(event.value), event)

    def _key(self, top: _Open, event: Any) -> None:
        key = event.value
        if key == "<<" and event.implicit[0]:
            top.key = "<<"
            return
        if key in top.node and len(self._repeated) < _MOST_REPEATED:
            self._repeated.append("/".join(shorten(step, 200) for step in (*top.path, key)))
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(key, 1, 0, len(key))
        top.length += len(key)
        top.key = key

    def _open(self, event: Any) -> None:
        _refuse_tag(event)
        if len(self._stack) >= self._limits.depth:
            raise Unreadable("depth", f"more than {self._limits.depth} levels deep", _line(event))
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node, dict) and top.key is None:
            raise Unreadable("key", "a mapping or a list cannot be a key", _line(event))
        node: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Open(node, event.anchor, _path_below(top)))
        if event.anchor is not None:
            # Until it is closed the name stands for nothing: an alias inside it would be a loop.
            self._anchors.pop(event.anchor, None)

    def _close(self) -> None:
        done = self._stack.pop()
        if isinstance(done.node, dict):
            for source in done.merges:
                for key, value in source.items():
                    done.node.setdefault(key, value)
        if done.anchor is not None:
            self._anchors[done.anchor] = _Anchored(done.node, done.size, done.height, done.length)
        self._add(done.node, done.size, done.height, done.length, None)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise Unreadable("alias", f"`*{shorten(event.anchor)}` names nothing complete before it", _line(event))
        anchored = self._anchors[event.anchor]
        value = anchored.value
        self._aliased += anchored.length
        if self._aliased > self._limits.characters:
            message = f"more than {self._limits.characters} characters, aliases written out"
            raise Unreadable("nodes", message, _line(event))
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node, dict) and top.key is None:
            if not isinstance(value, str):
                raise Unreadable("key", "only text can be a key", _line(event))
            top.key = value
            top.length += anchored.length
            return
        self._nodes += anchored.size - 1
        self._add(value, anchored.size, anchored.height, anchored.length, event)

    def _add(self, value: Any, size: int, height: int, length: int, event: Any) -> None:
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            raise Unreadable("nodes", f"more than {self._limits.nodes} values, aliases written out", _line(event))
        if len(self._stack) + height > self._limits.depth:
            raise Unreadable("depth", f"more than {self._limits.depth} levels deep, aliases written out", _line(event))
        if not self._stack:
            self._root.append(value)
            return
        top = self._stack[-1]
        top.size += size
        top.length += length
        top.height = max(top.height, height + 1)
        if isinstance(top.node, list):
            top.node.append(value)
        elif top.key == "<<":
            self._merge(top, value, event)
            top.key = None
        else:
            top.node[top.key or ""] = value
            top.key = None

    def _merge(self, top: _Open, value: Any, event: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise Unreadable("alias", "`<<` merges mappings only", _line(event))
        top.merges.extend(sources)


def _refuse_many_directives(text: str) -> None:
    """The parser compares each `%TAG` with all before it, at a cost that grows with the square of their number."""
    if sum(text.count(f"{end}%") for end in _LINE_ENDS) > _MOST_DIRECTIVES:
        raise Unreadable("syntax", f"more than {_MOST_DIRECTIVES} lines begin with `%`")


def _path_below(top: _Open | None) -> tuple[str | int, ...]:
    if top is None:
        return ()
    return (*top.path, len(top.node) if isinstance(top.node, list) else top.key or "")


def _line(event: Any) -> int | None:
    return None if event is None or event.start_mark is None else int(event.start_mark.line) + 1


def _refuse_tag(event: Any) -> None:
    if event.tag not in _PLAIN_TAGS and event.tag not in _CORE_TAGS:
        raise Unreadable("tag", f"the tag `{shorten(event.tag)}` is not allowed", _line(event))


def _resolve(event: Any) -> Any:
    _refuse_tag(event)
    if event.implicit[0] or event.tag in _CORE_TAGS:
        return _core(event.value, event)
    return event.value


def _core(text: str, event: Any) -> Any:
    """A plain scalar under the core schema. Source: YAML 1.2.2, section 10.3.2."""
    if text in _NULLS:
        return None
    if text[0] not in "-+.0123456789":
        return _BOOLEANS.get(text, text)
    if _NOT_FINITE.match(text):
        raise Unreadable("number", f"`{text}` is not a number that JSON knows", _line(event))
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.match(text):
        return int(text)
    if _OTHER_INT.match(text):
        return int(text, 0)
    return _finite(text, event) if _FLOAT.match(text) else text


def _finite(text: str, event: Any) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Unreadable("number", f"`{text}` is too large a number", _line(event))
    return value
