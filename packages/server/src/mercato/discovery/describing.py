"""A listing as the index stores it."""

from typing import cast

from mercato.discovery.document import Figures, ListingDocument, PriceFact
from mercato.publishing import Listing, Plan, Release
from mercato_contracts.money import Currency

SHAPE = 2
"""Raised where a row has to say more than it did: the worker then writes all rows anew."""

_MAX_OPERATIONS = 50_000


def describe(listing: Listing, figures: Figures = Figures()) -> ListingDocument:
    """The listing as it is found: its words, filters, prices and figures; the vector is still empty."""
    service, latest = listing.service, listing.latest
    return ListingDocument(
        service_id=service.id,
        name=f"{listing.vendor.slug}/{service.name}",
        title=service.title,
        summary=service.summary,
        vendor=listing.vendor.slug,
        protocol=service.protocol,
        task=service.task,
        licence=service.licence,
        version=latest.version,
        released_at=latest.released_at,
        description=service.description,
        operations=_words_of_operations(latest),
        tags=tuple(service.tags),
        modalities=tuple(service.modalities),
        regions=tuple(service.regions),
        prices=tuple(_price(plan) for plan in listing.plans),
        context_window=service.context_window,
        status=latest.status,
        inputs=tuple(latest.manifest.get("inputs") or ()),
        outputs=tuple(latest.manifest.get("outputs") or ()),
        verified=listing.vendor.is_verified,
        figures=figures,
        seen_by=() if service.visibility == "public" else (listing.vendor.slug, *service.visible_to),
    )


def _words_of_operations(release: Release) -> str:
    lines = (
        " ".join(str(operation.get(part) or "") for part in ("operation_id", "summary", "path"))
        for operation in release.operations
    )
    return "\n".join(lines)[:_MAX_OPERATIONS]


def _price(plan: Plan) -> PriceFact:
    return PriceFact(
        plan=plan.name,
        currency=cast(Currency, plan.currency),
        monthly_nanos=plan.monthly_nanos,
        per_call_nanos=plan.per_call_nanos,
        per_1k_input_nanos=plan.per_1k_input_nanos,
        per_1k_output_nanos=plan.per_1k_output_nanos,
    )
