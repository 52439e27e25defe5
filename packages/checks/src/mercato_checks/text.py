"""From bytes to text: UTF-8 or nothing."""


class NotText(ValueError):
    """The bytes are not UTF-8, or the text holds half a character."""


def decode(raw: bytes | str) -> str:
    """The text without a byte order mark. Raises `NotText`."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        text.encode("utf-8")
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        raise NotText(f"not UTF-8 at position {at}") from None
    return text.removeprefix("\ufeff")
