"""Code that is sent as a zip: what no folder can hold is refused before it is stored."""

import base64
import io
import zipfile
from pathlib import Path

import pytest

from mercato.training import CodeRefused, read_code, unpack
from tests.training.scripts import GOOD, zipped


def read(content: bytes) -> bytes:
    return read_code(base64.b64encode(content).decode(), needs="train.py")


def with_member(name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("train.py", GOOD)
        archive.writestr(zipfile.ZipInfo(name), "x")
    return held.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "../a", "a/../../b", "/a", "a\\b", ".", "a/.", "./a", "a//b", "n" * 256, "é" * 128, "d/" * 600 + "x", "a\nb",
        "a\x1b[2J", "a\u202eb", "train.py/x",
    ],
)  # fmt: skip
def test_a_name_that_no_folder_can_hold_is_refused(name: str) -> None:
    with pytest.raises(CodeRefused):
        read(with_member(name))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(CodeRefused, match="twice"):
        read(with_member("train.py"))


@pytest.mark.parametrize("name", ["a", "lib/a.py", "größe/模型.txt", "a b", "..a", "C:/a", "n" * 255])
def test_other_names_are_unpacked(name: str, tmp_path: Path) -> None:
    unpack(read(with_member(name)), tmp_path)
    assert (tmp_path / name).read_text() == "x"
    assert (tmp_path / "train.py").read_text() == GOOD


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"PK\x03\x04", b"PK\x03\x05"),
        ((1000).to_bytes(4, "little"), (10).to_bytes(4, "little")),
        (b"w" * 20, b"v" * 20),
    ],
)
def test_a_member_that_cannot_be_read_is_refused(was: bytes, becomes: bytes, tmp_path: Path) -> None:
    content = zipped(GOOD, a="w" * 1000).replace(was, becomes)
    with pytest.raises(CodeRefused):
        unpack(read(content), tmp_path)
