"""Compares what two documents offer: operations, parameters, bodies, answers, and who may call."""

import re
from dataclasses import dataclass
from typing import Any

from mercato_checks.diff.change import Direction, Report
from mercato_checks.diff.schemas import Path, SchemaComparison
from mercato_checks.findings import shorten
from mercato_checks.openapi.walk import OperationAt, References, operations

_VARIABLE = re.compile(r"\{[^{}/]*\}")


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two documents."""

    tree: dict[str, Any]
    references: References

    def operations(self) -> dict[tuple[str, str], OperationAt]:
        """By method and path; what a variable is called does not matter to callers."""
        offered = operations(self.tree, self.references)
        return {(each.method, _VARIABLE.sub("{}", each.path)): each for each in offered}

    def mapping(self, node: Any) -> dict[str, Any]:
        followed = self.references.follow(node)
        return followed if isinstance(followed, dict) else {}


class DocumentComparison:
    """Walks through both documents side by side and fills a report."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._old = _Side(old, References(old))
        self._new = _Side(new, References(new))
        self._schemas = SchemaComparison(self._old.references, self._new.references)

    def compare(self, report: Report) -> None:
        """Add all changes to the report. Raises `BudgetSpent`."""
        before, after = self._old.operations(), self._new.operations()
        for key, operation in before.items():
            path = ("paths", operation.path, operation.method)
            if key in after:
                self._operation(operation, after[key], ("paths", after[key].path, operation.method), report)
            else:
                report.breaking("operation.removed", path, f"{operation.method.upper()} {operation.path} is gone.")
        for key, operation in after.items():
            if key not in before:
                path = ("paths", operation.path, operation.method)
                report.addition("operation.added", path, f"{operation.method.upper()} {operation.path} is new.")
        self._schemes(report)

    def _operation(self, old: OperationAt, new: OperationAt, path: Path, report: Report) -> None:
        report.step()
        self._parameters(old, new, path, report)
        self._body(old, new, path, report)
        self._responses(old, new, path, report)
        self._security(old, new, path, report)

    def _parameters(self, old: OperationAt, new: OperationAt, path: Path, report: Report) -> None:
        before, after = _by_place(old), _by_place(new)
        here = (*path, "parameters")
        for key, parameter in before.items():
            if key in after:
                self._parameter(parameter, after[key], (*here, key[1]), report)
            elif key[0] != "path":
                report.breaking("parameter.removed", here, f"The {key[0]} parameter `{key[1]}` is gone.")
        for key, parameter in after.items():
            if key not in before and key[0] != "path":
                if parameter.get("required") is True:
                    report.breaking(
                        "parameter.required", here, f"The {key[0]} parameter `{key[1]}` is new and required."
                    )
                else:
                    report.addition("parameter.added", here, f"The {key[0]} parameter `{key[1]}` is new.")

    def _parameter(self, old: dict[str, Any], new: dict[str, Any], path: Path, report: Report) -> None:
        name = shorten(new.get("name"), 60)
        if new.get("required") is True and old.get("required") is not True and new.get("in") != "path":
            report.breaking("parameter.required", path, f"`{name}` is required now.")
        for keyword in ("style", "explode"):
            if keyword in old and keyword in new and old[keyword] != new[keyword]:
                report.breaking("parameter.style", path, f"`{name}` is written in another way now.")
        self._schemas.compare(_parameter_schema(old), _parameter_schema(new), "request", path, report)

    def _body(self, old: OperationAt, new: OperationAt, path: Path, report: Report) -> None:
        here = (*path, "requestBody")
        before, after = self._old.mapping(old.node.get("requestBody")), self._new.mapping(new.node.get("requestBody"))
        if before and not after:
            report.breaking("body.removed", here, "No body is accepted any more.")
        elif after and not before:
            if after.get("required") is True:
                report.breaking("body.required", here, "A body is required now.")
            else:
                report.addition("body.added", here, "A body may be sent now.")
        elif before:
            if after.get("required") is True and before.get("required") is not True:
                report.breaking("body.required", here, "The body is required now.")
            self._content(before, after, "request", here, report)

    def _content(
        self, old: dict[str, Any], new: dict[str, Any], direction: Direction, path: Path, report: Report
    ) -> None:
        before, after = _content(old), _content(new)
        for media_type, media in before.items():
            here = (*path, "content", media_type)
            if media_type in after:
                was, now = _schema(media), _schema(after[media_type])
                # Without a schema nothing was promised, so nothing can be broken.
                if was is not None and now is not None:
                    self._schemas.compare(was, now, direction, here, report)
            else:
                report.breaking(f"{direction}.media_type.removed", here, f"{media_type} is gone.")
        for media_type in after.keys() - before.keys():
            report.addition(f"{direction}.media_type.added", (*path, "content", media_type), f"{media_type} is new.")

    def _responses(self, old: OperationAt, new: OperationAt, path: Path, report: Report) -> None:
        before, after = self._old.mapping(old.node.get("responses")), self._new.mapping(new.node.get("responses"))
        for code, written in before.items():
            here = (*path, "responses", code)
            if code in after:
                was, now = self._old.mapping(written), self._new.mapping(after[code])
                self._content(was, now, "response", here, report)
                self._headers(was, now, here, report)
            elif code[:1] == "2":
                report.breaking("response.success.removed", here, f"The answer {code} is no longer given.")
            elif not code.startswith("x-"):
                report.other("response.removed", here, f"The answer {code} is no longer described.")
        for code in after.keys() - before.keys():
            report.addition("response.added", (*path, "responses", code), f"The answer {code} is new.")

    def _headers(self, old: dict[str, Any], new: dict[str, Any], path: Path, report: Report) -> None:
        before, after = self._old.mapping(old.get("headers")), self._new.mapping(new.get("headers"))
        lower = {name.lower(): header for name, header in after.items()}
        for name, written in before.items():
            here = (*path, "headers", name)
            if name.lower() not in lower:
                report.breaking("response.header.removed", here, f"The header `{name}` no longer comes back.")
                continue
            was, now = self._old.mapping(written), self._new.mapping(lower[name.lower()])
            if was.get("required") is True and now.get("required") is not True:
                report.breaking("response.header.optional", here, f"The header `{name}` may be absent now.")
            if "schema" in was and "schema" in now:
                self._schemas.compare(was["schema"], now["schema"], "response", here, report)

    def _security(self, old: OperationAt, new: OperationAt, path: Path, report: Report) -> None:
        """Each way in that worked must still work: some way of now may ask for no more than it did."""
        before = _ways(old.node.get("security", self._old.tree.get("security")))
        after = _ways(new.node.get("security", self._new.tree.get("security")))
        for way in before:
            if after and not any(each <= way for each in after):
                report.breaking("security.narrowed", (*path, "security"), "A way to authenticate no longer suffices.")
                return
        if before != after:
            report.addition("security.changed", (*path, "security"), "Who may call is described differently.")

    def _schemes(self, report: Report) -> None:
        before, after = (
            side.mapping(side.mapping(side.tree.get("components")).get("securitySchemes"))
            for side in (self._old, self._new)
        )
        for name, written in before.items():
            path = ("components", "securitySchemes", name)
            if name in after:
                self._scheme(self._old.mapping(written), self._new.mapping(after[name]), path, report)

    def _scheme(self, old: dict[str, Any], new: dict[str, Any], path: Path, report: Report) -> None:
        for keyword in ("type", "scheme", "in", "name", "openIdConnectUrl"):
            if str(old.get(keyword)).lower() != str(new.get(keyword)).lower():
                report.breaking("security.scheme", path, f"`{keyword}` of the scheme is another now.")
        before, after = self._old.mapping(old.get("flows")), self._new.mapping(new.get("flows"))
        for name, flow in before.items():
            was, now = self._old.mapping(flow), self._new.mapping(after.get(name))
            for keyword in ("authorizationUrl", "tokenUrl", "refreshUrl"):
                if was.get(keyword) != now.get(keyword) and was.get(keyword) is not None:
                    report.breaking("security.flow", (*path, "flows", name), f"`{keyword}` is another now.")
            gone = set(self._old.mapping(was.get("scopes"))) - set(self._new.mapping(now.get("scopes")))
            if gone:
                report.breaking("security.scope", (*path, "flows", name), f"Scopes are gone: {shorten(sorted(gone))}.")


