"""docs/troubleshooting.md names codes that exist, and the ones that people meet most."""

import re

from mercato_contracts.codes import all_codes
from mercato_gateway.codes import CODES as GATEWAY_CODES
from tests.support.reader import ROOT

_PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
_NAMED = re.findall(r"^\| [^|]+ \| `(\w+)` \| [^|]+ \|$", _PAGE, re.M)
_RARE = {
    "bad_request", "bad_version_range", "draining", "headers_too_large", "internal_error", "method_not_allowed",
    "price_unknown", "request_timeout", "target_too_long", "unsupported_transfer",
}  # fmt: skip
"""Of the gateway: nobody meets them with a client that works, or their own text says all."""


def test_every_code_exists() -> None:
    known = {each["code"] for each in all_codes()}
    assert [code for code in _NAMED if code not in known] == []


def test_the_gateways_codes_are_there() -> None:
    assert sorted(set(GATEWAY_CODES) - _RARE - set(_NAMED)) == []


def test_each_row_names_one_code() -> None:
    rows = [line for line in _PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Symptom")]
    assert len(rows) == len(_NAMED)
