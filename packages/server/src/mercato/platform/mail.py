"""Mail to people. The port; its engines are an SMTP server and, where none is configured, a folder of files."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """A plain-text message to one address. `id` stays the same when it is sent again."""

    id: str
    to: str
    subject: str
    text: str


class Mail(Protocol):
    """Sends mail. After a crash a letter may be sent twice, with the same `Message-ID`."""

    async def send(self, letter: Letter) -> None:
        """Raises `MailRefused` for an address or content that will never be accepted, `OSError` while the server is
        unreachable.
        """

    async def forget(self, address: str) -> int:
        """Remove the letters to this address that this machine keeps; returns how many."""


class MailRefused(Exception):
    """The server refused this letter for good; sending it again changes nothing."""
