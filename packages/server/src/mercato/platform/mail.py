"""Letters to people. The port; engines are an SMTP server and, where none is set, a folder of files."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """A plain-text letter to one address. `id` is the same each time it is sent again."""

    id: str
    to: str
    subject: str
    text: str


class Mail(Protocol):
    """Hands letters on. A letter may be handed on twice after a crash; its `Message-ID` is then the same."""

    async def send(self, letter: Letter) -> None:
        """Raises `MailRefused` for an address or content that will never be taken, `OSError` while nothing is."""

    async def forget(self, address: str) -> int:
        """Remove the letters to this address that this machine keeps; how many."""


class MailRefused(Exception):
    """The server refused this letter for good; sending it again changes nothing."""
