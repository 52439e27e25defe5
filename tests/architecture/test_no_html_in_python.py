"""HTML is in templates, where it is escaped without exception."""

import ast
import re
from pathlib import Path

import mercato

ROOT = Path(mercato.__file__).parent
# Closing tags, and those without one: groups of regular expressions look like opening tags.
TAG = re.compile(
    r"</(html|head|body|main|form|button|label|table|tr|td|p|h1|h2|ul|li|a|span)>|<(!doctype|input)\b", re.IGNORECASE
)


def test_no_string_of_the_control_plane_holds_a_tag() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TAG.search(node.value)
    ]
    assert found == []
