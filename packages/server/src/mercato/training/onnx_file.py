"""Walks through an ONNX file without loading it: is it complete, and does it refer to other files?

ONNX is a protobuf message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). A tensor may refer to another file
for its numbers, by a path that a program opens when it loads the model; the file that was hashed is then not the model.
"""

from collections.abc import Iterator
from mmap import mmap

_DEEPEST = 32
"""How deep messages may nest: subgraphs of subgraphs are rarely more than three deep."""
_MOST_FIELDS = 2_000_000
"""A model of a hundred layers has about twenty thousand."""

_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}  # fmt: skip
"""By message, the fields whose messages may contain a tensor."""
_GRAPH = 7
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def find_fault(content: bytes | mmap) -> str | None:
    """Why this is not a self-contained model, in a few words; None if it is one."""
    has_graph, left = False, _MOST_FIELDS
    ahead = [("model", 0, len(content), 0)]
    while ahead:
        kind, at, end, depth = ahead.pop()
        if depth > _DEEPEST:
            return "its messages are nested without end"
        try:
            for number, wire, begin, after in _fields(content, at, end):
                left -= 1
                if left < 0:
                    return "it has too many parts"
                if kind == "tensor" and number in (_EXTERNAL_DATA, _DATA_LOCATION):
                    if number == _EXTERNAL_DATA or content[begin:after] != b"\0":
                        return "its numbers are in another file"
                elif wire == _LENGTH and number in _INSIDE[kind]:
                    has_graph = has_graph or (kind == "model" and number == _GRAPH)
                    ahead.append((_INSIDE[kind][number], begin, after, depth + 1))
        except ValueError:
            return "it is cut off or damaged"
    return None if has_graph else "it has no graph"


def _fields(content: bytes | mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, wire type, start and end of each field's value. Raises `ValueError` if it is not a message."""
    while at < end:
        key, at = _varint(content, at, end)
        number, wire = key >> 3, key & 7
        begin = at
        if wire == _VARINT:
            _, after = _varint(content, at, end)
        elif wire == _LENGTH:
            size, begin = _varint(content, at, end)
            after = begin + size
        elif wire in (_EIGHT, _FOUR):
            after = at + (8 if wire == _EIGHT else 4)
        else:
            raise ValueError("no such wire type")
        if number == 0 or after > end:
            raise ValueError("no field")
        yield number, wire, begin, after
        at = after


def _varint(content: bytes | mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("no number")
