"""The project's code as it is sent: a zip of limited size, whose names stay inside the folder."""

import base64
import binascii
import io
import stat
import zipfile
from pathlib import Path, PurePosixPath

from mercato.training.refusals import CodeRefused

MOST_ZIPPED_BYTES = 8 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 500


def read_code(text: str, *, needs: str) -> bytes:
    """Decode a zip from base64; a file `needs` must be at its top. Raises `CodeRefused`."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CodeRefused("`code` is not base64.") from None
    if len(content) > MOST_ZIPPED_BYTES:
        raise CodeRefused(f"The zip has {len(content)} bytes; at most {MOST_ZIPPED_BYTES} are accepted.")
    names = {member.filename for member in _members(content)}
    if needs not in names:
        raise CodeRefused(f"The zip has no `{needs}` at its top.")
    return content


def unpack(content: bytes, folder: Path) -> None:
    """Unpack a zip from `read_code` into `folder`. Never writes outside of it, nor more than the zip declares."""
    members = _members(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in members:
            path = folder / member.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source:
                # Reads one byte more than declared, so that zipfile checks the checksum of a member that is longer.
                path.write_bytes(source.read(member.file_size + 1)[: member.file_size])


def _members(content: bytes) -> list[zipfile.ZipInfo]:
    """The files; folders are left out. Raises `CodeRefused`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise CodeRefused("`code` is not a zip.") from None
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
        raise CodeRefused(f"The zip has more than {MOST_FILES} files or {MOST_BYTES} bytes.")
    for member in members:
        path = PurePosixPath(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename or "\0" in member.filename:
            raise CodeRefused(f"The zip names a file outside of the project: {member.filename[:100]!r}.")
        if kind not in (0, stat.S_IFREG) or member.flag_bits & 0x1:
            raise CodeRefused(f"{member.filename[:100]!r} is a link, a device or encrypted.")
    return members
