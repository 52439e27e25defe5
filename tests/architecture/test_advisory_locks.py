"""No two readers, chores or logs share an advisory lock: who came second would wait for a lead that never ends."""

import ast
import re
from collections import Counter

from tests.architecture.reading import Module, modules

_IN_SQL = re.compile(r"pg_\w*advisory\w*lock\w*\((?:hashtextextended\([^)]*, )?(\d{9,})\)")


def _numbers(module: Module) -> list[int]:
    """The locks that a file names: a long number, or one in its SQL."""
    found: list[int] = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value > 4_000_000_000:
            found.append(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [int(number) for number in _IN_SQL.findall(node.value)]
    return found


def test_each_advisory_lock_is_used_for_one_thing() -> None:
    used = Counter(number for module in modules() for number in _numbers(module))
    assert {7_245_110_388, 4_017_202_632} <= set(used), "locks are no longer found: mend this test"
    assert [number for number, times in used.items() if times > 1] == []
