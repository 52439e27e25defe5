"""The file of a copy: a ZIP with one JSON document and one JSON Schema for each table that knows the person."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mercato.identity import Keyring, KnownPerson, is_sealed
from mercato.platform import ColumnKind, Described, Erased

_OF_OTHERS = frozenset({ColumnKind.CONTACT, ColumnKind.TIME, ColumnKind.FACT})
_README = """\
What the marketplace knows of you
=================================

data/     one document a table: what it is for, on which legal basis, how long it is kept, and your rows
schemas/  the JSON Schema of each (draft 2020-12)

Left out: secrets such as hashes of passwords; what entries of the audit log say of other people; usage, ledger and
invoices, which are your organisation's and hold no name. Bodies of calls are not stored at all.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """The person's rows of one table."""

    table: str
    note: Described
    rows: Sequence[Mapping[str, Any]]


def write_copy(person: KnownPerson, at: datetime, parts: Sequence[Part], ring: Keyring) -> bytes:
    """The same bytes for the same content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "README.txt", _README)
        _add(archive, "person.json", _text({"id": person.id, "name": person.name, "email": person.email, "at": at}))
        for part in parts:
            _add(archive, f"data/{part.table}.json", _text(_document(part, person, ring)))
            _add(archive, f"schemas/{part.table}.schema.json", _text(_schema(part)))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: str) -> None:
    archive.writestr(zipfile.ZipInfo(name), content)


def _document(part: Part, person: KnownPerson, ring: Keyring) -> dict[str, Any]:
    return {
        "table": part.table,
        "purpose": part.note.purpose,
        "basis": part.note.basis,
        "kept": str(part.note.keep),
        "rows": [_row(part.note, row, person, ring) for row in part.rows],
    }


def _row(note: Described, row: Mapping[str, Any], person: KnownPerson, ring: Keyring) -> dict[str, Any]:
    # What an erasure deletes is the person's alone, in whichever organisation they act.
    is_theirs = bool(note.columns_that(Erased.ROW)) or row.get("organisation_id") in (None, person.organisation_id)
    shown = {}
    for name, value in row.items():
        kind = note.columns[name].kind
        if not is_theirs and kind not in _OF_OTHERS and name != "organisation_id" and value != person.id:
            continue
        shown[name] = _opened(value, person, ring)
    return shown


def _opened(value: Any, person: KnownPerson, ring: Keyring) -> Any:
    """What was sealed with the person's key alone, in clear; what names others too is left out."""
    if isinstance(value, dict):
        if is_sealed(value):
            content = ring.open(value) if value["people"] == [person.id] else None
            return None if content is None else _read(content.decode())
        return {name: _opened(item, person, ring) for name, item in value.items()}
    if isinstance(value, str) and '"sealed"' in value:
        return _opened(_read(value), person, ring)
    return value


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _schema(part: Part) -> dict[str, Any]:
    properties = {}
    for name, column in part.note.columns.items():
        if column.kind is not ColumnKind.SECRET:
            words = column.purpose or part.note.purpose
            properties[name] = {"description": f"{column.kind}: {words}"}
    row = {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": part.table,
        "description": part.note.purpose,
        "type": "object",
        "required": ["table", "purpose", "basis", "kept", "rows"],
        "properties": {"table": {"const": part.table}, "rows": {"type": "array", "items": row}},
    }


def _text(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
