"""What identity keeps sealed."""

from mercato.identity.models import SecondFactor, SsoProvider
from mercato.platform import Purpose, SealedColumn

SEALED = (
    SealedColumn(
        "second factors", Purpose.SECOND_FACTOR, SecondFactor.sealed_secret,
        name=lambda row: str(row.user_id), place=lambda row: str(row.id),
    ),
    SealedColumn(
        "secrets of single sign-on", Purpose.SSO_CLIENT_SECRET, SsoProvider.sealed_secret,
        name=lambda row: str(row.organisation_id), place=lambda row: str(row.issuer),
    ),
)  # fmt: skip
