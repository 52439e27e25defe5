"""The messages between the processes: a status byte, a length, and a pickle that is read with restrictions."""

import io
import pickle
import struct
from typing import Any

HEAD = struct.Struct(">cQ")
"""A status and the number of bytes that follow."""

TASK, RESULT, RAISED, NO_MEMORY, KILLED = b"T", b"R", b"E", b"M", b"K"

_PACKAGES = ("mercato_checks.", "mercato_contracts.")


def frame(status: bytes, content: bytes) -> bytes:
    """One message."""
    return HEAD.pack(status, len(content)) + content


def pack(value: Any) -> bytes:
    """A value of plain types and of the checks' own dataclasses."""
    return pickle.dumps(value, protocol=5)


def unpack(content: bytes) -> Any:
    """The value. Its writer has read hostile text, so only the checks' own classes are instantiated."""
    return _Unpickler(io.BytesIO(content)).load()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith(_PACKAGES) and "." not in name else None
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f"{module}.{name} is not a class of the checks")
        return found
