"""The search engine beyond one machine: one index in OpenSearch, which all processes ask and one worker feeds."""

from mercato.adapters.search_opensearch.client import OpenSearchClient
from mercato.adapters.search_opensearch.index import OpenSearchIndex

__all__ = ["OpenSearchClient", "OpenSearchIndex"]
