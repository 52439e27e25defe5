"""What publishing keeps sealed."""

from mercato.platform import Purpose, SealedColumn
from mercato.publishing.models import VendorCredential
from mercato.publishing.sealing import place_of

SEALED = (
    SealedColumn(
        "vendors' credentials", Purpose.VENDOR_CREDENTIAL, VendorCredential.sealed,
        name=lambda row: str(row.organisation_id), place=lambda row: place_of(row.organisation_id, row.name),
    ),
)  # fmt: skip
