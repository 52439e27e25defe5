"""Which published operation a method and path are: exact paths by dictionary, templates segment by segment."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from mercato_gateway.refusals import Refused
from mercato_gateway.wire import Operation

_LISTED = 50
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def safe_path(path: str) -> bool:
    """False for paths that two servers may read differently: dot segments, encoded slashes, control characters."""
    decoded = unquote(unquote(path))
    if "\\" in decoded or _CONTROL.search(decoded) is not None:
        return False
    # Some servers strip what stands behind a semicolon before they resolve dots.
    return not any(segment.partition(";")[0] in (".", "..") for segment in decoded.split("/"))


class Operations:
    """The published operations of one release. `find` gives the template that names the operation in usage."""

    __slots__ = ("_exact", "_listing", "_templates")

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._exact: dict[str, dict[str, str]] = {}
        self._templates: dict[int, list[tuple[list[str], dict[str, str]]]] = {}
        self._listing: list[str] = []
        templates: dict[str, dict[str, str]] = {}
        for operation in operations:
            name = f"{operation.method} {operation.path}"
            self._listing.append(name)
            table = templates if "{" in operation.path else self._exact
            table.setdefault(operation.path, {})[operation.method] = name
        for path, methods in templates.items():
            segments = path.split("/")
            self._templates.setdefault(len(segments), []).append((segments, methods))

    def find(self, method: str, path: str) -> str:
        """`GET /rounds/{round}`; raises `Refused` 404 or 405 with what exists."""
        methods = self._exact.get(path)
        if methods is None:
            methods = self._match(path)
        if methods is None:
            facts = {"operations": self._listing[:_LISTED]}
            raise Refused("operation_not_found", f"{path} is not published by this service.", facts=facts)
        name = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
        if name is None:
            allow = ", ".join(sorted(methods))
            raise Refused(
                "method_not_allowed",
                f"{method} is not published for {path}.",
                allow=allow,
                facts={"methods": sorted(methods)},
            )
        return name

    def _match(self, path: str) -> dict[str, str] | None:
        segments = path.split("/")
        merged: dict[str, str] | None = None
        for template, methods in self._templates.get(len(segments), ()):
            if all(want == have or ("{" in want and have) for want, have in zip(template, segments, strict=True)):
                merged = {**methods, **(merged or {})}
        return merged
