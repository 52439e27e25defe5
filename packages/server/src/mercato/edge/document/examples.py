"""Examples of bodies and answers, made from their schemas with values that fit the fields' names (`samples.py`)."""

from typing import Any

from mercato.edge.document.samples import ABSENT, BY_FORM, BY_NAME, BY_TYPE, IDS

Schema = dict[str, Any]
_DEEPEST = 8
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
    "boolean": (bool,),
}

OF_FORMS: dict[str, dict[str, str]] = {
    "give_token": {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "vk_…",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "dep_0193c4a1b2c37d4e8f90a1b2c3d4e5f6",
    },
    "introspect_credential": {"token": "ck_…"},
    "begin_device_login": {"client_id": "mp on ada's laptop"},
}


class Examples:
    """Makes examples for one document's schemas."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self._schemas = schemas

    def add_to(self, operation: dict[str, Any]) -> None:
        """Put an example beside every schema of a body and of a success."""
        form = OF_FORMS.get(operation["operationId"])
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content.setdefault("example", form if form is not None else self.of(content["schema"]))
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items() if status < "300" else ():
                if kind == "application/json" and "example" not in content:
                    content["example"] = self.of(content.get("schema", {}))

    def of(self, schema: Schema, field: str = "", owner: str = "", depth: int = 0) -> Any:
        """A value that fits the schema; `field` and `owner` say where it stands."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.of(self._schemas[name], field, name, depth + 1)
        for variants in (schema.get("anyOf"), schema.get("oneOf")):
            if variants:
                return self._variant(variants, field, owner, depth)
        if "allOf" in schema:
            return self.of(schema["allOf"][0], field, owner, depth)
        for word in ("const", "enum"):
            if word in schema:
                return schema[word] if word == "const" else schema[word][0]
        if "properties" in schema:
            return self._object(schema, owner, depth)
        known = self._known(field, owner, schema)
        return known if known is not None else self._plain(schema, field, owner, depth)

    def _variant(self, variants: list[Schema], field: str, owner: str, depth: int) -> Any:
        can_be_null = any(variant.get("type") == "null" for variant in variants)
        if can_be_null and (field in ABSENT or depth > _DEEPEST):
            return None
        return self.of(next(each for each in variants if each.get("type") != "null"), field, owner, depth)

    def _object(self, schema: Schema, owner: str, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.of(inner, name, owner, depth + 1)
            for name, inner in schema["properties"].items()
            if name in required or depth < _DEEPEST
        }

    def _known(self, field: str, owner: str, schema: Schema) -> Any:
        kind = schema.get("type", "")
        if field == "id" and kind == "string":
            return IDS.get(owner, IDS["ServiceView"])
        if (field, owner) in BY_TYPE:
            return BY_TYPE[field, owner]
        if (field, kind) in BY_TYPE:
            return BY_TYPE[field, kind]
        value = BY_NAME.get(field)
        fits = value is not None and _is_a(value, kind) and "$ref" not in schema.get("items", {})
        return value if fits else None

    def _plain(self, schema: Schema, field: str, owner: str, depth: int) -> Any:
        kind = schema.get("type")
        if kind == "array":
            inner = [self.of(each, field, owner, depth + 1) for each in schema.get("prefixItems", ())]
            fewest = max(schema.get("minItems", 1), 1)
            return inner or [self.of(schema.get("items", {}), field, owner, depth + 1)] * fewest
        if kind == "object":
            values = schema.get("additionalProperties")
            return {"AAPL": self.of(values, field, owner, depth + 1)} if isinstance(values, dict) else {}
        if kind == "integer" or kind == "number":
            return max(schema.get("minimum", 0), min(schema.get("default") or 1, schema.get("maximum", 1)))
        if kind == "boolean":
            return schema.get("default", True)
        if kind == "string":
            fallback = BY_FORM.get(schema.get("pattern") or schema.get("format") or "", field)
            return schema.get("default") or fallback
        return None if kind == "null" else {}


def _is_a(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))
