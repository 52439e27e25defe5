"""The security layer: how callers are known, and what travels in the open. Secrets in the text are phase 5's."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from mercato_checks.codes import found
from mercato_checks.findings import Finding, Level, pointer, shorten
from mercato_checks.openapi.walk import OperationAt, References, first_of_each, word

_FLOWS = ("authorizationUrl", "tokenUrl", "refreshUrl")


def check_security(tree: dict[str, Any], operations: list[OperationAt], references: References) -> list[Finding]:
    """Findings about security schemes, requirements and servers."""
    schemes = _schemes(tree)
    findings = [*_requirements(tree, operations, schemes), *_servers(tree.get("servers"), pointer("servers"))]
    for name, written in schemes.items():
        scheme = references.follow(written)
        if isinstance(scheme, dict):
            findings += _scheme(scheme, pointer("components", "securitySchemes", name))
    for operation in first_of_each(operations):
        findings += _servers(operation.node.get("servers"), f"{operation.where}/servers")
    return findings


def _schemes(tree: dict[str, Any]) -> dict[str, Any]:
    components = tree.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return schemes if isinstance(schemes, dict) else {}


def _requirements(tree: dict[str, Any], operations: list[OperationAt], schemes: dict[str, Any]) -> Iterator[Finding]:
    places = [(tree.get("security"), "/security")]
    places += [(each.node.get("security"), f"{each.where}/security") for each in first_of_each(operations)]
    for listed, where in places:
        for index, requirement in enumerate(listed if isinstance(listed, list) else ()):
            for name in requirement if isinstance(requirement, dict) else ():
                if name not in schemes:
                    message = f"`{shorten(name)}` is not defined under securitySchemes."
                    yield found("openapi_security_scheme_unknown", f"{where}/{index}", message)
    if operations and not any(isinstance(listed, list) and listed for listed, _ in places):
        # An empty list says so on purpose, which suits an endpoint that only the gateway reaches.
        level: Level = "info" if "security" in tree else "warning"
        yield found("openapi_security_none", "", "No operation asks who is calling.", level=level)


def _scheme(scheme: dict[str, Any], where: str) -> Iterator[Finding]:
    if scheme.get("type") == "apiKey" and scheme.get("in") == "query":
        yield found("openapi_security_in_query", where, "The key is sent in the query of the address.")
    if scheme.get("type") == "http" and word(scheme.get("scheme")).lower() == "basic":
        yield found("openapi_security_basic", where, "HTTP basic sends a password with each call.")
    flows = scheme.get("flows")
    for name, flow in flows.items() if isinstance(flows, dict) else ():
        for field in _FLOWS:
            if isinstance(flow, dict) and _is_plain(flow.get(field)):
                yield found("openapi_oauth_plain", f"{where}/flows/{name}/{field}", "This address is not https.")


def _servers(servers: Any, where: str) -> Iterator[Finding]:
    for index, server in enumerate(servers if isinstance(servers, list) else ()):
        url = server.get("url") if isinstance(server, dict) else None
        if isinstance(url, str):
            yield from _server(url, server.get("variables"), f"{where}/{index}")


def _server(url: str, variables: Any, where: str) -> Iterator[Finding]:
    if _is_plain(url):
        yield found("openapi_server_plain", f"{where}/url", "The server is not https.")
    if "@" in url.partition("://")[2].split("/")[0] and ":" in url.partition("://")[2].split("@")[0]:
        yield found("openapi_server_credentials", f"{where}/url", "The server's address carries a password.")
    defined = variables if isinstance(variables, dict) else {}
    for name in (piece.partition("}")[0] for piece in url.split("{")[1:]):
        variable = defined.get(name)
        if not isinstance(variable, dict) or "default" not in variable:
            message = f"`{{{shorten(name)}}}` has no default under variables."
            yield found("openapi_server_variable", f"{where}/url", message)


def _is_plain(url: Any) -> bool:
    """Whether the address is http and leads off this machine."""
    if not isinstance(url, str) or not url.lower().startswith("http://"):
        return False
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return True
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True
