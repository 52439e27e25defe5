"""Where webhooks may be sent: checked when an endpoint is registered, and again before every request."""

from collections.abc import Sequence

from mercato.publishing import PRIVATE
from mercato.webhooks.refusals import WebhookAddressRefused
from mercato_checks.addresses import Network, Resolver, SystemResolver, Target, check_address


class WebhookAddresses:
    """Checks addresses: only public `https` ones, unless the operator allows private ones; then `http` too."""

    def __init__(self, *, allow_private: bool, resolver: Resolver | None = None) -> None:
        self._allowed: Sequence[Network] = PRIVATE if allow_private else ()
        self._needs_tls = not allow_private
        self._resolver = resolver or SystemResolver()

    async def judge(self, url: str) -> Target:
        """The pinned target. Raises `WebhookAddressRefused`."""
        if self._needs_tls and not url.lower().startswith("https://"):
            raise WebhookAddressRefused("The address does not begin with https://.")
        found = await check_address(url, resolver=self._resolver, allowed=self._allowed, where="url")
        if found.target is None:
            raise WebhookAddressRefused(" ".join(finding.message for finding in found.findings))
        return found.target
