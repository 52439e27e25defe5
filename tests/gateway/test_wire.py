"""The gateway's structs and the contracts' models are the same wire, field by field."""

from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from mercato_contracts import dataplane
from mercato_gateway import wire

_STRUCTS = [value for value in vars(wire).values() if isinstance(value, type) and issubclass(value, msgspec.Struct)]
_NAMES = [struct.__name__ for struct in _STRUCTS if struct is not msgspec.Struct]


def _model(name: str) -> type[BaseModel]:
    found: type[object] = getattr(dataplane, name)
    assert issubclass(found, BaseModel)
    return found


@pytest.mark.parametrize("name", _NAMES)
def test_has_the_same_fields_with_the_same_defaults(name: str) -> None:
    struct = {field.name: field for field in msgspec.structs.fields(getattr(wire, name))}
    model = {key: field for key, field in _model(name).model_fields.items() if key != "type"}
    assert struct.keys() == model.keys()
    for key, field in model.items():
        assert struct[key].required == field.is_required(), key
        if not field.is_required():
            default = struct[key].default_factory() if struct[key].default is msgspec.NODEFAULT else struct[key].default
            assert default == field.get_default(call_default_factory=True), key


def test_every_message_of_the_data_plane_is_here() -> None:
    models = {
        name for name, value in vars(dataplane).items() if isinstance(value, type) and issubclass(value, BaseModel)
    }
    assert models - {"Wire"} == set(_NAMES)


_COUNT = st.integers(min_value=0, max_value=9_000_000_000_000_000_000)


def _values(model: type[BaseModel]) -> st.SearchStrategy[BaseModel]:
    overrides: dict[str, st.SearchStrategy[object]] = {}
    for name, field in model.model_fields.items():
        arguments = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        nested = next((part for part in arguments if issubclass(part, BaseModel)), None)
        if nested is not None and field.annotation is not nested and "list" in str(field.annotation):
            overrides[name] = st.lists(_values(nested), min_size=1, max_size=2)
        elif nested is not None:
            overrides[name] = st.none() | _values(nested)
        elif name == "spends":
            overrides[name] = st.lists(st.tuples(st.text(max_size=40), _COUNT), max_size=3)
    return st.builds(model, **overrides)


@pytest.mark.parametrize("name", _NAMES)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(data=st.data())
def test_what_one_side_writes_the_other_reads_unchanged(name: str, data: st.DataObject) -> None:
    model = data.draw(_values(_model(name)))
    struct = msgspec.json.decode(model.model_dump_json(), type=getattr(wire, name))
    assert type(model).model_validate_json(msgspec.json.encode(struct)) == model
