"""Text for terminals: sanitised, and measured in cells."""

import unicodedata


def clean(text: str) -> str:
    """`text` without what could move a terminal's cursor or rewrite its lines: it may come from a stranger."""
    return "".join(each if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf") else "�" for each in text)


def cut(text: str, cells: int) -> str:
    """`text`, or as much of it as `cells` hold, the last one then an ellipsis."""
    if width_of(text) <= cells:
        return text
    kept, used = "", 0
    for each in text:
        used += width_of(each)
        if used >= cells:
            break
        kept += each
    return kept + "…"


def width_of(text: str) -> int:
    """Cells of a terminal that `text` takes."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each) for each in text)
