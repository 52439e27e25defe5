"""Phase 3: an OpenAPI 3.0 or 3.1 document through five layers.

Syntax and schema first; semantics, security and policy only where there is a tree to look at.
"""

from mercato_checks.openapi.check import (
    LAYERS,
    Layer,
    OpenApiCheck,
    OpenApiFacts,
    PublishedOperation,
    check_openapi,
)
from mercato_checks.openapi.document import Document, read_document

__all__ = [
    "LAYERS",
    "Document",
    "Layer",
    "OpenApiCheck",
    "OpenApiFacts",
    "PublishedOperation",
    "check_openapi",
    "read_document",
]
