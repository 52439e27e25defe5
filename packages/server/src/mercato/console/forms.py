"""What a form holds, and how it becomes the same request that the API takes."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import BaseModel, ValidationError

from mercato.platform import Malformed
from mercato_contracts.problem import FieldError
from mercato_contracts.words import message_of

MOST_FIELDS = 300
_TYPE = "application/x-www-form-urlencoded"
_Wanted = TypeVar("_Wanted", bound=BaseModel)


class Form:
    """The fields of a form, stripped; one that is empty counts as absent. Raises `Malformed` for another type."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    @classmethod
    async def of(cls, request: Request) -> "Form":
        """The form of this request; a form without fields may come without a type."""
        if not await request.body():
            return cls({})
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _TYPE:
            raise Malformed(f"The body must be a form (`{_TYPE}`).")
        try:
            fields = parse_qs((await request.body()).decode(), max_num_fields=MOST_FIELDS)
        except ValueError:
            raise Malformed(f"The form is no UTF-8, or has more than {MOST_FIELDS} fields.") from None
        if any("\0" in value for values in fields.values() for value in values):
            raise Malformed("The form holds a NUL character.")
        return cls(fields)

    def get(self, name: str) -> str:
        """The field's value, or an empty text."""
        return self.find(name) or ""

    def find(self, name: str) -> str | None:
        """The field's value, or `None`."""
        values = self._fields.get(name)
        return (values[-1].strip() or None) if values else None

    def raw(self, name: str) -> str:
        """The value as it was typed, with the spaces of a password."""
        values = self._fields.get(name)
        return values[-1] if values else ""

    def every(self, name: str) -> list[str]:
        """All values of a field that may be chosen several times."""
        return [value.strip() for value in self._fields.get(name, []) if value.strip()]

    def has(self, name: str) -> bool:
        """Whether a box was ticked."""
        return name in self._fields


def as_request(kind: type[_Wanted], /, **values: Any) -> _Wanted:
    """The request that the API's route would take. Raises `Malformed` with a sentence for each field."""
    try:
        return kind.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        errors = [
            FieldError(
                field=".".join(str(part) for part in item["loc"]) or "form",
                code=str(item["type"]),
                message=message_of(dict(item)),
            )
            for item in error.errors()
        ]
        raise Malformed("Some fields are not right yet.", errors=errors) from None
