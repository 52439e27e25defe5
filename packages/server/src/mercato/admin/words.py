"""A person's name and address in texts: how they are found, and what replaces them."""

import json
import re
from dataclasses import dataclass

from mercato.identity import KnownPerson

ERASED = "[erased]"
_LETTERS = "[[:alnum:]_]"


@dataclass(frozen=True, slots=True)
class Words:
    """What to look for: as regular expressions of PostgreSQL, without regard to case.

    The address is looked for everywhere. A name of one word is too common for that: `name` is then looked for in rows
    that the person wrote, and `everywhere` holds the address alone.
    """

    everywhere: str
    in_own: str

    @classmethod
    def of(cls, person: KnownPerson) -> "Words":
        """The address and the name of this person."""
        address = rf"(?<![[:alnum:]._%+-]){_literal(person.email)}(?![[:alnum:]_-]|\.[[:alnum:]])"
        name = rf"(?<!{_LETTERS}){_literal(person.name.strip())}(?!{_LETTERS})"
        both = f"(?:{address}|{name})" if person.name.strip() else address
        return cls(everywhere=both if len(person.name.split()) > 1 else address, in_own=both)

    def is_in(self, text: str) -> bool:
        """Whether a text has what is looked for everywhere."""
        return re.search(_for_python(self.everywhere), text, re.IGNORECASE) is not None


def _literal(text: str) -> str:
    """The text, and the same as JSON writes it."""
    within_json = json.dumps(text, ensure_ascii=False)[1:-1]
    return _escape(text) if within_json == text else f"(?:{_escape(text)}|{_escape(within_json)})"


def _escape(text: str) -> str:
    return "".join(each if each.isalnum() or not each.isascii() else f"\\{each}" for each in text)


def _for_python(pattern: str) -> str:
    return pattern.replace("[:alnum:]", r"\w")
