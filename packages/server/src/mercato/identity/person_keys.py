"""What is written once and names people is sealed with their keys. An erasure destroys the key; every hash stays true.

What names several people needs the keys of all of them, so the erasure of any one makes it unreadable.
"""

import base64
import hmac
from collections.abc import Collection, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mercato.identity.person_key_rows import PersonKeyRows
from mercato.platform import Clock, Ids, Session
from mercato_contracts import ids as id_prefix

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Keyring:
    """Keys of some people, read once; `None` stands for one that was destroyed."""

    def __init__(self, keys: Mapping[str, bytes | None]) -> None:
        self._keys = keys
        self._ciphers: dict[tuple[str, ...], AESGCM | None] = {}

    def seal(self, people: Collection[str], content: bytes, ids: Ids) -> dict[str, Any]:
        """`content` as JSON that only the keys of all these people open. With a destroyed key nothing opens it."""
        of = sorted(people)
        nonce = ids.secret(_NONCE_BYTES)
        cipher = self._cipher(of) or AESGCM(ids.secret(_KEY_BYTES))
        sealed = cipher.encrypt(nonce, content, ",".join(of).encode())
        return {"people": of, "sealed": base64.b64encode(nonce + sealed).decode()}

    def open(self, sealed: Mapping[str, Any]) -> bytes | None:
        """What was sealed; `None` once a key that it needs was destroyed, and for what was altered."""
        of = list(sealed["people"])
        cipher = self._cipher(of)
        if cipher is None:
            return None
        content = base64.b64decode(sealed["sealed"])
        try:
            return cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], ",".join(of).encode())
        except InvalidTag:
            return None

    def _cipher(self, people: list[str]) -> AESGCM | None:
        """By the key of exactly these people; made once, since a log names the same few many times."""
        known = tuple(people)
        if known not in self._ciphers:
            key = self._key(people)
            self._ciphers[known] = None if key is None else AESGCM(key)
        return self._ciphers[known]

    def _key(self, people: list[str]) -> bytes | None:
        keys = [self._keys.get(person) for person in people]
        if None in keys or not keys:
            return None
        # One key for each set of people, from which none of theirs can be computed.
        return hmac.digest(b"keys of people", b"".join(key for key in keys if key is not None), "sha256")


class PersonKeys:
    """The keys of people, within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids) -> None:
        self._rows = PersonKeyRows(session)
        self._clock = clock
        self._ids = ids

    async def ring(self, people: Collection[str]) -> Keyring:
        """The keys of these people; those who have none get one."""
        wanted = {person for person in people if is_person(person)}
        found = await self._rows.find(wanted) if wanted else {}
        missing = wanted - found.keys()
        if missing:
            await self._rows.add({person: self._ids.secret(_KEY_BYTES) for person in missing}, self._clock.now())
            found = await self._rows.find(wanted)
        return Keyring(found)

    async def destroy(self, person: str) -> None:
        """Nothing that was sealed for this person opens again."""
        await self._rows.destroy(person, self._clock.now())


async def keyring_of(session: Session, sealed: Collection[Mapping[str, Any] | None]) -> Keyring:
    """The keys that open these. What is not sealed among them is passed over."""
    people = {person for each in sealed if is_sealed(each) and each for person in each["people"]}
    return Keyring(await PersonKeyRows(session).find(people) if people else {})


def is_person(actor: str) -> bool:
    """Whether the id is that of a person."""
    return id_prefix.is_id(actor, id_prefix.USER)


def is_sealed(content: Mapping[str, Any] | None) -> bool:
    """Whether this was made by `Keyring.seal`."""
    return content is not None and content.keys() == {"people", "sealed"}
