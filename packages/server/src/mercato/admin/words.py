"""A person's name and address in texts: how they are found, where, and what replaces them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mercato.identity import KnownPerson

ERASED = "[erased]"
_LETTERS = "[[:alnum:]_]"


@dataclass(frozen=True, slots=True)
class Words:
    """What to look for: as regular expressions of PostgreSQL, without regard to case.

    Anybody may sign up under any name, `Large Language Model` too, and what others wrote is not theirs to rewrite. So
    both are looked for in rows that have the person's id (`in_own`), and in rows of their organisations
    (`in_organisation`), there without a name of one word. In other rows nothing is, unless an operator asks for the
    erasure, who answers for what is rewritten in all organisations (`elsewhere`, else empty).
    """

    in_own: str
    in_organisation: str
    elsewhere: str

    @classmethod
    def of(cls, person: KnownPerson, *, everywhere: bool) -> "Words":
        """The addresses and the names of this person."""
        addresses = [
            rf"(?<![[:alnum:]._%+-]){_literal(each)}(?![[:alnum:]_-]|\.[[:alnum:]])" for each in person.addresses
        ]
        names = {
            name: rf"(?<!{_LETTERS}){_literal(name)}(?!{_LETTERS})" for each in person.names if (name := each.strip())
        }
        several = [pattern for name, pattern in names.items() if len(name.split()) > 1]
        in_organisation = _one_of([*addresses, *several])
        return cls(
            in_own=_one_of([*addresses, *names.values()]),
            in_organisation=in_organisation,
            elsewhere=in_organisation if everywhere else "",
        )


def says(details: Any, pattern: str) -> bool:
    """Whether a text within these values has what the pattern finds. Names of members are nobody's words."""
    if isinstance(details, str):
        return re.search(_for_python(pattern), details, re.IGNORECASE) is not None
    within = details.values() if isinstance(details, dict) else details if isinstance(details, list) else ()
    return any(says(each, pattern) for each in within)


def _one_of(patterns: Sequence[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


def _literal(text: str) -> str:
    """The text, and the same as JSON writes it."""
    within_json = json.dumps(text, ensure_ascii=False)[1:-1]
    return _escape(text) if within_json == text else f"(?:{_escape(text)}|{_escape(within_json)})"


def _escape(text: str) -> str:
    return "".join(each if each.isalnum() or not each.isascii() else f"\\{each}" for each in text)


def _for_python(pattern: str) -> str:
    return pattern.replace("[:alnum:]", r"\w")
