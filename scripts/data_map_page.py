"""The page about data: every column of every table, as the rooms describe it."""

from collections.abc import Iterator

from mercato.app import tables
from mercato.platform import PERSONAL, ColumnKind, Described, Erased, described_tables

_NOBODY = {Erased.NOTHING}


def data_map() -> str:
    """The page, without its first line."""
    assert tables.METADATA.tables
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    known = list(described_tables())
    yield "# Data map\n"
    yield "What each column of the database holds, why, for how long, and what the erasure of a person does to it. Each room"  # noqa: E501
    yield "describes its own tables in its `data_map.py`; erasure, export and retention do what is written there. How to use"  # noqa: E501
    yield "them: [Privacy](../privacy.md).\n"
    yield "Bodies of calls are not stored. Searches are not stored. Text in columns of the kind `content` or `words` can name"  # noqa: E501
    yield "people, so an erasure looks into it.\n"
    yield "## Tables with data of people\n"
    yield "| Table | Column | Kind | What for | Erasure |"
    yield "|---|---|---|---|---|"
    for table, note in known:
        for name, column in note.columns.items():
            if column.kind in PERSONAL or column.outcome not in _NOBODY:
                what = column.purpose or _purpose(note, column.kind)
                yield f"| `{table.name}` | `{name}` | {column.kind} | {what} | {column.outcome} |"
    yield "\n## Every table\n"
    yield "| Table | What for | Basis (GDPR, Article 6(1)) | Rows are kept | Columns |"
    yield "|---|---|---|---|---|"
    for table, note in known:
        yield f"| `{table.name}` | {note.purpose} | {note.basis} | {note.keep} | {_columns(note)} |"


def _purpose(note: Described, kind: ColumnKind) -> str:
    return "Who did it." if kind is ColumnKind.PERSON else note.purpose


def _columns(note: Described) -> str:
    kinds: dict[ColumnKind, list[str]] = {}
    for name, column in note.columns.items():
        kinds.setdefault(column.kind, []).append(f"`{name}`")
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
