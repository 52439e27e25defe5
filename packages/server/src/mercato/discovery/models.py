"""What the index holds, kept so that any process can build it without embedding again."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class ListingRow(Base):
    """One listing as the index sees it. A withdrawn one stays, so that an index that missed the news still hears it."""

    __tablename__ = "listing_documents"
    __table_args__ = (Index("ix_listing_documents_shape", "shape", "service_id"),)

    service_id: Mapped[str] = mapped_column(primary_key=True)
    facts: Mapped[dict[str, Any]]
    """`ListingDocument.to_facts`."""
    digest: Mapped[str]
    embedder: Mapped[str]
    """The name of the model that made `vector`: only vectors of one model compare."""
    embedded_digest: Mapped[str]
    """SHA-256 of the embedder's name and the text that `vector` stands for."""
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """`pack_vector`; empty while nothing was embedded."""
    withdrawn: Mapped[bool]
    shape: Mapped[int] = mapped_column(server_default="0")
    """`describing.SHAPE` when it was written; a row of an older shape is written anew."""
    changed_at: Mapped[datetime]


class ListingFigures(Base):
    """What was measured of a service in thirty days, and the sum of its reviews' stars. Calls are those of others than
    its vendor that were answered.

    `recent_calls` are those of the last seven days, `earlier_calls` those of the seven before. `trend_millis` is the
    trend (`trending.py`) in thousandths.
    """

    __tablename__ = "listing_figures"
    __table_args__ = (Index("ix_listing_figures_measured_at", "measured_at"),)

    service_id: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int]
    consumers: Mapped[int]
    failed: Mapped[int]
    p50_us: Mapped[int | None]
    p95_us: Mapped[int | None]
    availability_bp: Mapped[int | None]
    is_met: Mapped[bool | None]
    stars: Mapped[int]
    reviews: Mapped[int]
    recent_calls: Mapped[int]
    earlier_calls: Mapped[int]
    trend_millis: Mapped[int]
    measured_at: Mapped[datetime | None]


class Review(Base):
    """What an organisation that called a service says of it; one an organisation and service.

    `hidden_for` is the operator's reason: a hidden review is seen by its author, the vendor and operators, and does not
    count.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("stars between 1 and 5", name="stars"),
        CheckConstraint("(hidden_at is null) = (hidden_for is null)", name="hidden"),
        Index("uq_reviews_service_id_organisation_id", "service_id", "organisation_id", unique=True),
        Index("ix_reviews_service_id_id", "service_id", "id"),
        Index("ix_reviews_organisation_id", "organisation_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    stars: Mapped[int]
    words: Mapped[str]
    written_by: Mapped[str]
    written_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    answer: Mapped[str | None]
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    hidden_for: Mapped[str | None]
    hidden_by: Mapped[str | None]
    hidden_at: Mapped[datetime | None]
