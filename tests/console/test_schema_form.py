"""A form made of a schema: every field shows its value, and what is read back is the body that it shows."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from mercato.console.examples import Tryable, documented_operations, openai_operations
from mercato.console.forms import Form
from mercato.console.schema_form import Field
from mercato.console.try_form import Filled, fill
from tests.console.test_buying_pages import HOSTILE, shop
from tests.support.market import Market

_SCHEMAS: dict[str, Any] = {
    "Size": {"type": "string", "enum": ["small", "large"], "description": "How large."},
    "Box": {
        "type": "object",
        "required": ["width"],
        "properties": {"width": {"type": "integer", "minimum": 1}, "lid": {"type": "boolean"}},
    },
    "Node": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#/components/schemas/Node"}},
    },
    "Wide": {"type": "object", "properties": {f"field_{n}": {"type": "string"} for n in range(30)}},
}
_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["text", "size", "box", "rows"],
    "properties": {
        "text": {"type": "string"},
        "size": {"$ref": "#/components/schemas/Size"},
        "level": {"enum": [1, 2, 3]},
        "share": {"type": ["number", "null"], "maximum": 1},
        "words": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "box": {"allOf": [{"$ref": "#/components/schemas/Box"}, {"properties": {"label": {"type": "string"}}}]},
        "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Box"}},
        "node": {"$ref": "#/components/schemas/Node"},
        "wide": {"$ref": "#/components/schemas/Wide"},
        "either": {"oneOf": [{"type": "string"}, {"type": "object"}]},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "a/b~c": {"type": "string"},
        "made": {"type": "string", "readOnly": True},
    },
}
_PARAMETERS = [
    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "a b/c"},
    {"name": "limit", "in": "query", "schema": {"type": "integer"}, "description": "At most so many."},
    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
]


def operation(example: Any = None, schema: Any = None) -> Tryable:
    """`PUT /things/{id}` with this body."""
    media: dict[str, Any] = {"schema": schema or _BODY} | ({} if example is None else {"example": example})
    put = {"requestBody": {"content": {"application/json": media}}, "parameters": _PARAMETERS}
    document = {"openapi": "3.1.0", "paths": {"/things/{id}": {"put": put}}, "components": {"schemas": _SCHEMAS}}
    (found,) = documented_operations("acme/things", json.dumps(document))
    return found


def shown(field: Field) -> list[Field]:
    """The field and all that are below it."""
    return [field, *(each for one in (*field.children, *field.more) for each in shown(one))]


def typed(filled: Filled, **changes: str) -> Form:
    """The form as a browser sends it, with some fields typed otherwise."""
    assert filled.fields is not None
    values = {"as": "fields", "p": "1", "more": filled.other.value if filled.other else ""}
    for field in [*shown(filled.fields), *filled.parameters]:
        if field.kind == "items":
            values[f"{field.name}/#"] = field.value
        elif field.kind != "group":
            values[field.name] = field.value
    return Form({name: [value] for name, value in (values | changes).items() if value})


EXAMPLES: list[dict[str, Any]] = [
    {"text": "a\nb", "size": "large", "box": {"width": 3, "lid": False, "label": " x "}, "rows": []},
    {"text": "x", "size": "small", "box": {"width": 1}, "rows": [{"width": 1}, {"width": 2, "lid": True}]},
    {"text": "x", "size": "small", "box": {"width": 1}, "rows": [], "level": 2, "share": 0.5, "maybe": 7,
     "words": ["one", "two words"], "numbers": [1, -2], "a/b~c": "slash", "node": {"name": "n", "next": {"name": "m"}},
     "wide": {"field_3": "x"}, "either": {"any": ["thing"]}, "unknown": {"kept": True}},
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=["texts", "items", "everything"])
def test_what_is_shown_is_read_back(example: dict[str, Any]) -> None:
    first = fill(operation(example), None, as_json=False)
    assert first.fields is not None
    again = fill(operation(), typed(first), as_json=False)
    assert (json.loads(again.body), list(again.errors)) == (example, [])
    assert again.fields == first.fields


def test_fields_are_of_their_types() -> None:
    filled = fill(operation(EXAMPLES[2]), None, as_json=False)
    assert filled.fields is not None
    kinds = {each.name: each.kind for each in shown(filled.fields)}
    assert {
        "f/text": "text", "f/size": "choice", "f/level": "choice", "f/share": "number", "f/words": "lines",
        "f/numbers": "lines", "f/box": "group", "f/box/label": "text", "f/box/width": "integer", "f/rows": "items",
        "f/wide": "json", "f/either": "json", "f/maybe": "integer", "f/a~1b~0c": "text", "f/node/next": "group",
    }.items() <= kinds.items()  # fmt: skip
    assert "f/made" not in kinds
    assert filled.fields.children[0].required
    (size,) = [each for each in filled.fields.children if each.name == "f/size"]
    assert (size.options, size.hint) == (["small", "large"], "How large.")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("f/box/width", "three"), ("f/box/width", "1.5"), ("f/size", "huge"), ("f/share", "nan"), ("f/share", "1e999"),
     ("f/numbers", "1\nx"), ("f/either", "{"), ("f/either", "NaN"), ("more", "[1]"), ("p/limit", "many")],
)  # fmt: skip
def test_what_is_wrong_is_named_and_kept(field: str, wrong: str) -> None:
    filled = fill(
        operation(), typed(fill(operation(EXAMPLES[1]), None, as_json=False), **{field: wrong}), as_json=False
    )
    assert len(filled.errors) == 1
    assert filled.errors[0].field == ".".join(field.split("/")[1:]) or field == "more"
    if field not in ("more",):
        known = [*shown(filled.fields), *filled.parameters] if filled.fields else []
        assert [each.value for each in known if each.name == field] == [wrong]


def test_items_come_and_go() -> None:
    first = fill(operation(EXAMPLES[1]), None, as_json=False)
    more = fill(operation(), typed(first, add="f/rows"), as_json=False)
    assert (more.is_run, len(json.loads(more.body)["rows"])) == (False, 3)
    assert more.fields is not None
    fewer = fill(operation(), typed(more, drop="f/rows/0"), as_json=False)
    assert json.loads(fewer.body)["rows"][0] == {"width": 2, "lid": True}
    many = typed(first) if first.fields is None else typed(first, **{"f/rows/#": "999999999"})
    assert len(json.loads(fill(operation(), many, as_json=False).body)["rows"]) <= 12


def test_json_is_the_way_out_and_back() -> None:
    first = fill(operation(EXAMPLES[1]), None, as_json=False)
    raw = fill(operation(), typed(first, show="json"), as_json=False)
    assert (raw.fields, raw.is_run, json.loads(raw.body)) == (None, False, EXAMPLES[1])
    back = fill(operation(), Form({"as": ["json"], "show": ["fields"], "body": [raw.body]}), as_json=False)
    assert (back.fields, back.is_run) == (first.fields, False)
    crowded = {**EXAMPLES[1], "rows": [{"width": n} for n in range(40)]}
    assert fill(operation(crowded), None, as_json=False).fields is None
    strange = {**EXAMPLES[1], "box": {"width": 1, "unknown": 2}}
    assert fill(operation(strange), None, as_json=False).fields is None
    assert fill(operation(schema={"type": "array", "items": {}}), None, as_json=False).can_fill is False


def test_parameters_stand_in_the_address() -> None:
    first = fill(operation(EXAMPLES[1]), None, as_json=False)
    assert first.path == "/s/acme/things/things/a%20b%2Fc"
    full = fill(operation(), typed(first, **{"p/limit": "5", "p/tag": "x\ny z"}), as_json=False)
    assert full.path == "/s/acme/things/things/a%20b%2Fc?limit=5&tag=x&tag=y+z"
    empty = fill(operation(), typed(first, **{"p/id": ""}), as_json=False)
    assert [error.field for error in empty.errors] == ["id"]


@pytest.mark.parametrize(
    "document",
    ["", "[]", "{", '{"paths": []}', '{"paths": {"/x": {"post": {"requestBody": {"$ref": "#/paths/~1x/post"}}}}}',
     '{"paths": {"/x": {"post": {"parameters": [1, {"in": "path"}], "requestBody": {"content": {"application/json": '
     '{"schema": {"allOf": [{"$ref": "#"}], "properties": 3, "required": 1, "enum": {}, "type": []}}}}}}}}'],
)  # fmt: skip
def test_a_strange_document_breaks_nothing(document: str) -> None:
    for each in documented_operations("acme/things", document):
        fill(each, None, as_json=False)
        fill(each, Form({"as": ["fields"], "f/x": ["1"]}), as_json=False)


def test_a_schema_that_holds_itself_ends() -> None:
    node = {"type": "object", "properties": {f"n{n}": {"$ref": "#/components/schemas/N"} for n in range(40)}}
    document = {"components": {"schemas": {"N": node}}, "paths": {"/x": {"post": {"requestBody": {"content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/N"}}}}}}}}  # fmt: skip
    (found,) = documented_operations("acme/things", json.dumps(document))
    filled = fill(found, None, as_json=False)
    assert filled.fields is None or len(shown(filled.fields)) < 300


def test_the_protocols_have_fields_too() -> None:
    (chat,) = openai_operations("acme/chat", "chat", "openai")
    filled = fill(chat, None, as_json=False)
    assert filled.fields is not None
    names = {each.name: each.value for each in shown(filled.fields)}
    assert (names["f/messages/0/role"], names["f/max_tokens"], names["f/stream"]) == ("user", "100", "")
    asked = fill(chat, typed(filled, **{"f/stream": "true"}), as_json=False)
    assert json.loads(asked.body)["stream"] is True


class TestPage:
    """The same on the page, without scripts."""

    async def test_fields_and_json_for_everybody(self, browser: httpx.AsyncClient, market: Market) -> None:
        await shop(market)
        page = await browser.get("/services/vendor/embedder/try")
        assert 'name="f/input"' in page.text
        assert "See the body as JSON" in page.text
        raw = await browser.get("/services/vendor/embedder/try", params={"as": "json"})
        assert 'name="body"' in raw.text

    async def test_hostile_schemas_are_escaped(self, browser: httpx.AsyncClient, market: Market) -> None:
        customer = await shop(market)
        schema = {
            "type": "object", "required": [HOSTILE],
            "properties": {HOSTILE: {"enum": [HOSTILE, "b"], "description": HOSTILE}, "t": {"type": "string"}},
        }  # fmt: skip
        document = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/x": {"post": {
            "summary": HOSTILE, "requestBody": {"content": {"application/json": {"schema": schema}}},
            "responses": {"200": {"description": "Up"}}}}}}  # fmt: skip
        await market.add_release(customer.service, "2.0.0", document=json.dumps(document))
        async with market.database.transaction() as session:
            (await session.get_one(type(customer.service), customer.service.id)).protocol = "openapi"
        page = await browser.get("/services/vendor/embedder/try")
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert 'name="f/t"' in page.text

    async def test_wrong_fields_make_no_call(self, browser: httpx.AsyncClient, market: Market) -> None:
        await shop(market)
        assert (await browser.post("/sign-in", data={"email": "buyer@example.org", "password": "correct horse battery"})
                ).status_code == 303  # fmt: skip
        path = "/services/vendor/embedder/try"
        form = {"operation": "embeddings", "as": "fields", "f/input": "typed by hand", "f/dimensions": "many"}
        page = await browser.post(path, content=urlencode(form), headers={
            "content-type": "application/x-www-form-urlencoded"})  # fmt: skip
        assert page.status_code == 422
        assert "dimensions: This is no whole number." in page.text
        assert 'value="typed by hand"' in page.text
        switched = await browser.post(path, data=form | {"f/dimensions": "8", "show": "json"})
        assert switched.status_code == 200
        found = re.search(r"<textarea[^>]*>([^<]*)</textarea>", switched.text)
        assert found is not None
        assert json.loads(found[1].replace("&#34;", '"')) == {"model": "", "input": "typed by hand", "dimensions": 8}
