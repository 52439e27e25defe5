"""Which digests belong to a key or an organisation, so that a change of one touches only its own."""


class Owners:
    """Digests by owner. Most owners have one, which is kept as it is: a set for each would cost more than the key."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[str, bytes | set[bytes]] = {}

    def add(self, owner: str, digest: bytes) -> None:
        """Notes it; again does no harm."""
        known = self._of.get(owner)
        if known is None:
            self._of[owner] = digest
        elif isinstance(known, set):
            known.add(digest)
        elif known != digest:
            self._of[owner] = {known, digest}

    def drop(self, owner: str, digest: bytes) -> None:
        """Forgets it; one that is not there is fine."""
        known = self._of.get(owner)
        if isinstance(known, set):
            known.discard(digest)
            if len(known) == 1:
                self._of[owner] = known.pop()
        elif known == digest:
            del self._of[owner]

    def of(self, owner: str) -> list[bytes]:
        """All of this owner's."""
        known = self._of.get(owner)
        if known is None:
            return []
        return list(known) if isinstance(known, set) else [known]

    def __len__(self) -> int:
        return len(self._of)
