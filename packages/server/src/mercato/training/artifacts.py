"""Checks and hashes the files that a run left: LightGBM text or ONNX. Loads nothing, least of all a pickle."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

from mercato.training.onnx_file import find_fault
from mercato.training.refusals import ArtifactRefused
from mercato_contracts.training import ArtifactKind

MOST_BYTES = 256 * 1024 * 1024
MOST_FILES = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_PICKLED = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".npy", ".npz", ".dill")
_LIGHTGBM_HEAD = b"tree\nversion=v"
_LONGEST_LINE = 64 * 1024 * 1024
_MOST_LEAVES = 131_072
"""LightGBM's own limit on `num_leaves`."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that may be kept."""

    path: Path
    name: str
    kind: ArtifactKind
    bytes: int
    sha256: str


def check_artifacts(files: list[Path]) -> list[Checked]:
    """Check these files. Raises `ArtifactRefused`; sizes are checked before a byte is read."""
    if len(files) > MOST_FILES:
        raise ArtifactRefused(f"The run left {len(files)} files; at most {MOST_FILES} are kept.")
    sizes = {path: _size(path) for path in files}
    whole = sum(sizes.values())
    if whole > MOST_BYTES:
        raise ArtifactRefused(f"The run left {whole} bytes; at most {MOST_BYTES} are kept.", bytes=whole)
    return [_check(path, sizes[path]) for path in sorted(files)]


def _size(path: Path) -> int:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ArtifactRefused(f"{path.name[:100]} is not a regular file.")
    return status.st_size


def _check(path: Path, size: int) -> Checked:
    name = path.name
    if not _NAME.fullmatch(name):
        raise ArtifactRefused(
            f"{name[:100]!r} is not a name for an artifact: use lower-case letters, digits, `.`, `_`, `-`."
        )
    # Open once without following links: the bytes that are checked are those that are hashed.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        kind = _kind_of(name, file.read(64), size)
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            digest = hashlib.sha256(content).hexdigest()
            fault = find_fault(content) if kind == "onnx" else None
        if kind == "lightgbm":
            file.seek(0)
            fault = _find_fault_of_text(file)
    if fault is not None:
        raise ArtifactRefused(f"{name} is not kept: {fault}.")
    return Checked(path, name, kind, size, digest)


def _kind_of(name: str, head: bytes, size: int) -> ArtifactKind:
    # A pickle starts with the opcode PROTO (protocol 2 and later); earlier ones are text that is neither kind below.
    if name.endswith(_PICKLED) or (head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5) or head[:2] == b"PK":
        raise ArtifactRefused(f"{name} is a pickle or an archive: loading one runs code, so it is never kept.")
    if head.startswith(_LIGHTGBM_HEAD):
        return "lightgbm"
    if name.endswith(".onnx") and _looks_like_onnx(head, size):
        return "onnx"
    raise ArtifactRefused(f"{name} is neither a LightGBM model as text nor ONNX.")


def _find_fault_of_text(file: BinaryIO) -> str | None:
    """Why this is not a LightGBM model, as far as that shows without loading it."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE or b"\0" in line:
            return "it is not text"
        name, _, value = line.partition(b"=")
        # LightGBM allocates memory by this number before it reads on.
        if name == b"num_leaves" and not (value.strip().isdigit() and 1 <= int(value[:20]) <= _MOST_LEAVES):
            leaves = value[:20].decode(errors="replace").strip()
            return f"a tree has 1 to {_MOST_LEAVES} leaves, and one has {leaves!r}"
    return None


def _looks_like_onnx(head: bytes, size: int) -> bool:
    """Whether the first fields are those of an ONNX `ModelProto`: field 1, `ir_version`, a small number, comes first.

    Source: onnx.proto; protobuf writes fields in the order of their numbers.
    """
    return size > 16 and head[:1] == b"\x08" and 3 <= head[1] <= 32
