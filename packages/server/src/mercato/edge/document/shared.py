"""Answers that several operations give alike stand once, under `components/responses`."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any


def share_answers(operations: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Replace repeated problems by references; what they refer to, by name."""
    listed = [operation["responses"] for operation in operations]
    often = Counter(json.dumps(answer) for answers in listed for answer in answers.values())
    shared: dict[str, dict[str, Any]] = {}
    for answers in listed:
        for status, answer in answers.items():
            codes = _codes(answer)
            if codes and often[json.dumps(answer)] > 1:
                name = _free_name(f"{status}.{'.'.join(codes)}", answer, shared)
                shared[name] = answer
                answers[status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _codes(answer: dict[str, Any]) -> list[str]:
    return [name for content in answer.get("content", {}).values() for name in content.get("examples", {})]


def _free_name(name: str, answer: dict[str, Any], shared: dict[str, dict[str, Any]]) -> str:
    """A name with a mark behind it where another answer with the same codes has it, such as one of a public route."""
    while shared.get(name, answer) != answer:
        name += "_"
    return name
