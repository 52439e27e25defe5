"""Organisations as other rooms join them to rows of their own: these columns stay, whatever becomes of the table."""

from dataclasses import dataclass

from sqlalchemy import select

from mercato.identity.models import Organisation

named_organisations = select(
    Organisation.id, Organisation.slug, Organisation.name, Organisation.is_verified
).subquery("named_organisations")  # fmt: skip
"""One row for each organisation, with the fields of `NamedOrganisation`; PostgreSQL plans it as the table itself."""


@dataclass(frozen=True, slots=True)
class NamedOrganisation:
    """What everybody may know of an organisation."""

    id: str
    slug: str
    name: str
    is_verified: bool
