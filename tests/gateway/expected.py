"""Assertions about several fields of one object; a failure names the fields that differ."""


def expect(found: object, context: object = "", /, **fields: object) -> None:
    """Asserts that the fields of `found` have these values."""
    differing = {
        name: f"{getattr(found, name)!r}, not {value!r}"
        for name, value in fields.items()
        if getattr(found, name) != value
    }
    assert not differing, f"{differing} {context}"
