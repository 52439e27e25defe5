"""Finds the published operation of a method and path, and the path that goes upstream for it.

Paths are compared segment by segment, each decoded once (RFC 3986, 2.4): an encoded slash is a character of its
segment, not a separator. The path that goes upstream is a canonical form (6.2.2) of what was compared: literals as
published, parameters encoded no more than necessary. Not all servers read paths in this way, so a path that another
reading makes a different published operation is refused.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote, unquote_to_bytes

from mercato_gateway.refusals import Refused
from mercato_gateway.wire import Operation

_LISTED = 50
_CONTROL = re.compile("[\x00-\x1f\x7f]")
# Paths in which nothing is encoded, nothing needs to be, and which all servers read alike.
_PLAIN = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,=:@/]*")
_STRAY = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# Characters that need no encoding in a segment (RFC 3986, `pchar`); for the reserved ones encoding makes a difference.
_ALLOWED = _UNRESERVED | frozenset(b"!$&'()*+,;=:@")
_PARAMETER = re.compile(r"\{[^{}]*\}")

Unit = tuple[int, bytes]


def safe_path(path: str) -> bool:
    """False for paths that two servers may read differently: dot segments, backslashes, control characters."""
    decoded = unquote(unquote(path))
    if "\\" in decoded or _CONTROL.search(decoded) is not None:
        return False
    # Some servers strip what follows a semicolon before they resolve dots.
    return not any(segment.partition(";")[0] in (".", "..") for segment in decoded.split("/"))


class Segment:
    """One segment of a published path: its literal parts, decoded, with a parameter between each two."""

    __slots__ = ("encoded", "parts")

    def __init__(self, text: str) -> None:
        raw = _PARAMETER.split(text)
        self.parts: list[bytes] = [unquote_to_bytes(part) for part in raw]
        self.encoded: list[bytes] = [b"".join(unit[1] for unit in _units(part.encode())) for part in raw]

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts literals before parameters, and parameters with longer literal parts first."""
        return len(self.parts) > 1, -sum(map(len, self.parts))

    def places(self, segment: bytes) -> list[tuple[int, int]] | None:
        """The start and end of each parameter in a decoded segment; `None` where it does not match."""
        first, last = self.parts[0], self.parts[-1]
        if len(self.parts) == 1:
            return [] if segment == first else None
        if not segment.startswith(first):
            return None
        found: list[tuple[int, int]] = []
        at = len(first)
        for part in self.parts[1:-1]:
            end = segment.find(part, at + 1)
            if end < 0:
                return None
            found.append((at, end))
            at = end + len(part)
        end = len(segment) - len(last)
        if end <= at or not segment.endswith(last):
            return None
        found.append((at, end))
        return found

    def canonical(self, segment: bytes, places: list[tuple[int, int]]) -> bytes:
        """The segment in the path that goes upstream."""
        out = [self.encoded[0]]
        units = _units(segment) if places else []
        for (start, end), literal in zip(places, self.encoded[1:], strict=True):
            out += [unit[1] for unit in units[start:end]]
            out.append(literal)
        return b"".join(out)


class _Template:
    """A published path with parameters, and its operations by method."""

    __slots__ = ("_verbatim", "methods", "rank", "segments")

    def __init__(self, path: str, methods: dict[str, str]) -> None:
        self.segments: list[Segment] = [Segment(text) for text in path.split("/")]
        self.rank: list[tuple[int, int]] = [segment.rank for segment in self.segments]
        self._verbatim = all(segment.encoded == segment.parts for segment in self.segments)
        self.methods = methods

    def match(self, segments: list[bytes]) -> list[list[tuple[int, int]]] | None:
        """The positions of the parameters in each segment."""
        found: list[list[tuple[int, int]]] = []
        for want, have in zip(self.segments, segments, strict=True):
            places = want.places(have)
            if places is None:
                return None
            found.append(places)
        return found

    def canonical(self, path: bytes, places: list[list[tuple[int, int]]]) -> bytes:
        """The path that goes upstream."""
        if self._verbatim and _PLAIN.fullmatch(path) is not None:
            return path
        parts = zip(self.segments, path.split(b"/"), places, strict=True)
        return b"/".join([want.canonical(have, where) for want, have, where in parts])


class Match:
    """The published operation that a path names, and the path that goes upstream."""

    __slots__ = ("name", "path")

    def __init__(self, name: str, path: bytes) -> None:
        self.name = name
        self.path = path


