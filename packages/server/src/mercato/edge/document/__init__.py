"""The control API's own OpenAPI document: what the routers declare, with what holds for every route of a class.

`build.py` puts it together. Routers declare parameters, bodies and success; this folder adds who may ask (`access.py`),
the problems of each route (`answers.py`), what parameters mean (`parameters.py`) and examples (`examples.py`). Which
refusals and permissions a route can reach is read from the code by `make docs` and kept in `routes.json`.
"""

from mercato.edge.document.build import install_document, operation_id

__all__ = ["install_document", "operation_id"]
