"""The address of Kafka, read without its client: a wrong one is found before anything starts."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"kafka(?P<tls>\+ssl)?://(?:(?P<user>[^:@/]+):(?P<password>[^@/]+)@)?(?P<hosts>[^@/?#]+?)(?:/(?P<prefix>[a-z0-9._-]+))?/?"
)
_PREFIX = "mercato"


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Where Kafka is. `prefix` begins the names of topics and of the transactional id."""

    servers: str
    prefix: str
    tls: bool
    user: str | None
    password: str | None

    def settings(self) -> dict[str, Any]:
        """librdkafka's."""
        protocol = ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT")
        chosen: dict[str, Any] = {"bootstrap.servers": self.servers, "security.protocol": protocol}
        if self.user:
            chosen |= {
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": self.user,
                "sasl.password": self.password,
            }
        return chosen


def read_address(url: str) -> KafkaAddress:
    """Read `kafka[+ssl]://[user:password@]host:port[,host:port][/prefix]`.

    Raises `ValueError`, whose words hold nothing of the address.
    """
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ValueError(
            "MERCATO_EVENTS_URL is `file` or `kafka[+ssl]://[user:password@]host:port[,host:port][/prefix]`."
        )
    user, password = found["user"], found["password"]
    return KafkaAddress(
        found["hosts"],
        found["prefix"] or _PREFIX,
        found["tls"] is not None,
        None if user is None else unquote(user),
        None if password is None else unquote(password),
    )