class Operations:
    """The published operations of one release. A path without parameters comes before those with; among these the one
    whose first segments are literal.
    """

    __slots__ = ("_exact", "_listing", "_templates")

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._listing: list[str] = []
        paths: dict[str, dict[str, str]] = {}
        for operation in operations:
            name = f"{operation.method} {operation.path}"
            self._listing.append(name)
            paths.setdefault(operation.path, {})[operation.method] = name
        self._exact: dict[tuple[bytes, ...], tuple[dict[str, str], bytes]] = {}
        self._templates: dict[int, list[_Template]] = {}
        for path, methods in paths.items():
            template = _Template(path, methods)
            if "{" in path:
                self._templates.setdefault(len(template.segments), []).append(template)
            else:
                key = tuple(segment.parts[0] for segment in template.segments)
                raw = b"/".join(segment.encoded[0] for segment in template.segments)
                self._exact[key] = ({**methods, **self._exact[key][0]} if key in self._exact else methods, raw)
        for templates in self._templates.values():
            templates.sort(key=lambda template: template.rank)

    def find(self, method: str, path: bytes) -> Match:
        """Raises `Refused`: 404 or 405 with what is published, or 400 for a path that servers read differently."""
        if _PLAIN.fullmatch(path) is not None:
            return self._match(method, path.split(b"/"), path)
        segments = [unquote_to_bytes(segment) for segment in path.split(b"/")]
        if _STRAY.search(path) is not None or not _is_text(b"/".join(segments)):
            raise Refused("bad_request", "The path is not percent-encoded UTF-8.")
        match = self._match(method, segments, path)
        self._refuse_other_readings(method, path, b"/".join(segments), match.name)
        return match

    def _match(self, method: str, segments: list[bytes], path: bytes) -> Match:
        allowed: dict[str, str] = {}
        exact = self._exact.get(tuple(segments))
        if exact is not None:
            allowed, raw = exact
            name = _of_method(allowed, method)
            if name is not None:
                return Match(name, raw)
        else:
            for template in self._templates.get(len(segments), ()):
                places = template.match(segments)
                if places is None:
                    continue
                name = _of_method(template.methods, method)
                if name is not None:
                    return Match(name, template.canonical(path, places))
                allowed = {**template.methods, **allowed}
        shown = path[:200].decode("ascii")
        if not allowed:
            facts = {"operations": self._listing[:_LISTED]}
            raise Refused("operation_not_found", f"{shown} is not published by this service.", facts=facts)
        methods = sorted(allowed)
        raise Refused(
            "method_not_allowed",
            f"{method} is not published for {shown}.",
            allow=", ".join(methods),
            facts={"methods": methods},
        )

    def _refuse_other_readings(self, method: str, path: bytes, flat: bytes, name: str) -> None:
        """Servers that decode before they split, decode twice, or drop what follows a semicolon must find the same
        operation, or no published one.

        Many servers decode first, and may turn an encoded slash into a path that is not published. By the standard it
        is part of the parameter, and vendors need it, so it is passed on. A doubly encoded character has no such use:
        where it makes any difference, the path is refused.
        """
        once = self._name_of(method, flat.split(b"/"))
        twice = self._name_of(method, unquote_to_bytes(flat).split(b"/")) if b"%" in flat else once
        others = {once}
        if b";" in flat:
            others.add(self._name_of(method, [part.partition(b";")[0] for part in flat.split(b"/")]))
            bare = [part.partition(b";")[0] for part in path.split(b"/")]
            others.add(self._name_of(method, [unquote_to_bytes(part) for part in bare]))
        if twice != once or not others <= {name, None}:
            raise Refused("bad_request", "Servers may read this path as that of another operation.")

    def _name_of(self, method: str, segments: list[bytes]) -> str | None:
        exact = self._exact.get(tuple(segments))
        if exact is not None:
            return _of_method(exact[0], method)
        for template in self._templates.get(len(segments), ()):
            name = _of_method(template.methods, method)
            if name is not None and template.match(segments) is not None:
                return name
        return None


def _of_method(methods: dict[str, str], method: str) -> str | None:
    name = methods.get(method)
    return methods.get("GET") if name is None and method == "HEAD" else name


def _is_text(decoded: bytes) -> bool:
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return False
    return True


def _units(segment: bytes) -> list[Unit]:
    """Each byte of a segment, decoded and in the canonical form."""
    units: list[Unit] = []
    at = 0
    while at < len(segment):
        code, encoded = segment[at], False
        if code == 0x25 and _ESCAPE.match(segment, at) is not None:
            code, encoded = int(segment[at + 1 : at + 3], 16), True
        keep = _UNRESERVED if encoded else _ALLOWED
        units.append((code, b"%c" % code if code in keep else b"%%%02X" % code))
        at += 3 if encoded else 1
    return units
