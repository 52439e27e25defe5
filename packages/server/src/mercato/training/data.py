"""Where a round's files come from."""

from pathlib import Path
from typing import Protocol


class RoundData(Protocol):
    """Hands over the files of data rounds that a model may be trained on."""

    async def fetch(self, round_id: str, folder: Path) -> str:
        """Write them into `folder`; SHA-256 over their own SHA-256 digests, in hexadecimal digits.

        Raises `ObjectNotFound` where there is no such round.
        """
        ...
