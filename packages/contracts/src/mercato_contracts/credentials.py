"""Credentials under `/api/credentials`: what a vendor's own endpoints ask for, stored sealed and never shown again."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from mercato_contracts.wire import Wire

LEAST_CHARACTERS = 8
MOST_CHARACTERS = 4_096


class CredentialRequest(Wire):
    """The secret as its endpoint expects it: 8 to 4,096 visible ASCII characters, blanks only inside."""

    value: Annotated[str, Field(repr=False, max_length=16_384)]


class CredentialView(Wire):
    """A stored secret, without it. Equal fingerprints: the same secret; nobody else can compute one."""

    name: str
    fingerprint: str
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    used_by: list[str] = Field(description="The services, `vendor/name`, whose releases present it")


class CredentialList(Wire):
    """All of the organisation's, by name."""

    items: list[CredentialView]
