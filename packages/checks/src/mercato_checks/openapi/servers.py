"""The servers of a document: below which path its operations lie, and whether the endpoint of the manifest agrees."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mercato_checks.codes import found
from mercato_checks.findings import Finding, pointer, shorten
from mercato_checks.openapi.walk import OperationAt

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_MOST_LISTED = 20


def base_paths(servers: Any) -> list[str]:
    """The path of each server, variables by their defaults, without a slash at its end; `[""]` where none is named."""
    listed = [server for server in servers if isinstance(server, dict)] if isinstance(servers, list) else []
    return list(dict.fromkeys(_base_path(server) for server in listed)) or [""]


def _hosts(servers: Any) -> list[str]:
    """The host of each server that names one."""
    listed = servers if isinstance(servers, list) else []
    parts = [_address(server) for server in listed if isinstance(server, dict)]
    return list(dict.fromkeys(part.netloc.lower() for part in parts if part is not None and part.netloc))


def _base_path(server: dict[str, Any]) -> str:
    parts = _address(server)
    # A relative address starts at the document, which lies at the root as far as anybody knows.
    segments = [] if parts is None else [each for each in parts.path.split("/") if each not in ("", ".", "..")]
    return "".join(f"/{segment}" for segment in segments)


def _address(server: dict[str, Any]) -> SplitResult | None:
    """A server's address, variables by their defaults; None where it cannot be read."""
    defined = server.get("variables")
    variables = defined if isinstance(defined, dict) else {}

    def value(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        return str(variable["default"]) if isinstance(variable, dict) and "default" in variable else match[0]

    try:
        return urlsplit(_VARIABLE.sub(value, str(server.get("url", ""))))
    except ValueError:
        return None


def check_servers(tree: dict[str, Any], operations: Iterable[OperationAt], endpoint: str) -> list[Finding]:
    """Warnings where the document's servers and paths do not fit the endpoint's address.

    The gateway sends every call to the endpoint of the manifest with the operation's path behind it.
    """
    own = base_paths([{"url": endpoint}])[0]
    listed = list(operations)
    findings = []
    bases = base_paths(tree.get("servers"))
    if listed and not _fits(own, bases):
        first = listed[0]
        message = (
            f"The document's operations lie below {shorten(bases[0])}, and the endpoint's address does not end in it: "
            f"{first.method.upper()} {shorten(first.path)} is sent to {shorten(own + first.path)}."
        )
        fix = f"Add {shorten(bases[0])} to `endpoint.url`, or correct the document's server."
        findings.append(found("openapi_server_base_differs", pointer("servers"), message, fix=fix))
    findings += _repeated_base(own, listed)
    # One list of servers may be that of thousands of paths.
    others_of: dict[int, str] = {}
    usual = set(_hosts(tree.get("servers")))
    known = usual | set(_hosts([{"url": endpoint}])) if usual else set()
    for operation in listed:
        if operation.servers is None:
            continue
        key = id(operation.servers)
        if key not in others_of:
            others_of[key] = _other(operation.servers, own, known)
        if not others_of[key]:
            continue
        message = (
            f"{operation.method.upper()} {shorten(operation.path)} has a server of its own {others_of[key]}; "
            "it is sent to the endpoint like all others."
        )
        findings.append(found("openapi_server_override", operation.where, message))
        if len(findings) > _MOST_LISTED:
            break
    return findings


def _other(servers: Any, own: str, known: set[str]) -> str:
    """How an operation's own servers differ from the endpoint and the `known` hosts; empty where they do not."""
    bases, hosts = base_paths(servers), _hosts(servers)
    if not _fits(own, bases):
        return f"with the path {shorten(bases[0])}"
    return "" if not (hosts and known) or known.intersection(hosts) else f"at {shorten(hosts[0])}"


def _fits(own: str, bases: Iterable[str]) -> bool:
    """Whether the endpoint's path ends in one of these."""
    return any(own.endswith(base) for base in bases)


def _repeated_base(own: str, listed: list[OperationAt]) -> list[Finding]:
    """A warning where every path begins with the segments that the endpoint's address ends in."""
    ends = own.split("/")[1:]
    repeated = [f"/{'/'.join(ends[at:])}" for at in range(len(ends))]
    base = next((each for each in repeated if all(_begins_with(operation.path, each) for operation in listed)), None)
    if base is None or not listed:
        return []
    first = listed[0]
    message = (
        f"The endpoint's address ends in {shorten(base)} and every path begins with it: {first.method.upper()} "
        f"{shorten(first.path)} is sent to {shorten(own + first.path)}."
    )
    fix = f"Write the paths without {shorten(base)} and add `servers: [{{url: {shorten(base)}}}]` to the document."
    return [found("openapi_path_repeats_base", pointer("paths", first.path), message, fix=fix)]


def _begins_with(path: str, base: str) -> bool:
    """Whether the first segments of `path` are those of `base`."""
    return path == base or path.startswith(f"{base}/")
