"""Every error code of the marketplace: what it means, where it comes from, what to do. Codes keep their meaning.

`codes.json` beside this file is written from the code by `make docs`.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def all_codes() -> tuple[dict[str, Any], ...]:
    """`{"code", "where", "title", "fix"}` and `status` (HTTP) or `level`, sorted; a code given in two places twice.

    `where` is `control` (the control API), `gateway`, `runner` (a vendor's own service) or `check` (a finding).
    """
    return tuple(json.loads((files("mercato_contracts") / "codes.json").read_text(encoding="utf-8")))
