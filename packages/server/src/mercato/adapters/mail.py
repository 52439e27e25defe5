"""Letters by SMTP, or as files in a folder where no server is set."""

import asyncio
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mercato.platform import Clock, Letter, MailRefused

_SECONDS = 30.0


def compose(letter: Letter, sender: str, clock: Clock) -> EmailMessage:
    """The message that is sent. Raises `ValueError` for an address or subject with line breaks."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


class FolderMail:
    """Writes each letter to `<folder>/<id>.eml`, for marketplaces without a mail server."""

    def __init__(self, folder: Path, sender: str, clock: Clock) -> None:
        self._folder, self._sender, self._clock = folder, sender, clock

    async def send(self, letter: Letter) -> None:
        """Write it beside and rename: a reader never sees half a letter."""
        message = compose(letter, self._sender, self._clock)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        draft = self._folder / f".{letter.id}"
        draft.touch(mode=0o600)
        draft.write_bytes(bytes(message))
        draft.rename(self._folder / f"{letter.id}.eml")

    async def forget(self, address: str) -> int:
        """Remove every letter to this address, drafts of a cut-off sending too."""
        return await asyncio.to_thread(self._forget, address.lower())

    def _forget(self, address: str) -> int:
        found = [path for path in self._folder.glob("*") if path.is_file() and _is_to(path, address)]
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)


def _is_to(path: Path, address: str) -> bool:
    """Whether the letter is to this address; a draft that was cut off before it says so counts too."""
    with path.open("rb") as file:
        letter = BytesParser(policy=email.policy.SMTP).parse(file, headersonly=True)
    return letter["To"] is None or str(letter["To"]).lower() == address


class SmtpMail:
    """Sends by `smtp://` (STARTTLS where the server offers it; required with a password) or `smtps://`.

    `url` is `smtp[s]://[user:password@]host[:port]`.
    """

    def __init__(self, url: str, sender: str, clock: Clock) -> None:
        parts = urlsplit(url)
        implicit_tls = parts.scheme == "smtps"
        user = None if parts.username is None else unquote(parts.username)
        self._server: dict[str, Any] = {
            "hostname": parts.hostname or "",
            "port": parts.port or (465 if implicit_tls else 587),
            "username": user,
            "password": None if parts.password is None else unquote(parts.password),
            "use_tls": implicit_tls,
            # A password never goes over a line in clear.
            "start_tls": None if user is None or implicit_tls else True,
            "timeout": _SECONDS,
        }
        self._sender, self._clock = sender, clock

    async def forget(self, address: str) -> int:
        """Nothing is kept here; the server keeps what its operator has set."""
        return 0

    async def check(self) -> None:
        """Greets the server and signs in, without a letter. Raises as `send` does."""
        import aiosmtplib

        client = aiosmtplib.SMTP(**self._server)
        with _failing_as_ours():
            await client.connect()
            await client.quit()

    async def send(self, letter: Letter) -> None:
        """Hand it to the server. Raises `MailRefused`; `OSError` where the server is away or refuses for now."""
        import aiosmtplib  # most processes send no mail

        with _failing_as_ours():
            await aiosmtplib.send(compose(letter, self._sender, self._clock), **self._server)


@contextmanager
def _failing_as_ours() -> Iterator[None]:
    import aiosmtplib

    try:
        yield
    except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
        raise _as_ours(error) from error
    except aiosmtplib.SMTPException as error:
        raise ConnectionError(f"the mail server could not be used: {error}") from error


def _as_ours(error: Exception) -> Exception:
    """Replies of 500 and above are for good (RFC 5321, section 4.2.1), others pass."""
    refused = getattr(error, "recipients", None)
    codes = [each.code for each in refused] if refused else [getattr(error, "code", 0)]
    if codes and all(code >= 500 for code in codes):
        return MailRefused(f"the mail server refused the letter: {error}")
    return ConnectionError(f"the mail server refuses for now: {error}")
