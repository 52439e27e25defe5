"""The desk's record: lines chained by SHA-256, and signed states of it that anybody may keep.

Altering, inserting or removing a line changes every digest after it, which contradicts the signed heads that others
hold; so does cutting off the end.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from mercato_contracts.signals import Sha256
from mercato_contracts.wire import Wire

BEGINNING = "0" * 64
"""What the first line is chained to."""


class RecordHead(Wire):
    """The state of the record when it was sealed, signed by the marketplace.

    `digest` is that of the last of its first `size` lines. `signature` is Ed25519, base64, over the UTF-8 bytes of
    `mercato-desk-record/1`, `size`, `digest` and `at` joined by line feeds (`at` as it stands here).
    """

    size: int = Field(ge=1, description="The number of lines that the head covers")
    digest: Sha256 = Field(description="SHA-256 of the last of those lines")
    at: str = Field(description="When it was signed, RFC 3339 in UTC")
    key: str = Field(description="The marketplace's Ed25519 public key, base64 of 32 bytes")
    signature: str = Field(description="Ed25519 signature, base64")


class RecordHeadList(Wire):
    """Signed states of the desk's record, the newest first."""

    items: list[RecordHead] = Field(description="The signed heads, newest first")


def chain_line(before: str, *, number: int, at: str, actor: str, what: str, subject: str, facts: str) -> str:
    """The digest of a line: over its fields and the digest of the line before (`BEGINNING` for line 0).

    SHA-256, in hex, of a JSON list as Python writes it; `facts` is JSON itself, as `write_facts` gives it.
    """
    content = json.dumps([before, number, at, actor, what, subject, facts])
    return hashlib.sha256(content.encode()).hexdigest()


def write_facts(facts: Mapping[str, Any]) -> str:
    """Facts as they are hashed: JSON as Python writes it, keys sorted."""
    return json.dumps(facts, sort_keys=True)


def record_head_bytes(size: int, digest: str, at: str) -> bytes:
    """What a head's signature is made over."""
    return "\n".join(("mercato-desk-record/1", str(size), digest, at)).encode()
