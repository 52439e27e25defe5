"""How every list is paged: `after` is the last page's `next`, `limit` how many items are wanted."""

from typing import Annotated

from fastapi import Query

After = Annotated[str | None, Query(max_length=64)]
PageSize = Annotated[int, Query(ge=1, le=200)]
