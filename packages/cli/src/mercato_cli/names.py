"""`vendor/name[@version]`: how a service is named on the command line."""

import re

from mercato_cli.errors import MpError

_NAME = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9-]{1,63})(@\S{1,100})?")


def split_name(text: str) -> tuple[str, str, str]:
    """Vendor, name, and the version with its `@` (or nothing). Raises `MpError`."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise MpError(f"{text!r} is not a service name: write vendor/name.", "Find it with `mp search`.")
    return match[1], match[2], match[3] or ""
