"""No locked dependency has a licence that we may not pass on."""

import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from tests.support.reader import ROOT

_LOCKED = re.findall(r"(?m)^([a-z0-9][a-z0-9-]*)==", (ROOT / "requirements.lock").read_text())
_REFUSED = re.compile(r"\bAGPL|Affero|\bBUSL|Business Source|\bSSPL|Server Side Public|Commons Clause", re.I)


def _licence(name: str) -> str:
    try:
        answer = metadata(name).json
    except PackageNotFoundError:
        return ""  # of another platform
    lines = [str(answer.get("license_expression", "")), str(answer.get("license", "")).partition("\n")[0]]
    return " | ".join([*lines, *(each for each in answer.get("classifier", []) if each.startswith("License"))])


@pytest.mark.parametrize("name", _LOCKED)
def test_a_dependency_may_be_passed_on(name: str) -> None:
    assert not _REFUSED.search(_licence(name)), _licence(name)


@pytest.mark.parametrize("text", ["AGPL-3.0-only", "GNU Affero General Public License v3", "BUSL-1.1", "SSPL-1.0"])
def test_a_refused_licence_is_found(text: str) -> None:
    assert _REFUSED.search(text)
