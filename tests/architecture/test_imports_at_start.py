"""What a process imports when it starts: a library that few routes need costs every other process time and memory."""

import subprocess
import sys

import pytest

_SCIM = {"scim2_models", "lark"}
_LATE = {
    "mercato.app.worker": _SCIM,
    # The control plane's roles, before it is known which of them are served.
    "mercato.app.parts": _SCIM,
    # It stays beside the processes that it watches.
    "mercato.app.up": {"sqlalchemy", "cryptography", "structlog", "rich", "mercato.platform"},
    "mercato_gateway.main": _SCIM | {"mercato", "fastapi", "sqlalchemy", "pydantic"},
    "mercato_gateway.worker": _SCIM | {"mercato", "fastapi", "sqlalchemy", "pydantic"},
}


@pytest.mark.parametrize("module", _LATE)
def test_a_process_does_not_import_what_others_need(module: str) -> None:
    program = f"import sys, {module}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert _LATE[module] & set(done.stdout.split()) == set()
