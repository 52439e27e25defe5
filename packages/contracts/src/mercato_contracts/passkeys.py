"""What people send and receive about passkeys (WebAuthn, in the browsers' JSON form)."""

from datetime import datetime
from typing import Any

from pydantic import Field

from mercato_contracts.identity import Name
from mercato_contracts.wire import Wire


class PasskeyOptions(Wire):
    """Options for the browser."""

    options: dict[str, Any] = Field(
        description="`PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`"
    )


class PasskeyAnswer(Wire):
    """What an authenticator answers."""

    credential: dict[str, Any] = Field(
        description="`PublicKeyCredential.toJSON()`: `id`, `rawId`, `type` and `response`", max_length=20
    )


class NewPasskeyRequest(PasskeyAnswer):
    """A new passkey."""

    name: Name = Field(description="What the person calls it")


class PasskeyView(Wire):
    """A passkey."""

    id: str = Field(description="The passkey's id, `pky_…`")
    name: str = Field(description="What the person calls it")
    created_at: datetime = Field(description="When it was added")
    used_at: datetime | None = Field(description="When it was last used")


class PasskeyList(Wire):
    """A person's passkeys."""

    items: list[PasskeyView] = Field(description="The passkeys, the oldest first")
