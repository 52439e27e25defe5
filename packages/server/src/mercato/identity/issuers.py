"""Where identity providers may be: judged before every request, pinned, bounded in time and size, no redirects."""

import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from mercato.identity.sso_refusals import IssuerRefused, ProviderFailed
from mercato_checks.addresses import Network, Resolver, SystemResolver, Target, check_address
from mercato_checks.endpoint import Answer, Call, CallFailed, PinnedEndpoint

_TIMEOUT_SECONDS = 10.0
_MOST_BYTES = 512 * 1024


class IssuerAddresses:
    """Asks identity providers. `https` and public addresses only; `allowed` networks are open too, `http` as well."""

    def __init__(
        self, allowed: Sequence[Network] = (), resolver: Resolver | None = None, *, seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._allowed = allowed
        self._resolver = resolver or SystemResolver()
        self._seconds = seconds
        self._tls: ssl.SSLContext | None = None

    def check_scheme(self, url: str) -> None:
        """Raises `IssuerRefused`."""
        schemes = ("https://", "http://") if self._allowed else ("https://",)
        if not url.lower().startswith(schemes):
            raise IssuerRefused(f"The address {url[:200]} does not begin with https://.")

    async def ask_json(
        self, url: str, *, method: str = "GET", headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and the JSON object of the answer. Raises `IssuerRefused`, `ProviderFailed`."""
        answer = await self._ask(url, method, (("user-agent", "mercato-sign-in/1"), *headers), body)
        try:
            parsed = answer.json()
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise ProviderFailed(f"{_shown(url)} answered {answer.status} without a JSON object.")
        return answer.status, parsed

    async def _ask(self, url: str, method: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> Answer:
        self.check_scheme(url)
        parts = urlsplit(url)
        target = await self._judge(f"{parts.scheme}://{parts.netloc}")
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        try:
            async with PinnedEndpoint(
                target, timeout_seconds=self._seconds, most_bytes=_MOST_BYTES, tls=self._context(target)
            ) as endpoint:
                return await endpoint.call(Call(method, path, body, tuple(headers)))
        except CallFailed as failed:
            raise ProviderFailed(f"{_shown(url)}: {failed}.") from None

    async def _judge(self, origin: str) -> Target:
        found = await check_address(origin, resolver=self._resolver, allowed=self._allowed, where="issuer")
        if found.target is None:
            raise IssuerRefused(" ".join(finding.message for finding in found.findings))
        return found.target

    def _context(self, target: Target) -> ssl.SSLContext | None:
        # Reading the authorities takes a tenth of a second: once, and only where they are needed.
        if target.scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls if target.scheme == "https" else None


def _shown(url: str) -> str:
    """Without a query, which may hold secrets."""
    return url.partition("?")[0][:200]
