"""Zip archives of strangers, which the server, its console and runners read alike."""

import lzma
import zipfile
import zlib

BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, ValueError, OSError, EOFError,
)  # fmt: skip
"""What reading a broken, encrypted or unusual zip may raise, and a disk that takes no more of it."""