def _by_place(operation: OperationAt) -> dict[tuple[str, str], dict[str, Any]]:
    """Parameters by place and name; those of the path by their position in it."""
    order = {name[1:-1]: str(index) for index, name in enumerate(_VARIABLE.findall(operation.path))}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for parameter in operation.parameters:
        place, name = str(parameter.get("in")), str(parameter.get("name"))
        key = order.get(name, name) if place == "path" else name.lower() if place == "header" else name
        found[place, key] = parameter
    return found


def _parameter_schema(parameter: dict[str, Any]) -> Any:
    content = _content(parameter)
    return parameter.get("schema", _schema(next(iter(content.values()))) if content else {})


def _content(node: dict[str, Any]) -> dict[str, Any]:
    """By media type in lower case without blanks, so that its spelling does not count."""
    content = node.get("content")
    return {key.lower().replace(" ", ""): media for key, media in content.items()} if isinstance(content, dict) else {}


def _schema(media: Any) -> Any:
    return media.get("schema") if isinstance(media, dict) else None


def _ways(security: Any) -> list[frozenset[tuple[str, str]]]:
    """Each alternative as the set of what it asks for: scheme, and scheme with scope."""
    ways = []
    for requirement in security if isinstance(security, list) else ():
        asked = requirement.items() if isinstance(requirement, dict) else ()
        pairs = {(name, "") for name, _ in asked}
        pairs |= {(name, str(scope)) for name, scopes in asked if isinstance(scopes, list) for scope in scopes}
        ways.append(frozenset(pairs))
    return ways
