"""What somebody fills in to try an operation: fields made of its schema, or the JSON itself; and the call it makes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from mercato.console.examples import Tryable, example_of, mapping
from mercato.console.forms import Form
from mercato.console.schema_form import Field, SchemaForm, read_more
from mercato.platform import Malformed
from mercato_contracts.problem import FieldError


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it is shown, and the call as it is made.

    `fields` is `None` where the body is written as JSON, `can_fill` whether it could be fields. `is_run` is False where
    somebody only asked for another form of it.
    """

    body: str
    path: str
    parameters: Sequence[Field]
    fields: Field | None
    other: Field | None
    can_fill: bool
    is_run: bool
    errors: Sequence[FieldError] = ()

    def check(self) -> None:
        """Raises `Malformed` with a sentence for each field."""
        if self.errors:
            raise Malformed("Some fields are not right yet.", errors=list(self.errors))


def fill(chosen: Tryable, form: Form | None, *, as_json: bool) -> Filled:
    """The example where there is no form yet."""
    path, parameters, errors = _address(chosen, form)
    body = SchemaForm(chosen.root, chosen.schema)
    has_body = chosen.method != "GET" and (bool(chosen.body) or chosen.schema is not None)
    can_fill = has_body and body.is_fillable
    shows = "" if form is None else form.get("show")
    changes = form is not None and bool(shows or form.get("add") or form.get("drop"))
    if form is not None and form.get("as") == "fields" and can_fill:
        content, wrong = body.read(form)
        more = read_more(form, wrong)
        whole = content | more
        errors += [] if changes else wrong
        text = _text(whole)
        as_json = shows == "json" or not body.fits(whole)
    else:
        typed = "" if form is None else form.raw("body")
        text = typed if typed.strip() else chosen.body
        whole = _parsed(text)
        as_json = as_json or (form is not None and shows != "fields") or not body.fits(whole)
    fields = body.fields(whole) if can_fill and not as_json else None
    return Filled(
        body=text if has_body else "",
        path=path,
        parameters=parameters,
        fields=fields,
        other=body.left_of(whole) if fields is not None else None,
        can_fill=can_fill,
        is_run=not changes,
        errors=errors,
    )


def _address(chosen: Tryable, form: Form | None) -> tuple[str, Sequence[Field], list[FieldError]]:
    """The path with its parameters, as far as they are known."""
    if not chosen.parameters:
        return chosen.path, (), []
    asking = SchemaForm(chosen.root, chosen.parameters, prefix="p")
    errors: list[FieldError] = []
    if form is None or not form.has("p"):
        values: dict[str, Any] = mapping(example_of(chosen.root, chosen.parameters))
    else:
        values, errors = asking.read(form)
    path = chosen.path
    for name in chosen.in_path:
        value = values.get(name)
        if value not in (None, ""):
            path = path.replace(f"{{{name}}}", quote(_word(value), safe=""))
        elif form is not None:
            errors.append(FieldError(field=name, code="missing", message="The path needs a value here."))
    asked = {name: _words(value) for name, value in values.items() if name not in chosen.in_path and value != ""}
    query = urlencode(asked, doseq=True)
    group = asking.fields(values)
    return (f"{path}?{query}" if query else path), (*group.children, *group.more), errors


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words(value: Any) -> str | list[str]:
    return [_word(each) for each in value] if isinstance(value, list) else _word(value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)
