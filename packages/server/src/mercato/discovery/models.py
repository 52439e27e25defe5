"""What the index holds, kept so that any process can build it without embedding again."""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class ListingRow(Base):
    """One listing as the index sees it. A withdrawn one stays, so that an index that missed the news still hears it."""

    __tablename__ = "listing_documents"

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
    changed_at: Mapped[datetime]
