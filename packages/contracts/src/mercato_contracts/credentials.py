"""Credentials under `/api/credentials`: what a vendor's own endpoints ask for, stored sealed and never shown again."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from mercato_contracts.fields import CreatedAt
from mercato_contracts.wire import Wire

LEAST_CHARACTERS = 8
MOST_CHARACTERS = 4_096


class CredentialRequest(Wire):
    """The secret as its endpoint expects it: 8 to 4,096 visible ASCII characters, blanks only inside."""

    value: Annotated[str, Field(repr=False, max_length=16_384)] = Field(
        description="The secret: 8 to 4,096 visible ASCII characters; it is never shown again"
    )


class CredentialView(Wire):
    """A stored secret, without it. Equal fingerprints: the same secret; nobody else can compute one."""

    name: str = Field(description="The name that manifests use for it")
    fingerprint: str = Field(
        description="A keyed digest: equal for equal secrets, and useless without the marketplace's key"
    )
    created_by: str = Field(description="The id of the person or key that stored it first")
    created_at: CreatedAt
    changed_by: str = Field(description="The id of the person or key that stored it last")
    changed_at: datetime = Field(description="When it was last stored, UTC")
    used_by: list[str] = Field(description="The services, `vendor/name`, whose releases present it")


class CredentialList(Wire):
    """All of the organisation's, by name."""

    items: list[CredentialView] = Field(description="The organisation's credentials, by name")
