"""Which addresses an endpoint may have: public ones, and networks that the operator allows.

A name is resolved once, every address is checked, and the checked addresses are pinned: calls connect to these and no
others, so a name that later resolves to something else has no effect.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from mercato_checks.codes import found
from mercato_checks.findings import Finding, Level, shorten

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NUMBER_HOST = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}\.?$", re.IGNORECASE)
_PLAIN_IPV4 = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$")
# Never public, whatever this version of Python knows about them. Sources: IANA's special-purpose address registries.
_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ]
)
# Metadata services of clouds, which hand out credentials: refused even inside an allowed network.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.169.123",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
    )
)
# Ports where an HTTP request would talk to something else. Source: the port blocking of the Fetch standard, and the
# stores and control sockets that read text lines.
_PORTS = frozenset(
    int(port)
    for port in [
        "0",
        "1",
        "7",
        "9",
        "11",
        "13",
        "15",
        "17",
        "19",
        "20",
        "21",
        "22",
        "23",
        "25",
        "37",
        "42",
        "43",
        "53",
        "69",
        "77",
        "79",
        "87",
        "95",
        "101",
        "102",
        "103",
        "104",
        "109",
        "110",
        "111",
        "113",
        "115",
        "117",
        "119",
        "123",
        "135",
        "137",
        "139",
        "143",
        "161",
        "179",
        "389",
        "427",
        "465",
        "512",
        "513",
        "514",
        "515",
        "526",
        "530",
        "531",
        "532",
        "540",
        "548",
        "554",
        "556",
        "563",
        "587",
        "601",
        "636",
        "989",
        "990",
        "993",
        "995",
        "1719",
        "1720",
        "1723",
        "2049",
        "3659",
        "4045",
        "4190",
        "5060",
        "5061",
        "6000",
        "6566",
        "6665",
        "6666",
        "6667",
        "6668",
        "6669",
        "6679",
        "6697",
        "10080",
        "1433",
        "1521",
        "2375",
        "2376",
        "2379",
        "3306",
        "5432",
        "6379",
        "11211",
        "27017",
    ]
)
_MOST_ADDRESSES = 16


class Resolver(Protocol):
    """Names to addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name, in the order to try them. Raises `OSError` if there are none."""
        ...


class SystemResolver:
    """The machine's own resolver, off the event loop. A lookup that takes longer than `seconds` is an `OSError`."""

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise OSError(f"no answer within {self._seconds:g} s") from None
        except UnicodeError:
            raise OSError("not a name that can be looked up") from None
        return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint whose addresses were checked. `base` is scheme, host, port and path without a trailing slash."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def base(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """The target to connect to, `None` if it is refused, and the findings."""

    target: Target | None
    findings: list[Finding]


async def check_address(
    url: str, *, resolver: Resolver, allowed: Sequence[Network] = (), where: str = "endpoint.url"
) -> AddressCheck:
    """Check an endpoint's address. `allowed` are networks that the operator allows in addition to public ones."""
    parsed, problem = _parse(url, where)
    if parsed is None:
        return AddressCheck(None, [problem] if problem else [])
    try:
        texts = await resolver.resolve(parsed.host, parsed.port)
    except OSError as error:
        message = f"{shorten(parsed.host)} cannot be resolved: {shorten(error)}."
        return AddressCheck(None, [found("address_unresolved", where, message)])
    return _judge_all(parsed, texts, allowed, where)


def _judge_all(parsed: Target, texts: Sequence[str], allowed: Sequence[Network], where: str) -> AddressCheck:
    reasons = {text: judge(text, allowed) for text in texts[:_MOST_ADDRESSES]}
    good = tuple(text for text, reason in reasons.items() if reason is None)
    level: Level = "warning" if good else "error"
    findings = [
        found("address_refused", where, f"{shorten(parsed.host)} leads to {text}: {reason}.", level=level)
        for text, reason in reasons.items()
        if reason is not None
    ]
    if not texts:
        findings.append(found("address_unresolved", where, f"{shorten(parsed.host)} has no address."))
    if not good:
        return AddressCheck(None, findings)
    return AddressCheck(Target(parsed.scheme, parsed.host, parsed.port, parsed.path, good), findings)


def judge(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why this address must not be called; `None` if it may be."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "it is not an address"
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return "it belongs to one network card"
        # A mapped address is the IPv4 address itself; all other ways to write one inside IPv6 are refused below.
        address = address.ipv4_mapped or address
    if address in _METADATA:
        return "it gives away a machine's credentials"
    if any(address in network for network in allowed if network.version == address.version):
        return None
    if any(address in network for network in _REFUSED if network.version == address.version):
        return "it is private, local or reserved"
    return None if address.is_global and not address.is_multicast else "it is not public"


def _parse(url: str, where: str) -> tuple[Target | None, Finding | None]:
    """Scheme, host, port and path; the addresses still empty."""
    if any(character <= " " or character in "\\\x7f" for character in url) or len(url) > 2_000:
        return None, found(
            "address_malformed", where, "The address contains a space, a backslash or a control character."
        )
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        return None, found("address_malformed", where, f"The address cannot be read: {shorten(error)}.")
    problem = _refuse_parts(parts, port, where)
    if problem is not None:
        return None, problem
    host = (parts.hostname or "").rstrip(".")
    return Target(parts.scheme, host, port, parts.path.rstrip("/"), ()), None


def _refuse_parts(parts: SplitResult, port: int, where: str) -> Finding | None:
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return found("address_scheme", where, f"`{shorten(parts.scheme, 20)}` is not http or https.")
    if parts.username is not None or parts.password is not None:
        return found("address_userinfo", where, "The address carries a user or a password.")
    if parts.query or parts.fragment:
        return found("address_malformed", where, "The address carries a query or a fragment.")
    if _NUMBER_HOST.match(host) and not _PLAIN_IPV4.match(host):
        return found("address_disguised", where, f"`{shorten(host)}` is a number in an unusual notation.")
    if not (_is_address(host) or _NAME.match(host)):
        return found("address_malformed", where, f"`{shorten(host)}` is not a host.")
    if port in _PORTS:
        return found("address_port", where, f"Port {port} is not one for HTTP.")
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
