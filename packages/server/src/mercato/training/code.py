"""The project's code as it is sent: a zip of limited size, whose names stay inside the folder."""

import base64
import binascii
import io
import stat
import zipfile
from pathlib import Path, PurePosixPath

from mercato.training.refusals import CodeRefused
from mercato_contracts.archives import BROKEN_ZIP

MOST_ZIPPED_BYTES = 8 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 500
_LONGEST_NAME = 255
_LONGEST_PATH = 1_000


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
    """Unpack a zip from `read_code` into `folder`. Never writes outside of it, nor more than the zip declares.

    Raises `CodeRefused` for a member that cannot be read.
    """
    members = _members(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in members:
            path = folder / member.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_read(archive, member))


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as source:
            # Reads one byte more than declared, so that zipfile checks the checksum of a member that is longer.
            return source.read(member.file_size + 1)[: member.file_size]
    except BROKEN_ZIP:
        raise CodeRefused(f"{member.filename[:100]!r} in the zip cannot be read.") from None


def _members(content: bytes) -> list[zipfile.ZipInfo]:
    """The files; folders are left out. Raises `CodeRefused`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except BROKEN_ZIP:
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
        if not _can_be_a_file(member.filename):
            raise CodeRefused(f"{member.filename[:100]!r} in the zip cannot be the name of a file.")
    _refuse_two_of_a_name(members)
    return members


def _can_be_a_file(name: str) -> bool:
    parts = name.split("/")
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return False
    plain = name.isprintable() and not {"", ".", ".."} & set(parts)
    return plain and max(sizes) <= _LONGEST_NAME and sum(sizes) + len(parts) <= _LONGEST_PATH


def _refuse_two_of_a_name(members: list[zipfile.ZipInfo]) -> None:
    """Two files of one name, or a file and a folder: programs differ in which they take. Raises `CodeRefused`."""
    files = {member.filename for member in members}
    folders = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents}
    both = sorted(files & folders)
    if len(files) < len(members) or both:
        name = both[0] if both else "A name"
        raise CodeRefused(f"{name[:100]} is in the zip twice.")
