"""What reports a failure in an answer, for the gateway that bills and for `mp` that shows it."""

import pytest

from mercato_contracts.answers import is_failing_status, names_failure


@pytest.mark.parametrize(
    ("code", "fails"),
    [("400", True), ("599", True), ("200", False), ("600", False), ("0404", False), ("4", False), ("4²³", False),
     ("None", False), ("True", False), ("", False)],
)  # fmt: skip
def test_a_code_fails_from_400_to_599(code: str, fails: bool) -> None:
    assert is_failing_status(code) == fails


@pytest.mark.parametrize(
    ("name", "word", "fails"),
    [
        ("type", "error", True), ("object", "exception", True), ("type", "response.failed", True),
        ("type", "rate_limit_error", True), ("state", "failed", True), ("event", "failure", True),
        ("code", "503", True), ("status", "error", True),
        ("object", "failed", False), ("type", "message", False), ("type", "503", False), ("status", "ok", False),
    ],
)  # fmt: skip
def test_a_member_names_a_failure(name: str, word: str, fails: bool) -> None:
    assert names_failure(name, word) == fails
