"""Null beside forms, in the words of OpenAPI 3.0: compared, and not passed over."""

from typing import Any

import pytest

from tests.checks.test_diff_closed import diff, document, weights

Schema = Any
FORMS = [{"type": "string"}, {"type": "integer"}]


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": FORMS},
        {"anyOf": FORMS},
        {"oneOf": [{"type": "string"}]},
        {"allOf": [{"oneOf": FORMS}]},
        {"allOf": [{"allOf": [{"anyOf": FORMS}]}, {"description": "Any of them."}]},
    ],
)
def test_null_beside_forms_does_not_go_unseen(schema: Schema) -> None:
    """In 3.0, where documents say so without a type."""
    may_be_null = schema | {"nullable": True}
    without, with_null = (document(request=each, edition="3.0.3") for each in (schema, may_be_null))
    assert "breaking" in weights(with_null, without)
    assert "breaking" not in weights(without, with_null)
    without, with_null = (document(response=each, edition="3.0.3") for each in (schema, may_be_null))
    assert "breaking" in weights(without, with_null)
    assert "breaking" not in weights(with_null, without)


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_null_beside_forms_is_a_form_in_the_words_of_3_1(keyword: str) -> None:
    older = {keyword: FORMS, "nullable": True}
    newer = {keyword: [*FORMS, {"type": "null"}]}
    assert diff(document(request=older, edition="3.0.3"), document(request=newer)) == []
    assert diff(document(response=older, edition="3.0.3"), document(response=newer)) == []
