"""Bodies of multipart/form-data (RFC 7578, 2046) to model services, and the one part that names the model.

Upstream must not read another model than the gateway did: where two parsers could differ, the body is refused.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Raw

from mercato_gateway.headers import Headers
from mercato_gateway.provider_wire import ModelRequest
from mercato_gateway.refusals import Refused

_MOST_PARTS = 1000
_LONGEST_HEAD = 2048
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TEXT = rb"[^\x00-\x1f\x7f\"\\]*"
_PARAMETER = re.compile(rb"[ \t]*;[ \t]*(%b)=(?:\"(%b)\"|(%b))" % (_TOKEN, _TEXT, _TOKEN))
_LINE = re.compile(rb"(%b):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*)" % _TOKEN)
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_SINGLE = (b"model", b"stream")


class Form(NamedTuple):
    """A parsed form; `model` is the position of the model's name, `request` has its texts, and a data URL for each
    file.
    """

    body: bytes
    delimiter: bytes
    model: tuple[int, int] | None
    request: ModelRequest

    def named(self, model: str | None) -> bytes:
        """The body with this `model` where it names one, otherwise unchanged. Raises `Refused`."""
        if model is None or self.model is None:
            return self.body
        if self.delimiter in model.encode():
            raise _unreadable("its boundary is a part of the model's name")
        return b"".join((self.body[: self.model[0]], model.encode(), self.body[self.model[1] :]))


def read_form(headers: Headers, body: bytes) -> Form:
    """Raises `Refused` for anything but one plain form."""
    delimiter = b"--" + _boundary(headers)
    places: dict[bytes, tuple[int, int]] = {}
    inputs: list[str] = []
    at = len(delimiter)
    if not body.startswith(delimiter):
        raise _unreadable("it does not begin with its boundary")
    for _ in range(_MOST_PARTS + 1):
        if body[at : at + 5] in (b"--", b"--\r\n"):
            return Form(body, delimiter, places.get(b"model"), ModelRequest(prompt=Raw(msgspec.json.encode(inputs))))
        start, end = at + 2, body.find(delimiter, at)
        if end < 0:
            raise _unreadable("its last boundary is missing")
        if body[at:start] != b"\r\n" or body[end - 2 : end] != b"\r\n" or end - 2 < start:
            raise _unreadable("its boundary occurs within a part")
        at, end = end + len(delimiter), end - 2
        name, is_file, encoded, start = _read_head(body, start, end)
        if name not in _SINGLE:
            inputs.append("data:" if is_file else body[start:end].decode("utf-8", "replace"))
        elif name in places or is_file or encoded:
            raise _unreadable(f"its `{name.decode()}` is given twice, as a file or encoded")
        else:
            places[name] = (start, end)
    raise _unreadable(f"it has more than {_MOST_PARTS} parts")


def _boundary(headers: Headers) -> bytes:
    kinds = [value for name, value in headers if name == b"content-type"]
    if len(kinds) != 1:
        raise _unreadable("its type is given twice")
    boundary = _parameters(kinds[0], b"multipart/form-data").get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise _unreadable("its type has no boundary of 1 to 70 allowed characters")
    return boundary


def _read_head(body: bytes, start: int, end: int) -> tuple[bytes, bool, bool, int]:
    """Of one part: its name, whether it is a file, whether it has a transfer encoding, and where its content begins."""
    stop = body.find(b"\r\n\r\n", start, min(end, start + _LONGEST_HEAD))
    if stop < 0:
        raise _unreadable("a part's head does not end")
    fields: dict[bytes, bytes] = {}
    for line in body[start:stop].split(b"\r\n"):
        match = _LINE.fullmatch(line)
        if match is None or match[1].lower() in fields:
            raise _unreadable("a part's head has a line that is folded, repeated or not a field")
        fields[match[1].lower()] = match[2]
    parameters = _parameters(fields.get(b"content-disposition", b""), b"form-data")
    name = parameters.get(b"name", b"")
    # Some servers take `Model`, `model[]` or `%6dodel` for the model.
    plain = re.split(rb"[\[.\s\0]", unquote_to_bytes(name).strip().lower(), maxsplit=1)[0]
    nested = fields.get(b"content-type", b"").lower().startswith(b"multipart/")
    if nested or not name or (plain != name and plain in _SINGLE):
        raise _unreadable("a part has no name, a name close to `model`, or is a form itself")
    return (
        name,
        b"filename" in parameters or b"filename*" in parameters,
        b"content-transfer-encoding" in fields,
        stop + 4,
    )


def _parameters(field: bytes, kind: bytes) -> dict[bytes, bytes]:
    """The parameters after `kind` in a field, names in lower case. Only `filename` may have a `*`."""
    found: dict[bytes, bytes] = {}
    field, at = field.strip(b" \t"), len(kind)
    while field[: len(kind)].lower() == kind and at < len(field):
        match = _PARAMETER.match(field, at)
        name = match[1].lower() if match is not None else b""
        if match is None or name in found or (b"*" in name and name != b"filename*"):
            break
        found[name] = match[2] if match[2] is not None else match[3]
        at = match.end()
    else:
        if found:
            return found
    raise _unreadable(f"a `{kind.decode()}` field is missing, or has parameters given twice or not plain")


def _unreadable(why: str) -> Refused:
    return Refused("bad_body", f"The form cannot be read: {why}.")
