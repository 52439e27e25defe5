"""Forms with files (`multipart/form-data`): bounded before anything is unpacked. The whole body has 16 MiB at most."""

import io
import zipfile
from dataclasses import dataclass
from typing import Self

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mercato.console.forms import Form
from mercato.platform import Malformed
from mercato_contracts.archives import BROKEN_ZIP

_MOST_FILES = 8
_MOST_FIELDS = 100
_MOST_PART_BYTES = 16 * 1024 * 1024
_MOST_NAMES = 2_000


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as the browser sent it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """The fields of a form, and the files that were chosen."""

    form: Form
    files: dict[str, SentFile]

    @classmethod
    async def of(cls, request: Request) -> Self:
        """Raises `Malformed` for another type, or what cannot be read."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Malformed("The body must be a form with files (`multipart/form-data`).")
        parser = MultiPartParser(
            request.headers, request.stream(), max_files=_MOST_FILES, max_fields=_MOST_FIELDS,
            max_part_size=_MOST_PART_BYTES,
        )  # fmt: skip
        fields: dict[str, list[str]] = {}
        files: dict[str, SentFile] = {}
        try:
            data = await parser.parse()
        except (MultiPartException, ValueError, KeyError):
            raise Malformed("The form with files cannot be read.") from None
        try:
            for name, value in data.multi_items():
                if isinstance(value, UploadFile):
                    if value.filename:
                        files[name] = SentFile(value.filename[:200], await value.read())
                else:
                    fields.setdefault(name, []).append(value)
        finally:
            await data.close()
        if any("\0" in value for values in fields.values() for value in values):
            raise Malformed("The form holds a NUL character.")
        return cls(Form(fields), files)

    def text(self, name: str, what: str, most_bytes: int) -> str | None:
        """A file's text, or what was typed instead; `None` where there is neither. Raises `Malformed`."""
        file = self.files.get(name)
        if file is None:
            return self.form.raw(name) or None
        return decoded(file.content, what, most_bytes)


def decoded(content: bytes, what: str, most_bytes: int) -> str:
    """Raises `Malformed` for what is too large or no UTF-8."""
    if len(content) > most_bytes:
        raise Malformed(f"{what} has more than {most_bytes // 1024:,} KiB.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{what} is no UTF-8 text.") from None


def read_member(archive: bytes, name: str, most_bytes: int) -> bytes | None:
    """A file of a zip, at its top or in its one folder; `None` where there is none. Never unpacks more than allowed.

    Raises `Malformed`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            names = opened.namelist()
            if len(names) > _MOST_NAMES:
                raise Malformed(f"The zip has more than {_MOST_NAMES:,} files.")
            found = [each for each in names if each == name or each.partition("/")[2] == name]
            if not found:
                return None
            with opened.open(min(found, key=len)) as member:
                content = member.read(most_bytes + 1)
    except BROKEN_ZIP:
        raise Malformed("The zip cannot be read.") from None
    if len(content) > most_bytes:
        raise Malformed(f"{name[:100]} in the zip has more than {most_bytes // 1024:,} KiB.")
    return content
