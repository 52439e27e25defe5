"""The address of OpenSearch, read without its client: a wrong one is found before anything starts."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[^:@/\s]+):(?P<password>[^@/\s]+)@)?"
    r"(?P<hosts>[A-Za-z0-9.:,\[\]_-]+?)(?:/(?P<prefix>[a-z0-9][a-z0-9._-]*))?/?"
)
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_PORT = 9200
_PREFIX = "mercato"


@dataclass(frozen=True, slots=True)
class OpenSearchAddress:
    """Where OpenSearch is: the addresses of its nodes, and `prefix`, with which names of indexes begin."""

    nodes: tuple[str, ...]
    prefix: str
    user: str | None
    password: str | None

    @property
    def shown(self) -> str:
        """For logs and errors: nothing secret."""
        return ", ".join(self.nodes)


def read_address(url: str) -> OpenSearchAddress:
    """Read `http[s]://[user:password@]host[:port][,host[:port]][/prefix]`; the port is 9200 when not written.

    Raises `ValueError`, whose words hold nothing of the address.
    """
    found = _ADDRESS.fullmatch(url)
    hosts = found["hosts"].split(",") if found else [""]
    if found is None or not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError("MERCATO_SEARCH_URL is `http[s]://[user:password@]host:port[,host:port][/prefix]`.")
    user, password = found["user"], found["password"]
    return OpenSearchAddress(
        tuple(f"{found['scheme']}://{host}{'' if re.search(r':[0-9]+$', host) else f':{_PORT}'}" for host in hosts),
        found["prefix"] or _PREFIX,
        None if user is None else unquote(user),
        None if password is None else unquote(password),
    )
