"""How large a filter of SCIM may be, which is looked at before it is read."""

from mercato.identity.scim_refusals import ScimFilterRefused

LONGEST = 1_000
_DEEPEST = 10


def check_size(text: str) -> None:
    """Before a filter is read at all. Raises `ScimFilterRefused`."""
    depth = deepest = 0
    for letter in text[: LONGEST + 1]:
        depth += (letter in "([") - (letter in ")]")
        deepest = max(deepest, depth)
    if len(text) > LONGEST or deepest > _DEEPEST:
        raise ScimFilterRefused("The filter is too long, or its brackets are too deep.")
