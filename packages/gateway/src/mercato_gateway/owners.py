"""The digests of each key or organisation: a change of one touches only its own."""


class Owners:
    """Digests by owner. Most owners have one, which is kept as it is: a set for each would cost more than the key."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[str, bytes | set[bytes]] = {}

    def add(self, owner: str, digest: bytes) -> None:
        """Adds a digest; a second time is harmless."""
        own = self._of.get(owner)
        if own is None:
            self._of[owner] = digest
        elif isinstance(own, set):
            own.add(digest)
        elif own != digest:
            self._of[owner] = {own, digest}

    def drop(self, owner: str, digest: bytes) -> None:
        """Removes a digest; a missing one is fine."""
        own = self._of.get(owner)
        if isinstance(own, set):
            own.discard(digest)
            if len(own) == 1:
                self._of[owner] = own.pop()
        elif own == digest:
            del self._of[owner]

    def of(self, owner: str) -> list[bytes]:
        """All digests of this owner."""
        own = self._of.get(owner)
        if own is None:
            return []
        return list(own) if isinstance(own, set) else [own]

    def __len__(self) -> int:
        return len(self._of)
