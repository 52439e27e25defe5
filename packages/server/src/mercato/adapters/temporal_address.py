"""The address of Temporal, read without its client: a wrong one is found before anything starts."""

import re
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(
    r"temporal(?P<tls>\+tls)?://(?P<target>(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})"
    r"(?:/(?P<namespace>[A-Za-z0-9][A-Za-z0-9._-]*))?/?"
)
_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class TemporalAddress:
    """Where Temporal is: `host:port`, the marketplace's namespace there, and how its client proves itself.

    The files are PEM: the authority of the server's certificate, and a certificate of the client with its key.
    """

    target: str
    namespace: str
    tls: bool
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    api_key: str | None = None

    @property
    def shown(self) -> str:
        """For messages: without secrets."""
        return f"{self.target}, namespace {self.namespace}"


def read_address(
    url: str,
    *,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    api_key: str | None = None,
) -> TemporalAddress:
    """Read `temporal[+tls]://host:port[/namespace]`. Raises `ValueError`, which names the setting that is wrong."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ValueError("MERCATO_WORKFLOWS_URL is `temporal[+tls]://host:port[/namespace]`.")
    tls = found["tls"] is not None
    if not tls and (ca or cert or key or api_key):
        raise ValueError(
            "MERCATO_WORKFLOWS_CA, _CERT, _KEY and _API_KEY need TLS: write MERCATO_WORKFLOWS_URL as temporal+tls://…."
        )
    if (cert is None) != (key is None):
        raise ValueError("MERCATO_WORKFLOWS_CERT and MERCATO_WORKFLOWS_KEY belong together: set both or neither.")
    return TemporalAddress(found["target"], found["namespace"] or _NAMESPACE, tls, ca, cert, key, api_key)
