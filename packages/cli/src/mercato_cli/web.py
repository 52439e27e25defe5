"""HTTP clients as `mp` opens them: calls to this machine never use a proxy, and a broken environment is one line."""

import ipaddress
import os
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from mercato_cli.errors import Exit, MpError
from mercato_cli.profiles import is_address

_SOCKS = "Install `pip install 'httpx[socks]'` for SOCKS proxies, or except this host with NO_PROXY."
_RECOVERY = "Correct HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE or SSL_CERT_DIR, or unset them."


def open_client(url: str, *, timeout: float, **options: Any) -> httpx.Client:
    """A client for this address and no other host. Raises `MpError` where address or environment allow none."""
    try:
        # A transport of its own keeps the environment's certificates and leaves out its proxies.
        transport = httpx.HTTPTransport() if is_loopback(url) else None
        return httpx.Client(transport=transport, timeout=timeout, **options)
    except ImportError:
        raise MpError(f"{proxy_of(url)} is a SOCKS proxy, which this version of mp cannot use.", _SOCKS) from None
    except (httpx.InvalidURL, ValueError, OSError) as error:
        if not _can_be_asked(url):
            raise not_an_address(url) from None
        raise MpError(
            f"The network settings of this environment cannot be used: {_reason(error)}.", _RECOVERY
        ) from None


def not_an_address(url: str) -> MpError:
    """The error about a URL that nothing can be sent to."""
    return MpError(f"{url} is not an address.", "Give one such as https://market.example with `mp login --url`.")


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine, by its name or its literal address."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or address.is_unspecified or bool(mapped and mapped.is_loopback)


def proxy_of(url: str) -> str:
    """The proxy that the environment names for `url`, without its password; empty where none is used."""
    parts = urlsplit(url)
    proxies = getproxies()
    if is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return ""
    named = proxies.get(parts.scheme) or proxies.get("all") or ""
    return named if "@" not in named else f"{named.partition('://')[0]}://…@{named.rpartition('@')[2]}"


def unreachable(url: str, error: httpx.RequestError, timeout: float) -> MpError:
    """No complete answer arrived."""
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return not_an_address(url)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        proxy = proxy_of(url)
        if proxy:
            text = f"{url} cannot be reached through the proxy {proxy}: {_reason(error)}."
            return MpError(text, "Fix the proxy settings, or exclude this host with NO_PROXY.", Exit.UNREACHABLE)
        hint = "Start a marketplace with `mercato up`, or name another with `mp login --url`."
        return MpError(f"{url} cannot be reached: {_reason(error)}.", hint, Exit.UNREACHABLE)
    if isinstance(error, httpx.TimeoutException):
        hint = "Try again, or with a longer --timeout."
        return MpError(f"{url} did not respond within {timeout:g} s.", hint, Exit.UNREACHABLE)
    return MpError(f"{url} ended its response early: {_reason(error)}.", "Try again.", Exit.UNREACHABLE)


def _reason(error: Exception) -> str:
    """The last sentence of an error, without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {os.strerror(error.errno)}" if error.filename and error.errno else error.strerror
    text = str(error).strip() or type(error).__name__
    return text.partition("] ")[2].rstrip(".") or text if text.startswith("[Errno") else text.rstrip(".")


def _can_be_asked(url: str) -> bool:
    """Whether it is an address for httpx too, which reads hosts more strictly; else the environment is at fault."""
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return is_address(url)
